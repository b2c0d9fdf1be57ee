"""What rests on a deal, by the tower's own books: project, invoices and what is under way."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from controltower.processes import opportunity_to_project, time_and_expense_to_billing
from controltower.transactions.cases import Case
from controltower.transactions.models import BusinessKey, Transaction, TransactionState
from controltower.transactions.protocol import State

DEAL = opportunity_to_project.PROCESS.name
BILLING = time_and_expense_to_billing.PROCESS.name
CALLED_OFF = (TransactionState.CANCELLED, TransactionState.SUPERSEDED)


def on_deal(case: Case) -> Mapping[str, Any]:
    """Of the deal that a case is about: what it was `worth` when it was won, in `currency`; its
    `project` in the PSA, or that one is `setting_up`; the numbers of its `invoices`, what is
    `billed` by them and what is `on_its_way`. Nothing where all was called off."""
    deal = _of_deal(str(case.transaction.subject["source_id"]))
    if deal is None:
        return {}
    project = deal.steps.filter(name="project", state=State.VERIFIED).first()
    if project is None and deal.state in CALLED_OFF:
        return {}
    billing = list(_billing(deal.correlation_id))
    posted = [(one, one.steps.filter(name="post", state=State.VERIFIED).first()) for one in billing]
    invoices = [(one, step) for one, step in posted if step is not None]
    on_its_way = sum((one.amount for one, step in posted if step is None), Decimal(0))
    billed = sum((one.amount for one, _step in invoices), Decimal(0))
    return {
        "worth": str(deal.amount),
        "currency": deal.currency,
        "project": project.ref if project else "",
        "setting_up": project is None and not deal.is_over,
        "invoices": [str(step.values.get("number") or step.ref) for _one, step in invoices],
        "billed": f"{billed:,.2f}",
        "on_its_way": f"{on_its_way:,.2f}" if on_its_way else "",
    }


def _of_deal(ref: str) -> Transaction | None:
    """The transaction that has carried a won deal out, the newest of them."""
    named = BusinessKey.objects.filter(kind="opportunity", value=ref).values("transaction")
    return Transaction.objects.filter(pk__in=named, process=DEAL).order_by("started_at").last()


def _billing(chain: str) -> list[Transaction]:
    """What bills work of a chain or has billed it, its own invoices and those that it shares."""
    shared = BusinessKey.objects.filter(kind="correlation", value=chain).values("transaction")
    found = Transaction.objects.filter(process=BILLING).exclude(state__in=CALLED_OFF)
    own = found.filter(correlation_id=chain) | found.filter(pk__in=shared)
    return list(own.order_by("started_at", "pk"))
