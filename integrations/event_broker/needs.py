"""What a connection to the event broker needs."""

from __future__ import annotations

from controltower.canonical import schema
from integrations.needed import Needs, Option, Reading, Secret, Shape

NEEDS = Needs(
    plays="broker",
    address="rediss://<host>:6379",
    secrets=(
        Secret("user", "The name of a user of the broker.", "From the broker's list of users."),
        Secret("password", "The password of that user.", "From whoever runs the broker."),
    ),
    options=(
        Option(
            "publishes",
            Shape.TEXT,
            "The stream in which our events are published.",
            default="tower.events",
        ),
        Option("source", Shape.TEXT, "Our name in those events.", default="/control-tower"),
        Option("reads", Shape.TEXT, "The stream of others' events.", default="firm.events"),
        Option("group", Shape.TEXT, "The consumer group that we read as.", default="control-tower"),
        Option("consumer", Shape.TEXT, "Our name in that group; the connection's if not given."),
        Option(
            "patience_seconds",
            Shape.NUMBER,
            "After how many seconds what another consumer was given is taken over.",
            default=60,
        ),
    ),
    feeds={"event": Reading(5, tuple(schema.ACCEPTED))},
)
