"""What a cap had no room for becomes a fact of its own, in the commit that ends its invoice.

Once the invoice is out, the work of each project that it left out is told to the inbox, to be
billed when there is room. What is written off instead, alone or with the invoice that had left it
out, is told as cost. Each is told under one name, once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from controltower.canonical.events import (
    WORK_LEFT_OUT,
    WORK_WRITTEN_OFF,
    BusinessKey,
    CanonicalEvent,
)
from controltower.canonical.records import Project, WorkLeftOut
from controltower.canonical.wire import from_json, to_json
from controltower.processes import capped_work, time_and_expense_to_billing
from controltower.transactions import intake
from controltower.transactions.models import (
    REACHED,
    Item,
    Step,
    Transaction,
    TransactionState,
)
from controltower.transactions.protocol import State

BILLING = time_and_expense_to_billing.PROCESS.name


class Ended(Protocol):
    """A transaction that is over, with its steps and facts."""

    transaction: Transaction
    steps: list[Step]
    items: list[Item]


def tell(ended: Iterable[Ended], *, now: datetime) -> None:
    """Tell the inbox what must become of work that stands on no invoice."""
    found = [event for case in ended for event in _events(case, now)]
    facts = [(json.dumps(to_json(event.record), sort_keys=True).encode(), event) for event in found]
    intake.receive(facts=facts, signature="polled", now=now)


def _events(case: Ended, now: datetime) -> Iterator[CanonicalEvent]:
    transaction = case.transaction
    check = next((step for step in case.steps if step.name == "check"), None)
    if transaction.process != BILLING or check is None:
        return
    parts = check.values.get(capped_work.LEFT_OUT_OF, {}) if check.state == State.VERIFIED else {}
    if transaction.state in REACHED:
        type_ = WORK_LEFT_OUT
    elif transaction.state == TransactionState.WRITTEN_OFF:
        type_ = WORK_WRITTEN_OFF
        if check.field == capped_work.CAP:
            project = str(case.items[0].record["project"]["source_id"])
            parts = {project: transaction.amount}
    else:
        return
    for project, left in parts.items():
        yield _told(case, type_, project, Decimal(left), now)


def _told(case: Ended, type_: str, named: str, amount: Decimal, now: datetime) -> CanonicalEvent:
    """The fact, as told by the PSA that the work came from: what comes of it is told there."""
    transaction = case.transaction
    items = [one for one in case.items if str(one.record["project"]["source_id"]) == named]
    project = from_json(Project, items[0].record["project"])
    name = f"{transaction.reference}/{named}"
    record = WorkLeftOut(
        source_id=name,
        name=f"Work above the cap of {project.name}",
        entity=transaction.entity.code if transaction.entity else "",
        number=f"{transaction.reference} above the cap of {project.name}",
        project=project,
        project_id=project.source_id,
        currency=transaction.currency,
        amount=amount,
        on=date.fromisoformat(max(str(one.record["on"]) for one in items)),
        left_out_of=transaction.reference,
    )
    if type_ == WORK_WRITTEN_OFF:
        number = f"{transaction.reference} written off"
        record = replace(record, billable=False, number=number)
    connection = items[0].source.partition("/")[0]
    return CanonicalEvent(
        id=name,
        type=type_,
        source=f"{connection}/{type_}",
        subject=f"work:{name}",
        time=now,
        version=now.isoformat(timespec="microseconds"),
        record=record,
        keys=(BusinessKey("reference", transaction.reference),),
        correlation_id=project.correlation_id or transaction.correlation_id,
    )
