"""How a transaction begins whose fact is told with the project that it is of."""

from __future__ import annotations

from collections.abc import Container
from datetime import datetime
from decimal import Decimal

from controltower.canonical.events import BusinessKey
from controltower.canonical.records import BillableFact, ChangeOrder, DeliveredMonth
from controltower.processes.definition import Opening


def opening(
    fact: BillableFact | ChangeOrder | DeliveredMonth,
    key: BusinessKey,
    title: str,
    *,
    amount: Decimal,
    companies: Container[str],
    due: datetime,
) -> Opening:
    """The company is the project's, else the fact's own; "" where it is none of the firm's."""
    project = fact.project
    keys = (key, BusinessKey("project", fact.project_id)) if fact.project_id else (key,)
    company = (project.entity if project else "") or fact.entity
    return Opening(
        title=title,
        counterparty=project.customer_name if project else "",
        entity=company if company in companies else "",
        amount=str(amount),
        currency=fact.currency,
        keys=keys,
        due=due,
    )
