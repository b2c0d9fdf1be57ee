"""What was written and is not proven to stand in its target as it was sent: the reconciliation
backlog, now, by age, and at the end of each of the last days."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Case, OuterRef, Q, Subquery, Sum, Value, When
from django.db.transaction import atomic
from django.utils.translation import gettext_lazy as _

from controltower.canonical.verdicts import Effect, Kind
from controltower.firm.models import LegalEntity
from controltower.firm.rights import entity_keys_of
from controltower.measures.exposure import Scope, Stake, priced, stakes, transactions
from controltower.measures.kpis.measure import Part, Reading, Window, series, without_money
from controltower.measures.models import Standing
from controltower.measures.promises import DAYS
from controltower.transactions.models import Step, Transaction
from controltower.transactions.models.journey import TransactionQuerySet
from controltower.transactions.protocol import STUCK, State

NAME, ANY = "reconciliation-backlog", "any"
OPEN = (
    ~Q(effect=Effect.READ)
    & Q(sent_at__isnull=False)
    & (
        Q(state__in=[State.SENDING, State.UNKNOWN, State.ACKED])
        | Q(state__in=STUCK) & (~Q(ref="") | Q(kind=Kind.UNKNOWN))
    )
)
"""A write that its target has, or may have: not read back yet, in doubt, or read back otherwise
than it was sent. What was refused has written nothing."""
AGES = {
    "hour": (_("Under 1 h"), timedelta(hours=1)),
    "day": (_("1 to 24 h"), timedelta(days=1)),
    "days": (_("1 to 3 days"), timedelta(days=3)),
    "older": (_("Over 3 days"), None),
}
"""How long ago the oldest of its writes was sent: below this, and not below the one before."""


def held(rows: TransactionQuerySet, now: datetime, age: str = ANY) -> TransactionQuerySet:
    """Those of the rows with such a write; of one age, or of any."""
    found = rows.filter(pk__in=Step.objects.filter(OPEN).order_by().values("transaction"))
    if age == ANY:
        return found
    aged: Any = _aged(found, now)
    of_age: TransactionQuerySet = aged.filter(age=age)
    return of_age


def _aged(rows: TransactionQuerySet, now: datetime) -> TransactionQuerySet:
    mine = Step.objects.filter(OPEN, transaction=OuterRef("pk")).order_by("sent_at")
    bands = [
        When(oldest__gt=now - below, then=Value(age))
        for age, (_label, below) in AGES.items()
        if below is not None
    ]
    dated = rows.annotate(oldest=Subquery(mine.values("sent_at")[:1]))
    return dated.annotate(age=Case(*bands, default=Value("older")))


def read(window: Window) -> Reading:
    """The value of what is held open now, each chain once; how many, and for how long."""
    found = stakes(priced(_aged(held(transactions(window.scope), window.now), window.now)), "age")
    whole = Stake()
    for one in found.values():
        whole.add(one)
    parts = [
        Part(label, one.count, float(one.amount), {"unproven": age})
        for age, (label, _below) in AGES.items()
        for one in [found.get((age,), Stake())]
    ]
    days = _days(window) | {0: float(whole.amount)}
    return Reading(
        value=float(whole.amount),
        before=days.get(DAYS),
        days=series(days),
        records=whole.count,
        note=without_money(whole),
        parts=parts,
    )


def _days(window: Window) -> dict[int, float | None]:
    """What it was worth at the end of each day that was looked at, by how many days ago."""
    kept = Standing.objects.filter(measure=NAME, day__gte=window.before.date())
    days = kept.order_by("day").values_list("day")
    sums = days.annotate(worth=Sum("amount", filter=_seen(window.scope)))
    return {window.utc_ago(day): float(worth or 0) for day, worth in sums}


def _seen(scope: Scope) -> Q:
    keys = entity_keys_of(scope.person)
    seen = Q() if keys is None else Q(entity__in=keys)
    chosen = LegalEntity.objects.filter(code=scope.entity).values("pk")
    return seen & Q(entity__in=chosen) if scope.entity else seen


def keep(*, now: datetime) -> None:
    """Write down what is held open today, in place of what was written down today before."""
    day = now.astimezone(UTC).date()
    rows = priced(held(Transaction.objects.all(), now))
    found: Mapping[tuple[int | None, ...], Stake] = stakes(rows, "entity")
    by_entity = {0: Stake()} | {entity or 0: one for (entity,), one in found.items()}
    with atomic():
        Standing.objects.filter(measure=NAME, day=day).delete()
        Standing.objects.bulk_create(
            Standing(measure=NAME, day=day, entity=entity, records=one.count, amount=one.amount)
            for entity, one in by_entity.items()
        )
