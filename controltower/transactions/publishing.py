"""Tells the firm's figures, and whoever subscribes, of what is verified: each transaction with a
worth is a fact, to each of them once.

It is read from the books themselves, a while later than it happened. So nothing that was verified
can miss it, whatever stood still meanwhile; and what was told before is told again under the same
name, which the inbox knows.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef, QuerySet, Value
from django.db.models.functions import Concat

from controltower.canonical.events import FACT_ANNOUNCED, FACT_VERIFIED, CanonicalEvent
from controltower.canonical.records import Fact
from controltower.canonical.wire import to_json
from controltower.processes import catalogue
from controltower.systems.models import System
from controltower.transactions import intake
from controltower.transactions.models import InboundEvent, Step, Transaction, TransactionState


@dataclass(frozen=True, slots=True)
class Audience:
    """Somebody who is told, by facts of a type and source of their own. `parts` must all be played
    before anybody is told."""

    source: str
    type: str
    parts: frozenset[str]


FIGURES = Audience("tower/fact", FACT_VERIFIED, frozenset({"warehouse", "dashboards"}))
SUBSCRIBERS = Audience("tower/event", FACT_ANNOUNCED, frozenset({"broker"}))
AUDIENCES = (FIGURES, SUBSCRIBERS)
_TYPES = {audience.type for audience in AUDIENCES}
_TOLD_OF = [one.name for one in catalogue.PROCESSES if _TYPES.isdisjoint(one.starts_on)]
"""That somebody was told is no fact itself."""
LATE_COMMIT = timedelta(minutes=10)
"""How long after the moment it bears a verified transaction may come into the books."""
MOST_AT_ONCE = 200
FORECAST = "revenue_part"
"""What a step writes that only foresees revenue."""


def publish(*, now: datetime) -> int:
    """Tell of what was verified since the last time; returns how many facts are new. Nothing
    without systems that read them."""
    playing = set(System.objects.filter(active=True).values_list("role", flat=True))
    return sum(_tell(one, now) for one in AUDIENCES if one.parts <= playing)


def _tell(audience: Audience, now: datetime) -> int:
    untold = _untold(audience).select_related("entity").order_by("ended_at", "pk")[:MOST_AT_ONCE]
    told = [(_raw(event), event) for event in (_event(audience, one) for one in untold)]
    return len(intake.receive(facts=told, signature="polled", now=now).stored)


def _untold(audience: Audience) -> QuerySet[Transaction]:
    known = InboundEvent.objects.filter(source=audience.source)
    newest = known.order_by("-event_id").values_list("event_id", flat=True).first()
    worth = Transaction.objects.filter(
        state=TransactionState.VERIFIED, process__in=_TOLD_OF, entity__isnull=False
    ).exclude(amount=0)
    if newest is None:
        return worth
    since = datetime.fromisoformat(newest.partition(" ")[0]) - LATE_COMMIT
    subject = Concat(Value("fact:"), OuterRef("reference"))
    return worth.filter(ended_at__gte=since).exclude(Exists(known.filter(subject=subject)))


def _event(audience: Audience, one: Transaction) -> CanonicalEvent:
    """The fact that a verified transaction is. Its id begins with when, so that ids are in the
    order of time."""
    assert one.entity is not None
    assert one.ended_at is not None
    steps = list(one.steps.select_related("mapping_version__mapping").order_by("position"))
    fact = Fact(
        source_id=one.reference,
        name=one.title,
        entity=one.entity.code,
        correlation_id=one.correlation_id,
        kind=one.process,
        period=_period(steps) or f"{one.ended_at.astimezone(ZoneInfo(one.entity.zone)):%Y-%m}",
        currency=one.currency,
        amount=one.amount,
        mapping_versions=", ".join(
            f"{step.mapping_version.mapping.slug} v{step.mapping_version.number}"
            for step in steps
            if step.mapping_version
        ),
        verified_at=one.ended_at,
    )
    moment = one.ended_at.isoformat(timespec="microseconds")
    return CanonicalEvent(
        id=f"{moment} {one.reference}",
        type=audience.type,
        source=audience.source,
        subject=f"fact:{one.reference}",
        time=one.ended_at,
        version=moment,
        record=fact,
        correlation_id=one.correlation_id,
    )


def _period(steps: Sequence[Step]) -> str:
    """The month in which it was booked, "" for what is booked nowhere: a forecast's months are
    not."""
    for step in reversed([step for step in steps if step.entity != FORECAST]):
        if booked := step.values.get("period") or step.sent.get("invoice_date"):
            return str(booked)[:7]
    return ""


def _raw(event: CanonicalEvent) -> bytes:
    return json.dumps(to_json(event.record), sort_keys=True).encode()
