"""Read what changed in the systems that do not tell us by themselves."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta

from django.db.transaction import atomic

from controltower.systems import calls, circuit
from controltower.systems.models import Call, Feed, System
from controltower.transactions import bell, clock, intake, settlement

log = logging.getLogger(__name__)
PAGE = 200
LEASE = timedelta(seconds=60)


def feeds_due(*, now: datetime) -> list[int]:
    """Feeds whose next look is due and whose system may be called."""
    systems = System.objects.callable(now)
    return list(
        Feed.objects.filter(due_at__lte=now, system__in=systems)
        .order_by("due_at")
        .values_list("pk", flat=True)
    )


def poll(feed_id: int) -> int:
    """Read one feed to its end; returns how many new facts were stored.

    The claim is the due time moved ahead, so that two workers never poll one feed together. The
    cursor moves in the same commit as the events.
    """
    now = clock.now()
    claimed = Feed.objects.filter(pk=feed_id, due_at__lte=now).update(due_at=now + LEASE)
    if not claimed:
        return 0
    feed = Feed.objects.select_related("system").get(pk=feed_id)
    stored, more = 0, True
    while more and clock.now() - now < LEASE / 2:
        began = clock.now()
        try:
            page = asyncio.run(_page(feed))
        except calls.CallFailed as failure:
            _failed(feed, failure, began)
            break
        stored += _keep(feed, page, began)
        if page.changes:
            asyncio.run(_acknowledge(feed, page))
        more = page.has_more
    return stored


async def _page(feed: Feed) -> calls.ChangePage:
    async with calls.doors([feed.system]) as doors:
        return await doors[feed.system.pk].read_changes(feed.entity, feed.cursor, PAGE)


async def _acknowledge(feed: Feed, page: calls.ChangePage) -> None:
    """Only after our commit: until then the source must keep what it has."""
    async with calls.doors([feed.system]) as doors:
        await doors[feed.system.pk].acknowledge([change.event.id for change in page.changes])


def _keep(feed: Feed, page: calls.ChangePage, began: datetime) -> int:
    now = clock.now()
    with atomic():
        receipt = intake.receive(
            facts=[(change.raw, change.event) for change in page.changes],
            signature="polled",
            now=now,
        )
        feed.cursor, feed.polled_at, feed.trouble = page.next_cursor, now, ""
        feed.due_at = now + timedelta(seconds=feed.every_seconds)
        if receipt.stored:
            feed.changed_at = now
        feed.save()
        _count(feed, began, now, "done", reached=True)
    if circuit.note(feed.system, [calls.ANSWERED], now):
        settlement.circuit_changed(feed.system, now)
        bell.ring("systems", "tower")
    return len(receipt.stored)


def _failed(feed: Feed, failure: calls.CallFailed, began: datetime) -> None:
    now = clock.now()
    verdict = failure.verdict
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
        milliseconds=round((now - began).total_seconds() * 1000),
        verdict=verdict,
        reached=reached,
    )
