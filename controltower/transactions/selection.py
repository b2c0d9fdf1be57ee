"""The frozen selection of a replay, three steps or a hundred thousand: always asked as a set."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import F, Q, Sum

from controltower.firm.rates import rates
from controltower.transactions import statements
from controltower.transactions.models import (
    Amendment,
    Forecast,
    ItemState,
    ReplayItem,
    ReplayPlan,
    Transaction,
)
from controltower.transactions.protocol import STUCK

MOST_ASKED = 200
"""Of more items than this, so many spread evenly over the selection are asked about beforehand."""
BEING_EDITED = "Somebody has edited it: a second person must decide about that first."
UNASKED = "Not asked beforehand: it goes under its own key, so it cannot be done twice."

FREEZE = """
INSERT INTO transactions_replayitem
    (plan_id, transaction_id, step_id, fence, forecast, why, difference, amount, currency, state,
     text)
SELECT %(plan)s, tx.id, step.id, step.fence, %(forecast)s::text,
       CASE WHEN edit.id IS NULL THEN %(why)s::text ELSE %(edited)s::text END, '[]'::jsonb,
       tx.amount, tx.currency,
       CASE WHEN edit.id IS NULL THEN 'waiting' ELSE 'excluded' END,
       CASE WHEN edit.id IS NULL THEN '' ELSE %(edited)s::text END
FROM transactions_step step JOIN transactions_transaction tx ON tx.id = step.transaction_id
LEFT JOIN transactions_amendment edit ON edit.step_id = step.id AND edit.state = 'proposed'
WHERE step.id = ANY(%(steps)s::uuid[]) AND step.state IN ('parked', 'held')
ORDER BY step.changed_at, step.id
"""
CODES = """
SELECT DISTINCT entity.code
FROM transactions_step step JOIN transactions_transaction tx ON tx.id = step.transaction_id
LEFT JOIN firm_legalentity entity ON entity.id = tx.entity_id
WHERE step.id = ANY(%(steps)s::uuid[]) AND step.state IN ('parked', 'held')
"""


def entity_codes(steps: Sequence[UUID]) -> set[str | None]:
    """The legal entities of stuck steps; None stands for what has none."""
    with statements.cursor() as cursor:
        cursor.execute(CODES, {"steps": list(steps)})
        return {code for (code,) in cursor.fetchall()}


def entity_codes_of(plan: ReplayPlan) -> set[str | None]:
    """The legal entities of what a plan holds."""
    owners = Transaction.objects.filter(pk__in=plan.items.order_by().values("transaction"))
    return set(owners.order_by().values_list("entity__code", flat=True).distinct())


def freeze(plan: ReplayPlan, steps: Sequence[UUID]) -> int:
    """Write down which steps, as they are now, and leave out those whose edit waits for a second
    person; returns how many are stuck."""
    words = {"forecast": str(Forecast.UNASKED.value), "why": UNASKED, "edited": BEING_EDITED}
    with statements.cursor() as cursor:
        cursor.execute(FREEZE, {"plan": plan.pk, "steps": list(steps), **words})
        return int(cursor.rowcount)


def sample(plan: ReplayPlan) -> list[ReplayItem]:
    """The items to ask rules and targets about: all that were not left out from the first, or as
    many as may be, spread evenly."""
    going = plan.items.exclude(forecast=Forecast.UNASKED, state=ItemState.EXCLUDED)
    ids = list(going.order_by("id").values_list("id", flat=True))
    wanted = plan.items.filter(pk__in=ids[:: _every(len(ids))])
    related = ("step__system", "transaction__entity", "step__mapping_version__mapping")
    return list(wanted.select_related(*related).order_by("id"))


def sampled(count: int) -> int:
    """How many of so many items are asked about."""
    return -(-count // _every(count))


def _every(count: int) -> int:
    return max(-(-count // MOST_ASKED), 1)


def seal(plan: ReplayPlan) -> str:
    """The digest of exactly what would happen; approval is bound to it."""
    items = plan.items.order_by("step_id").values_list(
        "step_id", "fence", "forecast", "why", "difference"
    )
    digest = hashlib.sha256(plan.mapping_choice.encode())
    for item in items.iterator():  # a hundred thousand are never in memory at once
        digest.update(b"\n" + json.dumps(item, sort_keys=True, default=str).encode())
    return digest.hexdigest()


def worth(plan: ReplayPlan) -> Decimal:
    """What would be replayed, in the reporting currency, major units."""
    rate = rates()
    sums = (
        plan.items.exclude(state=ItemState.EXCLUDED)
        .order_by()
        .values_list("currency")
        .annotate(sum=Sum("amount"))
    )
    return sum((total * rate.get(currency, Decimal(0)) for currency, total in sums), Decimal(0))


def changed_since(plan: ReplayPlan, now: datetime) -> str:
    """Why a sealed plan no longer says what would happen, or "" while it does."""
    if plan.expires_at and plan.expires_at < now:
        return "The plan is older than 30 minutes. Plan again to see what holds now."
    moved = Q(step__fence=F("fence"), step__state__in=STUCK)
    items = plan.items.exclude(state=ItemState.EXCLUDED).exclude(moved).select_related("step")
    if item := items.order_by("id").first():
        return f"“{item.step.title}” has moved since the plan was made. Plan again."
    edits = Amendment.objects.filter(state=Amendment.State.PROPOSED).order_by().values("step")
    edited = plan.items.exclude(state=ItemState.EXCLUDED).filter(step__in=edits)
    if item := edited.select_related("step").order_by("id").first():
        return f"“{item.step.title}” has been edited since the plan was made. Plan again."
    return ""
