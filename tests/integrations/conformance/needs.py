"""What a check needs of a subject to be meaningful."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from controltower.canonical.verdicts import Effect
from integrations.connector import ChangeFeed, Receiver, Subscribed
from tests.integrations.subject import Subject

Need = Callable[[type[Subject]], bool]
C = TypeVar("C", bound=Callable[..., Any])

ACKNOWLEDGED = {ChangeFeed.FLAG, ChangeFeed.QUEUE, ChangeFeed.FILE}


def needs(*wanted: Need) -> Callable[[C], C]:
    """Mark a check as meaningful only for subjects of which all of this is true."""

    def marked(check: C) -> C:
        check.needs = wanted  # type: ignore[attr-defined]
        return check

    return marked


def meets(kind: type[Subject], check: Callable[..., Any]) -> bool:
    """Whether the check is meaningful for the subject."""
    return all(need(kind) for need in getattr(check, "needs", ()))


def writes(kind: type[Subject]) -> bool:
    """It writes."""
    return bool(kind.verb)


def creates(kind: type[Subject]) -> bool:
    """It makes records, found again by our reference."""
    return kind.verb == "upsert"


def keyed(kind: type[Subject]) -> bool:
    """The target itself keeps two sends of one key apart from two records."""
    return creates(kind) and effect_of(kind) is Effect.KEYED


def changes(kind: type[Subject]) -> bool:
    """What was written can be changed."""
    return not kind.is_lasting


def lasts(kind: type[Subject]) -> bool:
    """What was written is never changed."""
    return kind.is_lasting


def probed(kind: type[Subject]) -> bool:
    """Our reference is looked up before anything is sent again."""
    return creates(kind) and effect_of(kind) in {Effect.PROBED, Effect.LAGGING}


def declared(kind: type[Subject]) -> bool:
    """It says itself what a connection needs, rather than whoever describes it."""
    return bool(kind.descriptor().needs.plays)


def signs_in(kind: type[Subject]) -> bool:
    """It has a session that ends."""
    return kind.descriptor().auth.has_session


def has_secrets(kind: type[Subject]) -> bool:
    """It signs in with something that may be wrong."""
    return kind.has_secrets


def over_http(kind: type[Subject]) -> bool:
    """It speaks HTTP, where a proxy's page or a broken body may come instead of an answer."""
    return kind.over_http


def throttled(kind: type[Subject]) -> bool:
    """The vendor limits calls."""
    return bool(kind.throttles)


def says_when(kind: type[Subject]) -> bool:
    """The vendor says when to come again."""
    return kind.says_when


def fed(kind: type[Subject]) -> bool:
    """It reads what changed."""
    return feed_of(kind) is not ChangeFeed.NONE


def retold(kind: type[Subject]) -> bool:
    """The same fact may be read twice: everything but a queue that forgets."""
    return feed_of(kind) in {ChangeFeed.POLL, ChangeFeed.STREAM}


def taken_away(kind: type[Subject]) -> bool:
    """What was a fact may be one no longer, and that is told."""
    return retold(kind) and kind.tells_what_is_gone


def acknowledged(kind: type[Subject]) -> bool:
    """The source keeps changes until it is told that they are committed."""
    return feed_of(kind) in ACKNOWLEDGED


def forgetting(kind: type[Subject]) -> bool:
    """The source gives up for good what it is told we have."""
    return feed_of(kind) in {ChangeFeed.QUEUE, ChangeFeed.FILE}


def retained(kind: type[Subject]) -> bool:
    """The source forgets changes after a while."""
    return fed(kind) and kind.descriptor().retention is not None


def hears(kind: type[Subject]) -> bool:
    """The vendor tells changes by signed messages."""
    return issubclass(kind.connector_class(), Receiver)


def subscribed(kind: type[Subject]) -> bool:
    """The vendor sends us messages by a subscription, which may go."""
    return issubclass(kind.connector_class(), Subscribed)


def dated(kind: type[Subject]) -> bool:
    """Its messages say, under the signature, when they were sent."""
    return kind.says_age


def answered(kind: type[Subject]) -> bool:
    """Its write is answered with a body that says what was done."""
    return kind.answers_writes


def twins(kind: type[Subject]) -> bool:
    """The target may hold several records of one reference."""
    return kind.has_twins


def shaped(kind: type[Subject]) -> bool:
    """Members of the vendor's answers are named, whose loss or change must be noticed."""
    return bool(kind.members)


def in_rows(kind: type[Subject]) -> bool:
    """Its feed's answers hold several rows, of which one may be bad."""
    return bool(kind.row_member)


def listing(kind: type[Subject]) -> bool:
    """The vendor's answers hold values of a closed list."""
    return bool(kind.choices)


def has_text(kind: type[Subject]) -> bool:
    """What it writes has a name."""
    return kind.has_text


def has_money(kind: type[Subject]) -> bool:
    """What it writes has an amount."""
    return kind.has_money


def compared(kind: type[Subject]) -> bool:
    """Its records can be listed for reconciliation."""
    return kind.has_keys


def effect_of(kind: type[Subject]) -> Effect:
    """How its write may be repeated."""
    return kind.descriptor().operation(kind.entity, kind.verb).effect


def feed_of(kind: type[Subject]) -> ChangeFeed:
    """How it tells what changed."""
    return kind.descriptor().feeds.get(kind.feed, ChangeFeed.NONE)
