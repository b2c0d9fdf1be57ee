"""How the systems around us are: call times, failures, limits, and what waits for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.db.models import (
    Aggregate,
    Avg,
    Count,
    DurationField,
    ExpressionWrapper,
    F,
    FloatField,
    Min,
    OuterRef,
    Q,
    Subquery,
    Value,
)
from django.db.models.functions import Coalesce, Concat, Extract, Floor

from controltower.measures.exposure import Scope, Stake, priced, stakes, within
from controltower.systems.models import Call, Circuit, Feed, System
from controltower.transactions import intake
from controltower.transactions.models import EventState, InboundEvent, Step
from controltower.transactions.protocol import State

WINDOW = timedelta(hours=2)
BUCKETS = 60
SILENT_AFTER = timedelta(minutes=15)
SLOW_SHARE = 0.25
"""A system is slow when its slowest twentieth takes more than this share of its deadline."""
LATE_FEED = 6
"""A feed that was not read for so many of its intervals (and a minute) is late."""
Condition = Literal[
    "paused", "refused", "open", "testing", "held", "silent", "unread", "slow", "closed"
]
"""How a system is, the gravest first; "closed" is healthy."""
OUTSTANDING = Q(state__in=[State.SCHEDULED, State.UNKNOWN, State.ACKED]) | Q(state=State.SENDING)
"""Written so that the two partial indexes of such steps serve it."""


class Median(Aggregate):
    """The middle value."""

    template = "percentile_cont(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()


class SlowestTwentieth(Aggregate):
    """The value that nineteen in twenty stay below."""

    template = "percentile_cont(0.95) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()


@dataclass(frozen=True, slots=True)
class Pulse:
    """A system's calls of the last two hours; times in milliseconds, `line` oldest first. `unread`
    says that something it tells could not be read."""

    calls: int = 0
    failed: int = 0
    median: float | None = None
    slowest: float | None = None
    line: tuple[float, ...] = ()
    unread: bool = False

    @property
    def failed_share(self) -> float | None:
        """0.0 to 1.0, or None without calls."""
        return self.failed / self.calls if self.calls else None


def pulses(now: datetime, systems: Sequence[System]) -> dict[int, Pulse]:
    """The pulse of each system, by its primary key."""
    recent = Call.objects.filter(
        system__in=[system.pk for system in systems], at__gt=now - WINDOW
    ).order_by()
    since = ExpressionWrapper(F("at") - Value(now - WINDOW), output_field=DurationField())
    seconds = WINDOW.total_seconds() / BUCKETS
    lines: dict[int, list[float]] = {}
    for pk, _bucket, average in (
        recent.annotate(bucket=Floor(Extract(since, "epoch") / Value(seconds)))
        .values_list("system", "bucket")
        .annotate(average=Avg("milliseconds"))
        .order_by("system", "bucket")
    ):
        lines.setdefault(pk, []).append(float(average))
    rows = recent.values_list("system").annotate(
        calls=Count("pk"),
        failed=Count("pk", filter=Q(reached=False)),
        median=Median("milliseconds"),
        slowest=SlowestTwentieth("milliseconds"),
    )
    unread = {feed.system_id for feed in unread_feeds(now, systems)}
    return {
        pk: Pulse(calls, failed, median, slowest, tuple(lines.get(pk, ())), pk in unread)
        for pk, calls, failed, median, slowest in rows
    }


def unread_feeds(now: datetime, systems: Sequence[System]) -> Mapping[Feed, int]:
    """The feeds of which rows stand set aside, since they could not be read, with how many, or
    which are not read at all for a trouble that lasts."""
    source = Concat("system__connection", Value("/"), "entity")
    rows = InboundEvent.objects.filter(state=EventState.QUARANTINED, type=intake.UNREAD)
    count = rows.filter(source=OuterRef("source")).order_by().values("source")
    aside = Subquery(count.annotate(rows=Count("pk")).values("rows"))
    found = Feed.objects.filter(system__in=systems).select_related("system")
    found = found.annotate(source=source).annotate(aside=Coalesce(aside, 0))
    ill = found.filter(~Q(trouble="") | Q(aside__gt=0))
    return {feed: feed.aside for feed in ill if feed.aside or is_late(feed, now)}


def condition(system: System, pulse: Pulse, now: datetime) -> Condition:
    """How a system is; the gravest of what is true."""
    if system.paused_at is not None:
        return "paused"
    if system.refused_at is not None:
        return "refused"
    if system.circuit != Circuit.CLOSED:
        resting = system.retry_at is not None and system.retry_at > now
        return "open" if resting else "testing"
    if system.slow_until is not None and system.slow_until > now:
        return "held"
    if system.last_ok_at is None or system.last_ok_at < now - SILENT_AFTER:
        return "silent"
    if pulse.unread:
        return "unread"
    if pulse.slowest and pulse.slowest > system.deadline_seconds * 1000 * SLOW_SHARE:
        return "slow"
    return "closed"


def next_call_at(system: System, condition: str) -> datetime | None:
    """When it is called again by itself, if a moment is set."""
    return {"open": system.retry_at, "held": system.slow_until}.get(condition)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Work that is on its way to a system: how many calls, worth what, since when."""

    stake: Stake
    oldest: datetime | None


NOTHING_WAITS = Waiting(Stake(), None)


def waiting(scope: Scope) -> Mapping[int, Waiting]:
    """By system, what the person may see of the work that is outstanding there."""
    steps = within(scope, Step.objects.filter(OUTSTANDING, system__isnull=False))
    found = stakes(priced(steps, "transaction__"), "system", at="transaction__")
    oldest = dict(steps.order_by().values_list("system").annotate(oldest=Min("changed_at")))
    return {pk: Waiting(stake, oldest.get(pk)) for (pk,), stake in found.items()}


def is_late(feed: Feed, now: datetime) -> bool:
    """Whether a feed was not read for as long as it should have been."""
    every = timedelta(seconds=feed.every_seconds)
    allowed = every * LATE_FEED + timedelta(minutes=1)
    return feed.polled_at is None or now - feed.polled_at > allowed


def silent(now: datetime) -> Sequence[Feed]:
    """The late feed of each system that was read longest ago: what happened there since is in no
    figure yet."""
    feeds = Feed.objects.filter(system__active=True).select_related("system")
    late = [feed for feed in feeds.order_by("system", F("polled_at").desc()) if is_late(feed, now)]
    return list({feed.system_id: feed for feed in late}.values())
