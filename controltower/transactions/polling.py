"""Read what changed in the systems that do not tell us by themselves.

The cursor moves in the same commit as the events it brought.
"""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import monotonic

from django.db import DataError
from django.db.models import QuerySet
from django.db.transaction import atomic

from controltower.canonical.verdicts import Kind, TryLater, Verdict
from controltower.firm.models import Surge
from controltower.processes.month_end_close import SURGE_PACE
from controltower.systems import calls, circuit, contracts
from controltower.systems.models import Call, Feed, System
from controltower.systems.switchboard import Reply, Switchboard
from controltower.transactions import bell, clock, intake, settlement

log = logging.getLogger(__name__)
PAGE = 200
BUDGET = timedelta(seconds=25)
"""For how long a job takes up feeds; what is being read then is still kept."""
GLANCE = 0.05
CLAIM_EVERY = 0.5
"""Seconds between looks for feeds that have fallen due while others are being read: a stream is
listened to for seconds."""
SPARED = 0.7
"""The share of a connection's limit up to which its feeds are read more often in a surge."""


def feeds_due(*, now: datetime) -> QuerySet[Feed]:
    """Feeds whose next look is due and whose system may be called."""
    callable_now = System.objects.callable(now)
    return Feed.objects.filter(due_at__lte=now, system__in=callable_now).order_by("due_at", "pk")


def interval(feed: Feed, *, surging: bool) -> timedelta:
    """How long a feed rests between two looks: shorter in a surge, save where most of the
    connection's limit is used up."""
    system, rest = feed.system, timedelta(seconds=feed.every_seconds)
    spent = (system.quota_used or 0) > SPARED * (system.quota_limit or math.inf)
    return rest / SURGE_PACE if surging and not spent else rest


def poll(*, budget: timedelta = BUDGET) -> int:
    """Read all feeds that are due to their ends, beside each other; returns how many new facts
    were stored. A slow source delays nobody else's feed: others are taken up while it is awaited.
    """
    until, stored, claimed = monotonic() + budget.total_seconds(), 0, monotonic()
    with Switchboard(_read) as board:
        _place(board, _claim())
        while board.in_flight:
            for reply in board.replies(GLANCE):
                stored += _take(board, reply)
            if claimed + CLAIM_EVERY < monotonic() < until:
                claimed = monotonic()
                _place(board, _claim())
    return stored


@dataclass(frozen=True, slots=True)
class Reading:
    """A feed that is ours to read until its lease ends: what to acknowledge of the page before,
    whether to read on, and rows that had been set aside and can be read anew."""

    feed: Feed
    ends: datetime
    acknowledge: tuple[str, ...] = ()
    reads_on: bool = True
    again: tuple[calls.Unread, ...] = ()

    def after(self, page: calls.ChangePage) -> list[Reading]:
        """What is to be done once a page is committed, if anything."""
        kept = (one.told_as for one in page.aside if one.told_as)
        told = (*(change.event.id for change in page.changes), *kept)
        more = page.has_more and clock.now() < self.ends
        return [Reading(self.feed, self.ends, told, more)] if told or more else []


@dataclass(frozen=True, slots=True)
class Read:
    """A page, with what rows tell that had been set aside, and which of these could be asked about:
    the others stay as they are."""

    page: calls.ChangePage
    judged: Collection[calls.Unread] = ()


Page = Read | calls.CallFailed | None
Board = Switchboard[Reading, Page]


def _place(board: Board, readings: Iterable[Reading]) -> None:
    board.place([(reading.feed.system, reading) for reading in readings])


def _take(board: Board, reply: Reply[Reading, Page]) -> int:
    """Keep what a reading brought and read on; returns how many new facts were stored."""
    reading, page = reply.ticket, reply.answer
    began = clock.now() - timedelta(milliseconds=reply.milliseconds)
    if isinstance(page, Read):
        try:
            stored = _keep(reading.feed, page, began)
        except (DataError, ValueError) as error:
            _failed(reading.feed, _unkeepable(error), began)
            return 0
        _place(board, reading.after(page.page))
        return stored
    if trouble := reply.trouble or (page and page.verdict):
        _failed(reading.feed, trouble, began)
    return 0


def _unkeepable(error: Exception) -> Verdict:
    """What came holds what no database keeps, such as half a character. The cursor stays."""
    text = f"What changed cannot be kept ({type(error).__name__}): put it right at the source."
    return TryLater(kind=Kind.CONTRACT, text=text)


def _claim() -> list[Reading]:
    """The claim is the due time moved ahead, so that two workers never read one feed together."""
    now = clock.now()
    with atomic():
        due = feeds_due(now=now).select_related("system")
        feeds = list(due.select_for_update(of=("self",), skip_locked=True))
        Feed.objects.filter(pk__in=[feed.pk for feed in feeds]).update(due_at=now + Feed.LEASE)
    return [Reading(feed, now + Feed.LEASE / 2, again=_again(feed)) for feed in feeds]


def _again(feed: Feed) -> tuple[calls.Unread, ...]:
    """Rows of a feed that were set aside before its form was agreed on, or learnt by a release."""
    judged_by = contracts.judged_by(feed.system, feed.entity)
    return tuple(
        calls.Unread(
            raw=event.body,
            ref=event.subject.removeprefix(feed.entity).removeprefix(":"),
            reason=str(event.record.get(intake.WHY, "")),
            told_as=str(event.record.get(intake.TOLD_AS, "")),
        )
        for event in intake.awaiting(source=_source(feed), judged_by=judged_by)
    )


def _source(feed: Feed) -> str:
    return f"{feed.system.connection}/{feed.entity}"


async def _read(door: calls.Door, reading: Reading) -> Page:
    """Acknowledge what is committed (until then the source must keep it), then read on. What
    could not be acknowledged comes again, and is known then. While the connection is held nothing
    is asked, and the feed is taken up again when its lease has ended."""
    feed = reading.feed
    try:
        if reading.acknowledge:
            await door.acknowledge(reading.acknowledge)
        if reading.reads_on:
            page = await door.read_changes(feed.entity, feed.cursor, PAGE)
            return await _with_again(door, reading, page) if reading.again else Read(page)
    except calls.CallFailed as failure:
        return failure
    except calls.TooLate:
        log.info("feed waits", extra={"system": feed.system.slug, "operation": feed.entity})
    return None


async def _with_again(door: calls.Door, reading: Reading, page: calls.ChangePage) -> Read:
    """A page, and what the rows tell that had been set aside: they are kept together."""
    found = await door.reread(reading.feed.entity, reading.again)
    told = [one for one in found.values() if isinstance(one, calls.Change)]
    still = [one for one in found.values() if isinstance(one, calls.Unread)]
    both = replace(page, changes=[*told, *page.changes], aside=[*still, *page.aside])
    return Read(both, found.keys())


def _keep(feed: Feed, read: Read, began: datetime) -> int:
    page, now = read.page, clock.now()
    with atomic():
        changes = (one for one in page.changes if _counts(one, feed))
        told = intake.told_anew([(one.raw, one.event) for one in changes])
        receipt = intake.receive(facts=told, signature="polled", now=now)
        _set_aside(feed, read, now)
        feed.cursor, feed.polled_at, feed.trouble = page.next_cursor, now, page.trouble[:400]
        feed.expires_at = page.expires_at
        if page.gap:
            feed.gap_at = began
        feed.due_at = now + interval(feed, surging=Surge.objects.under_way(now).exists())
        if not page.has_more:
            feed.ended_at = began
        if receipt.stored:
            feed.changed_at = now
        feed.save()
        _count(feed, began + page.listened, now, "done", reached=True)
    if page.gap:
        log.warning("feed had a gap", extra={"system": feed.system.slug, "operation": feed.entity})
    if circuit.note(feed.system, [calls.ANSWERED], now):
        settlement.circuit_changed(feed.system, now)
        bell.ring("systems", "tower")
    return len(receipt.stored)


def _counts(change: calls.Change, feed: Feed) -> bool:
    """Whether it changed since the feed is to be read."""
    return feed.since is None or change.event.time >= feed.since


def _set_aside(feed: Feed, read: Read, now: datetime) -> None:
    """One row that cannot be read stops no other: it is kept, with why, until it changes there or
    its form is agreed on."""
    page, source = read.page, _source(feed)
    refs = [change.event.record.source_id for change in page.changes]
    intake.read_at_last(source=source, entity=feed.entity, refs=refs)
    if legible := {one.raw for one in read.judged} - {one.raw for one in page.aside}:
        digests = [hashlib.sha256(raw).hexdigest() for raw in legible]
        intake.was_read(source=source, digests=digests)
    if page.aside:
        unread = [_illegible(feed, one) for one in page.aside]
        intake.set_aside(source=source, entity=feed.entity, unread=unread, now=now)


def _illegible(feed: Feed, row: calls.Unread) -> intake.Illegible:
    system, entity = feed.system, feed.entity
    return intake.Illegible(
        row.ref,
        row.raw,
        row.reason,
        row.told_as,
        contracts.judged_by(system, entity),
        contracts.at_stake(system, entity, row.raw, row.reason),
    )


def _failed(feed: Feed, verdict: Verdict, began: datetime) -> None:
    now = clock.now()
    feed.trouble = str(getattr(verdict, "text", ""))[:400]
    feed.due_at = now + timedelta(seconds=max(feed.every_seconds, 10))
    feed.save(update_fields=["trouble", "due_at"])
    _count(feed, began, now, type(verdict).__name__.lower(), reached=circuit.reached(verdict))
    if circuit.note(feed.system, [verdict], now):
        bell.ring("systems", "tower")
    log.warning("feed not read", extra={"system": feed.system.slug, "operation": feed.entity})


def _count(feed: Feed, began: datetime, now: datetime, verdict: str, *, reached: bool) -> None:
    Call.objects.create(
        system=feed.system,
        at=now,
        operation=f"read changes {feed.entity}",
        milliseconds=max(round((now - began).total_seconds() * 1000), 0),
        verdict=verdict,
        reached=reached,
    )
