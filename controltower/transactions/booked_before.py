"""What of a purchase is in the ERP already, by the tower's own books."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controltower.processes import spend_to_project_cost
from controltower.transactions.cases import Case
from controltower.transactions.models import Step, Transaction
from controltower.transactions.protocol import MAY_BE_THERE

BILL = "draft"
"""The step by which a purchase gets into the ERP's books."""


def of_purchase(case: Case) -> Mapping[str, Any]:
    """As what the purchase of a case was `booked` before it was changed: the supplier's invoice, by
    its `number`, with the `amount` and the `tax` that were sent. Nothing where it never was. Its
    chain is made of the record's id, and so the same whatever is changed of it."""
    earlier = Transaction.objects.filter(
        correlation_id=case.transaction.correlation_id,
        process=spend_to_project_cost.PROCESS.name,
        subject__source_id=case.transaction.subject["source_id"],
    ).exclude(pk=case.transaction.pk)
    bills = Step.objects.filter(transaction__in=earlier, name=BILL, state__in=MAY_BE_THERE)
    bill = bills.order_by("changed_at", "pk").last()
    if bill is None:
        return {}
    posted = Step.objects.filter(transaction=bill.transaction_id, name="post").first()
    number = (posted.values.get("number") if posted else "") or bill.ref or "?"
    sent = {"amount": bill.sent.get("untaxed"), "tax": bill.sent.get("tax")}
    return {"booked": {"number": str(number), **sent}}
