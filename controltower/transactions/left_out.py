"""What a cap had no room for becomes a fact of its own, in the commit that ends its invoice.

Until then the invoice's transaction answers for it, and is worth it as well: what is stuck is at
stake with all of its work. Once the invoice is out, the work of each project that it left out is
told to the inbox, to be billed when there is room. What is written off instead, alone or with the
invoice that had left it out, is told as cost; what is called off with it is said. Each is told
under one name, once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
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

    @property
    def items(self) -> list[Item]:
        """What it is about."""
        ...

    def note(self, kind: str, text: str) -> None:
        """Write on its timeline."""


_WHAT_BECOMES = {
    TransactionState.CANCELLED: "is called off with the invoice that had left it out.",
    TransactionState.WRITTEN_OFF: "is written off with the invoice that had left it out.",
}


def let_go(ended: Ended) -> None:
    """The transaction that has ended is worth no more than its invoice, and says what becomes of
    the work that it had left out."""
    transaction = ended.transaction
    left = sum(map(Decimal, _parts(ended).values()), Decimal(0))
    if not left:
        return
    becomes = _WHAT_BECOMES.get(TransactionState(transaction.state))
    if transaction.state in REACHED:
        transaction.amount -= left
        becomes = "goes on by itself: the invoice is out without it."
    if becomes:
        text = f"{left:,} {transaction.currency} of work above what may be billed {becomes}"
        ended.note("corrected", text)


def _check(ended: Ended) -> Step | None:
    """The check that an invoice was made by."""
    if ended.transaction.process != BILLING:
        return None
    return next((step for step in ended.steps if step.name == "check"), None)


def _parts(ended: Ended) -> Mapping[str, str]:
    """What was left out, by project."""
    check = _check(ended)
    if check is None or check.state != State.VERIFIED:
        return {}
    parts: Mapping[str, str] = check.values.get(capped_work.LEFT_OUT_OF, {})
    return parts


def tell(ended: Iterable[Ended], *, now: datetime) -> None:
    """Tell the inbox what must become of work that stands on no invoice."""
    found = [event for case in ended for event in _events(case, now)]
    facts = [(json.dumps(to_json(event.record), sort_keys=True).encode(), event) for event in found]
    intake.receive(facts=facts, signature="polled", now=now)


def _events(case: Ended, now: datetime) -> Iterator[CanonicalEvent]:
    transaction, check = case.transaction, _check(case)
    if check is None:
        return
    parts = _parts(case)
    if transaction.state in REACHED:
        type_ = WORK_LEFT_OUT
    elif transaction.state == TransactionState.WRITTEN_OFF:
        type_ = WORK_WRITTEN_OFF
        if check.field == capped_work.CAP:
            project = str(case.items[0].record["project"]["source_id"])
            parts = {project: str(transaction.amount)}
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
