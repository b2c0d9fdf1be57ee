"""Answers that are not shaped as agreed: each difference once, with an incident, while it shows.

Read off what the engine shows (stuck steps, feeds that stand still, rows that were set aside), so
that nothing is lost when a round is; idempotent. What a system's own message drifted in is reported
from the door.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Count, F, Min, Q, QuerySet

from controltower.canonical.contracts import NOTHING_TAKEN, UNSHAPED, told
from controltower.incidents import watch
from controltower.incidents.models import Cause, Incident
from controltower.systems import registry
from controltower.systems.models import Direction, Drift, Feed, Interface, System
from controltower.transactions import bell, intake
from controltower.transactions.models import EventState, InboundEvent, Step
from controltower.transactions.protocol import STUCK

SUBJECT = "drift:"
MESSAGE = "message"
"""The entity of what comes by messages: until one can be read nobody knows of what it is."""
MESSAGES_SHOW_FOR = timedelta(hours=24)
"""A message that was refused comes again within this time, unless its sender has given up."""


def follow(*, now: datetime) -> int:
    """Enter new differences, end those that show no more, and keep their incidents; returns how
    many are open."""
    shown = {one.pk for one in (*_of_steps(now), *_of_feeds(now), *_of_rows(now))}
    fresh = Q(interface__entity=MESSAGE, last_seen_at__gt=now - MESSAGES_SHOW_FOR)
    gone = Drift.objects.filter(ended_at=None).exclude(pk__in=shown).exclude(fresh)
    for drift in gone.select_related("interface__system"):
        Drift.objects.filter(pk=drift.pk).update(ended_at=now)
        bell.ring("interfaces")
    open_ = Drift.objects.filter(ended_at=None).select_related("interface__system")
    for drift in open_:
        _report(drift, now)
    subjects = [subject_of(drift) for drift in open_]
    over = Incident.objects.open().filter(subject__startswith=SUBJECT).exclude(subject__in=subjects)
    for subject in over.values_list("subject", flat=True):
        watch.holds(subject=subject, now=now)
    return len(subjects)


def met_by_message(system: System, sentence: str, *, now: datetime) -> Drift:
    """A signed message could not be read: it was refused, and nothing of it is kept."""
    drift = _seen(_interface(system, MESSAGE, now), f"{UNSHAPED}{sentence}", now, now)
    Drift.objects.filter(pk=drift.pk).update(samples=F("samples") + 1)
    return drift


def subject_of(drift: Drift) -> str:
    """What its incident is about."""
    return f"{SUBJECT}{drift.pk}"


def held_by(drift: Drift) -> QuerySet[Step]:
    """The steps that stand still for it."""
    return Step.objects.filter(
        state__in=STUCK,
        text=drift.sentence,
        system=drift.interface.system_id,
        entity=drift.interface.entity,
    )


def feeds_of(drift: Drift) -> QuerySet[Feed]:
    """The feeds that stand still for it: their cursors have not moved."""
    mine = Feed.objects.filter(system=drift.interface.system_id, entity=drift.interface.entity)
    return mine.filter(trouble=drift.sentence[:400])


def rows_of(drift: Drift) -> QuerySet[InboundEvent]:
    """The rows of its feed that are set aside for it: kept whole, and read anew once it is agreed
    on or mended."""
    source = f"{drift.interface.system.connection}/{drift.interface.entity}"
    why = drift.sentence.removeprefix(UNSHAPED).removesuffix(f". {NOTHING_TAKEN}")
    rows = _aside().filter(source=source, record__why=why)
    return rows.order_by("-received_at", "-pk")


def causes_of(drift: Drift) -> QuerySet[Cause]:
    """The groups of what it holds among the exceptions."""
    return Cause.objects.filter(letters__step__in=held_by(drift)).distinct()


def _of_steps(now: datetime) -> Sequence[Drift]:
    rows = (
        Step.objects.filter(state__in=STUCK, text__startswith=UNSHAPED, system__isnull=False)
        .order_by()
        .values_list("system", "entity", "text")
        .annotate(count=Count("id"), first=Min("changed_at"))
    )
    systems = System.objects.in_bulk()
    found = []
    for system, entity, text, held, first in rows:
        drift = _seen(_interface(systems[system], entity, now), text, first, now)
        if drift.samples < held:
            Drift.objects.filter(pk=drift.pk).update(samples=held)
        found.append(drift)
    return found


def _of_feeds(now: datetime) -> Sequence[Drift]:
    standing = Feed.objects.filter(trouble__startswith=UNSHAPED, system__active=True)
    found = []
    for feed in standing.select_related("system"):
        since = feed.polled_at or now
        found.append(_seen(_interface(feed.system, feed.entity, now), feed.trouble, since, now))
    Drift.objects.filter(pk__in=[one.pk for one in found], samples=0).update(samples=1)
    return found


def _aside() -> QuerySet[InboundEvent]:
    unread = InboundEvent.objects.filter(state=EventState.QUARANTINED, type=intake.UNREAD)
    return unread.filter(record__has_key=intake.WHY)


def _of_rows(now: datetime) -> Sequence[Drift]:
    """The differences of single rows, which hold nothing up but themselves."""
    feeds = Feed.objects.filter(system__active=True).select_related("system")
    sources = {f"{feed.system.connection}/{feed.entity}": feed for feed in feeds}
    rows = _aside().filter(source__in=sources).order_by().values_list("source", "record__why")
    found = []
    for source, why, held, first in rows.annotate(held=Count("pk"), first=Min("received_at")):
        feed, sentence = sources[source], f"{UNSHAPED}{why}. {NOTHING_TAKEN}"
        drift = _seen(_interface(feed.system, feed.entity, now), sentence, first, now)
        if drift.samples < held:
            Drift.objects.filter(pk=drift.pk).update(samples=held)
        found.append(drift)
    return found


def _interface(system: System, entity: str, now: datetime) -> Interface:
    return registry.of(system, entity, Direction.INBOUND, now)


def _seen(interface: Interface, sentence: str, first: datetime, now: datetime) -> Drift:
    """The difference, entered when it is new and open again when it is back."""
    drift, new = Drift.objects.get_or_create(
        interface=interface, sentence=sentence,
        defaults={"first_seen_at": first, "last_seen_at": now},
    )  # fmt: skip
    if not new:
        Drift.objects.filter(pk=drift.pk).update(last_seen_at=now, ended_at=None)
    if new or drift.ended_at is not None:
        bell.ring("interfaces")
    return drift


def _report(drift: Drift, now: datetime) -> None:
    interface, difference = drift.interface, told(drift.sentence)
    what = str(difference) if difference else drift.sentence
    watch.report(
        subject=subject_of(drift),
        title=f"{interface.system} tells of {interface.entity} otherwise than agreed: {what}",
        causes=list(causes_of(drift)),
        now=now,
    )
