"""Recovery mode: our books come from a backup, and reality has gone on since.

Nothing is written to any system (`claiming.MAY_GO`). What was under way is asked for, every feed is
read from where the books stand, and gathered work is compared with the invoices that are there
(`regrouping`). Then it ends by itself. What may have been sent after the backup is looked for
before it is sent again, for as long as it lives (`cases.Case.is_from_before`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from django.db.models import Q
from django.db.transaction import atomic

from controltower import queues
from controltower.canonical.verdicts import Effect, Kind
from controltower.firm import audit
from controltower.firm.models import Person
from controltower.firm.rights import Right, may, who_grants
from controltower.systems import anchor, calls
from controltower.systems.models import Feed, Recovery
from controltower.transactions import bell
from controltower.transactions.models import EventState, InboundEvent, Step
from controltower.transactions.protocol import REPEATABLE, State
from controltower.transactions.world import world

TOLD = "polled"
"""The signature of events that we fetched; all others were brought to us."""
DONE = "Everything was read and asked for."


class NotAllowed(Exception):
    """This person may not do this; the text says who may."""


class NotUnderWay(Exception):
    """There is no recovery to end."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a recovery is. `doubts` wait for a person and hold nothing else up; `pushing` are
    sources that bring their facts themselves, and must be asked to bring them again."""

    recovery: Recovery
    feeds: tuple[str, ...]
    events: int
    steps: int
    rest_until: datetime
    doubts: int
    pushing: tuple[str, ...]
    now: datetime

    @property
    def is_caught_up(self) -> bool:
        """Whether all that can be known of the lost time is known."""
        return not (self.feeds or self.events or self.steps) and self.rest_until <= self.now


def current() -> Recovery | None:
    """The recovery that is under way, if any."""
    return Recovery.objects.open().first()


def progress(recovery: Recovery, now: datetime) -> Progress:
    """What is left to do. A tower at work is never without an event that has just come or a read
    that has just gone out: neither tells of the lost time."""
    unread = Feed.objects.filter(system__active=True).filter(
        Q(ended_at__isnull=True) | Q(ended_at__lt=recovery.began_at)
    )
    asking = Q(state=State.ACKED) | Q(state=State.SENDING) & ~Q(effect=Effect.READ)
    asking |= Q(state=State.UNKNOWN) & ~Q(effect__in=REPEATABLE)
    arrived = InboundEvent.objects.filter(state=EventState.RECEIVED)
    if recovery.read_at is not None:
        arrived = arrived.filter(received_at__lte=recovery.read_at)
    doubtful = Step.objects.filter(state=State.PARKED, kind=Kind.UNKNOWN)
    return Progress(
        recovery=recovery,
        feeds=tuple(f"{feed.system.title}: {feed.entity}" for feed in
                    unread.select_related("system")),
        events=arrived.count(),
        steps=Step.objects.filter(asking).count(),
        rest_until=recovery.began_at + longest_processing(),
        doubts=doubtful.count(),
        pushing=_pushing(recovery.pk, recovery.began_at),
        now=now,
    )  # fmt: skip


@lru_cache(maxsize=1)
def _pushing(_recovery: int, began_at: datetime) -> tuple[str, ...]:
    """Who had brought facts before a recovery began. No index tells it, so that the whole inbox is
    read: once, for it stays as it is while the recovery lasts."""
    brought = InboundEvent.objects.filter(received_at__lt=began_at).exclude(signature=TOLD)
    return tuple(sorted(brought.order_by().values_list("source", flat=True).distinct()))


def longest_processing() -> timedelta:
    """How long a request of the lost time may still be at work in a target, twice where its index
    lags: no look-up proves an absence before. What stands by has been sent nothing."""
    around, longest = world(), timedelta(0)
    for system in around.systems.values():
        if not system.active or around.stands_by(system):
            continue
        for one in calls.descriptor(system).operations:
            if one.effect not in REPEATABLE:
                longest = max(longest, one.quarantine * (1 + (one.effect is Effect.LAGGING)))
    return longest


def tick(*, now: datetime) -> None:
    """When all is read and asked for, have the gathered work compared, which is the last act."""
    recovery = current()
    if recovery is None:
        return
    left = progress(recovery, now)
    if recovery.read_at is None and not left.feeds:
        Recovery.objects.open().filter(began_at=recovery.began_at).update(read_at=now)
    if left.is_caught_up:
        queues.ring(queues.ENGINE, "compare")


def begin(*, reason: str, restore_point: datetime | None, actor: str, now: datetime) -> None:
    """A person says that the database was restored."""
    with atomic():
        anchor.begin(why=reason, restore_point=restore_point, now=now)
        audit.record(
            actor=actor, verb="begin recovery", subject="tower", allowed=True, now=now,
            detail={"reason": reason},
        )  # fmt: skip
        bell.ring("systems", "tower")


def finish(recovery: Recovery, *, now: datetime) -> None:
    """The recovery has ended by itself: what waits goes out under the usual limits."""
    _end(recovery, None, DONE, now)


def end(*, by: Person, reason: str, now: datetime) -> None:
    """A person ends it before it is through. Raises NotAllowed, NotUnderWay."""
    if not may(by, Right.PAUSE_SYSTEM):
        audit.record(actor=by, verb="end recovery", subject="tower", allowed=False, now=now)
        raise NotAllowed(f"Only the {who_grants(Right.PAUSE_SYSTEM)} may do this.")
    recovery = current()
    if recovery is None:
        raise NotUnderWay("No recovery is under way.")
    _end(recovery, by, reason, now)


def _end(recovery: Recovery, by: Person | None, reason: str, now: datetime) -> None:
    with atomic():
        Recovery.objects.open().filter(pk=recovery.pk).update(
            ended_at=now, ended_by=by, end_reason=reason[:300]
        )
        audit.record(
            actor=by or "tower", verb="end recovery", subject="tower", allowed=True, now=now,
            detail={"reason": reason},
        )  # fmt: skip
        bell.ring("systems", "tower")
        queues.ring(queues.ENGINE, "drain")
