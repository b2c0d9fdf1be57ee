"""Tells the firm's figures, and whoever subscribes, of what is verified: each transaction with a
worth is a fact, to each of them once. Figures hold besides what people have settled elsewhere.

The commit that brings a transaction to its end notes who of those who listen (`listening.py`) is to
be told, and the one that tells them strikes that out: nothing can be missed, however late a commit
is. The fact itself is read from the books, a while later. What was told before would be told under
the same name, which the inbox knows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db.transaction import atomic

from controltower.canonical.events import FACT_ANNOUNCED, FACT_VERIFIED, CanonicalEvent
from controltower.canonical.records import Fact
from controltower.canonical.wire import to_json
from controltower.processes import between_companies, catalogue
from controltower.systems.models import System
from controltower.transactions import intake, listening, sets
from controltower.transactions.models import (
    REACHED,
    Listening,
    Step,
    Transaction,
    TransactionState,
    Untold,
)


@dataclass(frozen=True, slots=True)
class Audience:
    """Somebody who is told, by facts of a type and source of their own, of transactions that have
    come to one of the `ends`. `parts` must all be played before anybody is told."""

    source: str
    type: str
    parts: frozenset[str]
    ends: frozenset[str]


FIGURES = Audience(
    "tower/fact", FACT_VERIFIED, frozenset({"warehouse", "dashboards"}), frozenset(REACHED)
)
"""What a person has settled elsewhere is as much of a month as what we have carried through."""
SUBSCRIBERS = Audience(
    "tower/event",
    FACT_ANNOUNCED,
    frozenset({"broker"}),
    frozenset({TransactionState.VERIFIED}),
)
"""They act on what they hear: it must have been read back."""
AUDIENCES = (FIGURES, SUBSCRIBERS)
_TYPES = {audience.type for audience in AUDIENCES}
_TOLD_OF = {one.name for one in catalogue.PROCESSES if _TYPES.isdisjoint(one.starts_on)}
"""That somebody was told is no fact itself."""
MOST_AT_ONCE = 200
BY_HAND = "by hand"
FORECAST = "revenue_part"
"""What a step writes that only foresees revenue."""


def owe(arrived: Iterable[Transaction]) -> None:
    """Note, in the commit that brings them to their end, whom transactions of some worth are to be
    told to: all who listen. Who begins to later is owed all that the books hold then."""
    worth = [one for one in arrived if one.process in _TOLD_OF and one.entity_id and one.amount]
    if not worth:
        return
    listening_now = listening.audiences()
    sets.insert(
        sets.made(Untold, audience=audience.source, transaction_id=one.pk)
        for one in worth
        for audience in AUDIENCES
        if audience.source in listening_now and one.state in audience.ends
    )


def publish(*, now: datetime) -> int:
    """Tell of what is to be told; returns how many facts are new. Nothing without systems that read
    them: one that is set up but does not play now is owed, and told once it does."""
    systems = list(System.objects.values_list("role", "active"))
    _follow({role for role, _active in systems})
    playing = {role for role, active in systems if active}
    return sum(_tell(one, now) for one in AUDIENCES if one.parts <= playing)


def _follow(known: AbstractSet[str]) -> None:
    """Whoever has all its parts among the systems that are set up listens."""
    told = set(Listening.objects.values_list("audience", flat=True))
    for one in AUDIENCES:
        listens = one.source in told
        if one.parts <= known and not listens:
            listening.begin(one.source, ends=one.ends, processes=_TOLD_OF)
        elif listens and not one.parts <= known:
            listening.end(one.source)


def _tell(audience: Audience, now: datetime) -> int:
    with atomic():
        untold = Untold.objects.filter(audience=audience.source).order_by("pk")
        rows = list(
            untold.select_related("transaction__entity")
            .prefetch_related("transaction__steps__mapping_version__mapping")
            .select_for_update(of=("self",), skip_locked=True)[:MOST_AT_ONCE]
        )
        events = [_event(audience, row.transaction) for row in rows]
        told = [(_raw(event), event) for event in events]
        receipt = intake.receive(facts=told, signature="polled", now=now)
        Untold.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return len(receipt.stored)


def _event(audience: Audience, one: Transaction) -> CanonicalEvent:
    """The fact that a verified transaction is. Its id begins with when, so that ids are in the
    order of time."""
    assert one.entity is not None
    assert one.ended_at is not None
    steps = list(one.steps.all())
    lent = _lent(steps)
    fact = Fact(
        source_id=one.reference,
        name=one.title,
        entity=one.entity.code,
        correlation_id=one.correlation_id,
        kind=one.process,
        period=_period(steps) or f"{one.ended_at.astimezone(ZoneInfo(one.entity.zone)):%Y-%m}",
        currency=one.currency,
        amount=one.amount,
        mapping_versions=_sent_by(one, steps),
        verified_at=one.ended_at,
        lent_by=", ".join(lent),
        lent_hours=sum(lent.values(), Decimal(0)),
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


def _sent_by(one: Transaction, steps: Sequence[Step]) -> str:
    """The versions by which it was sent; nothing proves what a person has settled elsewhere."""
    if one.state != TransactionState.VERIFIED:
        return BY_HAND
    return ", ".join(
        f"{step.mapping_version.mapping.slug} v{step.mapping_version.number}"
        for step in steps
        if step.mapping_version
    )


def _lent(steps: Sequence[Step]) -> dict[str, Decimal]:
    """By employing company, the hours that its people have worked for the transaction's."""
    told = (step.values.get(between_companies.LENT, {}) for step in steps)
    return {company: Decimal(hours) for one in told for company, hours in one.items()}


def _period(steps: Sequence[Step]) -> str:
    """The month in which it was booked, "" for what is booked nowhere: a forecast's months are
    not."""
    for step in reversed([step for step in steps if step.entity != FORECAST]):
        if booked := step.values.get("period") or step.sent.get("invoice_date"):
            return str(booked)[:7]
    return ""


def _raw(event: CanonicalEvent) -> bytes:
    return json.dumps(to_json(event.record), sort_keys=True).encode()
