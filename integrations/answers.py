"""What every connector makes of an answer in the same way, whoever the vendor is."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import TypeVar

from controltower.canonical.verdicts import (
    Exchange,
    Kind,
    Misconfigured,
    TryLater,
    Unavailable,
    Unknown,
    Verdict,
)
from integrations import exact_json
from integrations.connector import CallFailed, Unread
from integrations.http import Answer, NeverSent, NoAnswer
from integrations.orders import Unfit
from integrations.shape import Drift, Odd, Row

T = TypeVar("T")
UNNAMED = "unnamed"
"""The code of an error to which its vendor gave none."""
PERIOD_CLOSED = re.compile(
    r"period\b[^.]{0,40}\b(closed|locked|not open)|(closed|within an open)( accounting)? period",
    re.IGNORECASE,
)
"""How vendors say that the month is closed, where they have no code for it."""
ALREADY_THERE = re.compile(
    r"already exist(s|ed)?\b|already been (taken|used)|same (key|value)|\bduplicate\b",
    re.IGNORECASE,
)
"""How vendors say that there is one of this name, where they have no code for it."""


def kind_by(words: str, otherwise: Kind) -> Kind:
    """Of what kind a refusal is by its words, for vendors who have no code for it."""
    if PERIOD_CLOSED.search(words):
        return Kind.PERIOD_CLOSED
    return Kind.DUPLICATE if ALREADY_THERE.search(words) else otherwise


def unanswered(result: NeverSent | NoAnswer, *, writing: bool) -> Verdict:
    """What a call without an answer came to; a read that got none may simply be read again."""
    if isinstance(result, NeverSent):
        return Unavailable(text=result.text, exchange=result.exchange)
    if writing:
        return Unknown(text=result.text, exchange=result.exchange)
    return TryLater(kind=Kind.OUTAGE, text=result.text, exchange=result.exchange)


def foreign(answer: Answer, text: str, *, writing: bool) -> Verdict:
    """What an answer came to that is not one of the vendor's own: a proxy's page, a broken body."""
    if writing:
        return Unknown(text=text, exchange=answer.exchange)
    return TryLater(kind=Kind.OUTAGE, text=text, after=answer.retry_after, exchange=answer.exchange)


def throttled(answer: Answer, title: str) -> TryLater:
    """The vendor asks for a rest, and has certainly not done what it was asked."""
    return TryLater(
        kind=Kind.RATE_LIMITED,
        text=f"{title} asks to call less often.",
        after=answer.retry_after,
        exchange=answer.exchange,
    )


def error_in(answer: Answer) -> tuple[str, str]:
    """Code and words of Microsoft's ``{"error": {"code", "message"}}``; the code is "" when the
    answer is none of these, and `UNNAMED` where the vendor left it empty."""
    try:
        content = exact_json.decode(answer.body)
    except ValueError:
        return "", ""
    error = content.get("error") if isinstance(content, Mapping) else None
    if not isinstance(error, Mapping) or not (error.get("code") or error.get("message")):
        return "", ""
    return str(error.get("code") or UNNAMED), str(error.get("message") or "")


def not_offered(title: str, what: str) -> Misconfigured:
    """An entity or an action that the connector does not have; nothing was sent."""
    return Misconfigured(kind=Kind.CONTRACT, text=f"The {title} connector offers no {what}.")


def offered(title: str, entity: str, known: Collection[str]) -> None:
    """Raises CallFailed for an entity that the connector does not have."""
    if entity not in known:
        raise CallFailed(not_offered(title, entity))


async def verdict_from(operation: Awaitable[Verdict]) -> Verdict:
    """What an operation came to that tells doubt of its own: when answers have drifted otherwise,
    nothing has been written."""
    try:
        return await data_from(operation)
    except CallFailed as failure:
        return failure.verdict
    except Unfit as unfit:
        return unfit.verdict


async def data_from(operation: Awaitable[T]) -> T:
    """What an operation has read. Raises CallFailed when answers are not shaped as agreed."""
    try:
        return await operation
    except Drift as drift:
        raise CallFailed(drift.verdict()) from None


Item = tuple[str, Row | bytes, Callable[[], T | None]]
"""A record's id, its row (or the bytes to keep of it), and what reads it: None for a row that is no
fact."""


def each(items: Iterable[Item[T]], *, singly: bool = False) -> tuple[list[T], list[Unread]]:
    """The facts in rows, and the rows that could not be read, so that one bad row stops no other.

    Raises Drift when it is not one row's own trouble: no fact can be read, and there are several
    such rows, or the only one has not the shape that was agreed. A row that is no fact proves
    nothing. Where rows come `singly`, a queue's messages or a file's records, each is whole by
    itself and says nothing of the others: it is only ever set aside.
    """
    found, aside, troubles = list[T](), list[Unread](), list[Drift]()
    for ref, row, read in items:
        try:
            fact = read()
        except Drift as drift:
            troubles.append(drift)
            raw = row if isinstance(row, bytes) else exact_json.encode(row).encode()
            aside.append(Unread(raw, ref, str(drift)))
        else:
            found += [fact] if fact is not None else []
    alone = len(troubles) == 1 and isinstance(troubles[0], Odd)
    if troubles and not found and not (singly or alone):
        raise troubles[0]
    return found, aside


def as_agreed(reading: Callable[[], T], exchange: Exchange | None = None) -> T:
    """What an answer says. Raises CallFailed when it is not shaped as agreed."""
    try:
        return reading()
    except Drift as drift:
        raise CallFailed(drift.verdict(exchange)) from None
