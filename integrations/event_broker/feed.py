"""What other systems tell, read by a consumer group: it remembers what was given out and not yet
acknowledged, and gives it out again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from redis.exceptions import ResponseError

from integrations import exact_json
from integrations.answers import each
from integrations.connector import Change, ChangePage
from integrations.event_broker import events
from integrations.event_broker.client import Reply, Session
from integrations.event_broker.refusals import code_of
from integrations.shape import Drift

_START = "0-0"


@dataclass(frozen=True, slots=True)
class Group:
    """Who we are to the broker: one consumer of a group on a stream. What another consumer has not
    acknowledged for `patience` milliseconds is ours to do."""

    stream: str
    name: str
    consumer: str
    patience: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reading stands, as it is committed with what was read.

    `after` is the last entry of the page before ("" begins with what was given out before).
    `passed` are entries to be acknowledged that are kept aside, or from which nothing follows.
    `missed` is how many entries were known to be gone unread, `joined` whether the group was there.
    """

    after: str = ""
    passed: tuple[str, ...] = field(default_factory=tuple)
    missed: int = 0
    joined: bool = False

    @classmethod
    def read(cls, cursor: str) -> Place:
        """From a cursor; the beginning when it cannot be read."""
        try:
            said: Any = exact_json.decode(cursor)
            after, passed, missed = str(said["after"]), tuple(said["passed"]), int(said["missed"])
            fits = all(events.ENTRY.fullmatch(one) for one in (*passed, after or _START))
        except (ValueError, TypeError, KeyError):
            return cls()
        return cls(after, passed, missed, joined=True) if fits else cls()

    def text(self) -> str:
        """As a cursor."""
        said = {"after": self.after, "passed": list(self.passed), "missed": self.missed}
        return exact_json.encode(said)


async def changes(
    session: Session, group: Group, source: str, cursor: str, limit: int
) -> tuple[ChangePage, dict[str, str]]:
    """A page: what was given out before and not acknowledged, then what is new; and which entry
    each fact stands in. Entries that were trimmed before anybody read them, or before we kept them,
    are a gap. Raises RedisError, Drift."""
    known = Place.read(cursor)
    if known.passed:
        await acknowledge(session, group, known.passed)
    gap = await _join(session, group) and known.joined
    if not known.after:
        gap |= await _claim(session, group, limit)
    given = await _given(session, group, known.after or _START, limit)
    missed = known.missed
    if len(given) < limit:
        missed = await _missed(session, group)
        given += await _given(session, group, ">", limit - len(given))
    gone = [place.decode() for place, fields in given if not fields]
    there = [(place.decode(), fields) for place, fields in given if fields]
    found, aside = each(
        (
            (*events.kept_of(place, fields), partial(_placed, source, place, fields))
            for place, fields in there
        ),
        singly=True,
    )
    taken = dict(found)
    passed = (*gone, *(place for place, _ in there if place not in taken))
    has_more = len(given) == limit
    after = given[-1][0].decode() if has_more else ""
    page = ChangePage(
        changes=_once(list(taken.values())),
        next_cursor=Place(after, passed, missed).text(),
        has_more=has_more,
        gap=gap or bool(gone) or missed > known.missed,
        aside=aside,
    )
    return page, {place: change.event.id for place, change in taken.items()}


def _placed(source: str, place: str, fields: Sequence[bytes]) -> tuple[str, Change] | None:
    """An entry's place with the fact that it holds, None where it holds none of ours. Raises
    Drift."""
    change = events.change(source, events.entry(place, fields))
    return (place, change) if change else None


async def acknowledge(session: Session, group: Group, places: Sequence[str]) -> None:
    """Let the group forget entries. May be repeated. Raises RedisError."""
    await session.ask("XACK", group.stream, group.name, *places)


def _once(told: Sequence[Change]) -> Sequence[Change]:
    """A producer that was in doubt has told a fact twice."""
    return list({change.event.id: change for change in told}.values())


async def _join(session: Session, group: Group) -> bool:
    """Make the group where there is none, from the stream's beginning; whether it was made."""
    try:
        await session.ask(
            "XGROUP", "CREATE", group.stream, group.name, "0", "MKSTREAM", "ENTRIESREAD", 0
        )
    except ResponseError as problem:
        if code_of(problem) != "BUSYGROUP":
            raise
        return False
    return True


async def _claim(session: Session, group: Group, limit: int) -> bool:
    """Take over what a consumer that is gone has left; whether some of that is trimmed already."""
    _following, _claimed, gone = await session.ask(
        "XAUTOCLAIM", group.stream, group.name, group.consumer, group.patience, _START,
        "COUNT", limit, "JUSTID",
    )  # fmt: skip
    return bool(gone)


async def _given(session: Session, group: Group, after: str, limit: int) -> list[Reply]:
    reply = await session.ask(
        "XREADGROUP", "GROUP", group.name, group.consumer, "COUNT", limit,
        "STREAMS", group.stream, after,
    )  # fmt: skip
    return list(reply[0][1]) if reply else []


async def _missed(session: Session, group: Group) -> int:
    """How many entries are gone that this group was never given.

    The broker counts what was ever added and, for the group, how far it has come. When nothing in
    the stream was given out yet, the difference should be its length.
    """
    stream = _named(await session.ask("XINFO", "STREAM", group.stream))
    groups = map(_named, await session.ask("XINFO", "GROUPS", group.stream))
    ours = next(one for one in groups if one["name"] == group.name.encode())
    first, read = stream["first-entry"], ours["entries-read"]
    if read is None or (first and _order(first[0]) <= _order(ours["last-delivered-id"])):
        return 0
    return max(0, int(stream["entries-added"]) - int(read) - int(stream["length"]))


def _named(pairs: Sequence[Reply]) -> dict[str, Reply]:
    found = {name.decode(): value for name, value in zip(pairs[::2], pairs[1::2], strict=True)}
    if not found:
        raise Drift("the broker says nothing of the stream")
    return found


def _order(place: bytes) -> tuple[int, int]:
    at, _, number = place.decode().partition("-")
    return int(at), int(number)
