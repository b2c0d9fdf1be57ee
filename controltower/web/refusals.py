"""Why the webhook door refuses a request, in words that a partner can act upon."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from controltower.web import cloudevents
from controltower.web.errors import PROBLEM, problem
from controltower.web.group_commit import Unkeepable
from controltower.web.ledger import NotKept, OtherContent, Uncertain

NOTHING_STORED = "Nothing was stored."


class Answer(NamedTuple):
    """What the door says."""

    status: int
    content: bytes
    headers: dict[str, str]


class Refused(Exception):
    """The request is answered with a problem document; `more` are its extension members."""

    def __init__(self, status: int, name: str, title: str, detail: str, **more: object) -> None:
        super().__init__(name)
        self.status, self.name, self.title, self.detail = status, name, title, detail
        self.more = more
        self.headers = {"Content-Type": PROBLEM}

    def telling(self, **headers: str) -> Refused:
        """The same with headers: `Retry_After="1"`."""
        self.headers |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self

    def answer(self, reference: str) -> Answer:
        """The problem document under the request's reference."""
        document = problem(
            self.status, self.name, self.title, self.detail, reference=reference, **self.more
        )
        return Answer(self.status, document.content, self.headers)


def unknown_connection() -> Refused:
    """404: nobody has set this connection up."""
    return Refused(
        404, "unknown-connection", "There is no such connection",
        f"{NOTHING_STORED} Check the address; the tower's administrator sets connections up.",
    )  # fmt: skip


def only_post() -> Refused:
    """405: nothing is shown at the door."""
    refused = Refused(405, "only-post", "Events are sent by POST", NOTHING_STORED)
    return refused.telling(Allow="POST")


def too_slow(seconds: float) -> Refused:
    """408: the body took too long to arrive."""
    return Refused(
        408, "too-slow", "The message did not arrive in time",
        f"{NOTHING_STORED} A body must arrive within {seconds:.0f} seconds. Send it again.",
    ).telling(Connection="close")  # fmt: skip


def forged(why: str) -> Refused:
    """401: the signature does not hold."""
    return Refused(
        401, "signature", "The signature does not hold",
        f"{why} {NOTHING_STORED} Sign id, timestamp and body with the connection's key.",
    ).telling(WWW_Authenticate="StandardWebhooks")  # fmt: skip


def not_the_vendors(why: str) -> Refused:
    """401: a message in a vendor's dialect that the vendor has not signed."""
    return Refused(
        401, "signature", "The signature does not hold",
        f"{why} {NOTHING_STORED} Compare the key at the vendor with the system's key here.",
    )  # fmt: skip


def drifted(why: str) -> Refused:
    """422: the vendor has signed it, and it is not shaped as agreed."""
    return Refused(
        422, "drift", "The message is not shaped as agreed",
        f"{why[:1].upper()}{why[1:]}. {NOTHING_STORED} The vendor will repeat it; what it told is "
        "also read by the system's feed.",
    )  # fmt: skip


def wrong_type(why: str) -> Refused:
    """415: another kind of content than CloudEvents in plain JSON."""
    return Refused(
        415, "wrong-type", "This kind of content is not taken", f"{why} {NOTHING_STORED}"
    ).telling(Accept=", ".join(cloudevents.TAKEN))


def malformed(why: str) -> Refused:
    """400: it cannot be read as what it claims to be."""
    return Refused(
        400, "malformed", "The event could not be read",
        f"{why} {NOTHING_STORED} Correct it and send it again under a new webhook-id.",
    )  # fmt: skip


def malformed_among_others(events: Sequence[dict[str, object]]) -> Refused:
    """400: some events of a batch cannot be read, so that none of it is stored."""
    return Refused(
        400, "malformed", "Some events of the batch could not be read",
        f"{NOTHING_STORED} Correct those named, and send the batch again under a new webhook-id.",
        events=events,
    )  # fmt: skip


def not_kept(error: NotKept | Uncertain) -> Refused:
    """What a commit that did not come about means to the sender."""
    match error:
        case OtherContent():
            return id_reused(error.events)
        case Unkeepable():
            return unkeepable()
        case Uncertain():
            return uncertain()
    return database_away()


def unkeepable() -> Refused:
    """400: it can be read and yet not be stored."""
    return malformed("The event holds something that cannot be stored.")


def id_reused(events: Sequence[str]) -> Refused:
    """409: an id means one content, for ever."""
    return Refused(
        409, "id-reused", "This id was used before for another content",
        f"{NOTHING_STORED} The first content stands. Give the new event an id of its own.",
        **({"events": [{"id": event} for event in events]} if events else {}),
    )  # fmt: skip


def busy() -> Refused:
    """503: more has come at once than the tower holds in memory."""
    return Refused(
        503, "busy", "The tower takes in as much as it can already",
        f"{NOTHING_STORED} Send the same message again in a second.",
    ).telling(Retry_After="1")  # fmt: skip


def database_away() -> Refused:
    """503: nothing can be stored."""
    return Refused(
        503, "database-away", "The tower cannot store anything at the moment",
        f"{NOTHING_STORED} Send the same message again in a few seconds.",
    ).telling(Retry_After="5")  # fmt: skip


def uncertain() -> Refused:
    """503: the database went away while it was storing."""
    return Refused(
        503, "uncertain", "The tower cannot tell whether this was stored",
        "Send the same message again in a few seconds: it will be stored once, either way.",
    ).telling(Retry_After="5")  # fmt: skip


def our_fault() -> Refused:
    """500: a fault in the tower."""
    return Refused(
        500, "our-fault", "The tower failed",
        "Send the same message again: it is stored once, either way. If it fails again, quote the "
        "reference to the tower's administrator.",
    )  # fmt: skip
