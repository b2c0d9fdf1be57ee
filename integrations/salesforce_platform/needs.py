"""What a connection to an org needs, whichever of its applications is spoken to."""

from __future__ import annotations

from integrations.needed import Option, Secret, Shape, looking_back

SECRETS = (
    Secret(
        "client_id",
        "The consumer key of a connected app that allows the client credentials flow.",
        "In Salesforce: Setup, App Manager, the app's menu, Manage Consumer Details.",
    ),
    Secret(
        "client_secret",
        "The consumer secret of that connected app.",
        "In Salesforce: Setup, App Manager, the app's menu, Manage Consumer Details.",
    ),
)
OPTIONS = (
    looking_back(7),
    Option(
        "overlap_seconds",
        Shape.NUMBER,
        "How many seconds a poll looks back for records that were committed late.",
        default=10,
    ),
    Option(
        "stream.url",
        Shape.ADDRESS,
        "Where the Pub/Sub API is, for feeds that are streamed instead of polled.",
    ),
    Option("stream.entities", Shape.NAMES, "The feeds that are streamed, such as opportunity."),
    Option(
        "stream.tenant",
        Shape.TEXT,
        "The org's id, where the session's token does not begin with it.",
        default="",
    ),
    Option(
        "stream.wait_seconds",
        Shape.NUMBER,
        "How many seconds a reading of the stream listens.",
        default=5,
    ),
    Option(
        "stream.settle_seconds",
        Shape.NUMBER,
        "How many seconds it listens on when something was told.",
        default=0.25,
    ),
    Option(
        "stream.insecure",
        Shape.YES_NO,
        "Whether the stream is spoken to without encryption, on this machine alone.",
        default=False,
    ),
)
ADDRESS = "https://<org>.my.salesforce.com"
