"""The end of a month: surges by the calendar, and what misses its cut-off.

Whatever belongs to a month, was accepted before its cut-off and is not done by then needs its owner
from that moment on, by a transaction that stands for it (`watching`). What waits for a person
already is told already. It ends by itself once the matter does.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet
from django.db.transaction import atomic

from controltower.processes.definition import Entity
from controltower.processes.month_end_close import BEFORE_CUT_OFF, close_of, recent_months
from controltower.systems.models import Recovery
from controltower.transactions import surging, watching
from controltower.transactions.models import TERMINAL, Expectation, Transaction
from controltower.transactions.world import entities

MONTHS_BACK = 3
"""Older months are told already."""


def watch(*, now: datetime) -> int:
    """One round; returns how much changed. In recovery mode nothing is told: what seems to be late
    may be done."""
    changed = surging.follow(now=now) + _met(now)
    if Recovery.objects.open().exists():
        return changed
    for entity in entities().values():
        for month in recent_months(entity, now, MONTHS_BACK):
            changed += _tell(entity, month, now)
    return changed


def _tell(entity: Entity, month: str, now: datetime) -> int:
    """Set the expectations that were missed, and tell of them in the same commit."""
    cut_off = close_of(entity, month).cut_off
    if now <= cut_off:
        return 0
    with atomic():
        missed = _missed(entity, month, cut_off)
        rows = missed.select_for_update(of=("self",), skip_locked=True)
        found = _expect(rows[: watching.MOST_AT_ONCE], cut_off)
        if found:
            watching.tell(now=now)
    return found


def _missed(entity: Entity, month: str, cut_off: datetime) -> QuerySet[Transaction]:
    told = Expectation.objects.filter(
        milestone=BEFORE_CUT_OFF.name,
        correlation_id=OuterRef("correlation_id"),
        about=OuterRef("reference"),
    )
    rows = Transaction.objects.of_entity(entity.code).live().filter(month=month)
    waits = Transaction.objects.stuck().filter(pk=OuterRef("pk"))
    late = rows.filter(started_at__lt=cut_off).exclude(Exists(told)).exclude(Exists(waits))
    return late.order_by("started_at", "pk")


def _expect(missed: Iterable[Transaction], cut_off: datetime) -> int:
    rows = [
        Expectation(
            correlation_id=one.correlation_id,
            milestone=BEFORE_CUT_OFF.name,
            about=one.reference,
            owner_role=BEFORE_CUT_OFF.owner_role,
            due_at=cut_off,
            set_by=one,
        )
        for one in missed
    ]
    return len(Expectation.objects.bulk_create(rows, ignore_conflicts=True))


def _met(now: datetime) -> int:
    """What was late is over: nobody needs to see to it any more."""
    late = Expectation.objects.filter(milestone=BEFORE_CUT_OFF.name, closed_at__isnull=True)
    over = late.filter(watch__isnull=False, met_at__isnull=True, set_by__state__in=TERMINAL)
    return over.update(met_at=now)
