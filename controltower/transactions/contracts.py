"""Contracts as the tower's own books know them: the cap of each, and what is billed under it.

Both are read while the row of the contract's signing is locked: of two invoices that are prepared
at the same time, the second one sees what the first one takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Sum

from controltower.processes import (
    credit_and_rebill,
    project_change_to_forecast,
    quote_to_cash,
    time_and_expense_to_billing,
)
from controltower.transactions.cases import Case
from controltower.transactions.models import (
    REACHED,
    Expectation,
    Step,
    Transaction,
    TransactionState,
)
from controltower.transactions.protocol import State

NOT_BILLED = (
    TransactionState.CANCELLED,
    TransactionState.SUPERSEDED,
    TransactionState.WRITTEN_OFF,
)


def capped(case: Case) -> Mapping[str, Any]:
    """The contracts with a cap among those of a case's work, by project: `cap` with the changes
    agreed since, and what other transactions have `billed` under it, in `currency`."""
    chains = {}
    for item in case.items:
        project = item.record.get("project") or {}
        if chain := project.get("correlation_id"):
            chains[chain] = str(project["source_id"])
    found = {}
    for chain, project in sorted(chains.items()):
        if contract := _signed(chain):
            found[project] = {
                "number": contract["number"] or contract["name"],
                "currency": contract["currency"],
                "cap": str(Decimal(contract["cap"]) + _agreed_since(chain)),
                "billed": str(_billed(project, case.transaction)),
            }
    return {"contracts": found}


def _signed(chain: str) -> Mapping[str, Any] | None:
    """The signed contract of a chain, which nobody else may count now; None without a cap."""
    row = (
        Expectation.objects.select_related("met_by_event")
        .filter(correlation_id=chain, milestone=quote_to_cash.CONTRACT.name)
        .exclude(met_by_event=None)
        .first()
    )
    if row is None or row.met_by_event is None or not Decimal(row.met_by_event.record["cap"]):
        return None
    Expectation.objects.select_for_update().get(pk=row.pk)
    return dict(row.met_by_event.record)


def _agreed_since(chain: str) -> Decimal:
    """What change orders have added to the contract's value, and so to its cap."""
    changes = Transaction.objects.filter(
        process=project_change_to_forecast.PROCESS.name, correlation_id=chain, state__in=REACHED
    )
    return _sum(changes)


def _billed(project: str, but: Transaction) -> Decimal:
    """What was billed for a project or is about to be, less posted credits, but for one
    transaction."""
    named = Q(transaction__keys__kind="project", transaction__keys__value=project)
    posted = Step.objects.filter(
        transaction=OuterRef("transaction"), name="post", state=State.VERIFIED
    )
    checks = Step.objects.filter(
        named,
        ~Q(transaction__state__in=NOT_BILLED) | Exists(posted),
        transaction__process=time_and_expense_to_billing.PROCESS.name,
        name="check",
        state=State.VERIFIED,
    ).exclude(transaction=but)
    parts = (values["billed"].get(project, 0) for values in checks.values_list("values", flat=True))
    credited = Transaction.objects.filter(
        process=credit_and_rebill.PROCESS.name,
        keys__kind="project",
        keys__value=project,
        steps__name="post",
        steps__state=State.VERIFIED,
    )
    return sum(map(Decimal, parts), Decimal(0)) + _sum(credited)


def _sum(transactions: QuerySet[Transaction]) -> Decimal:
    return transactions.aggregate(sum=Sum("amount"))["sum"] or Decimal(0)
