"""Reads the three sets of books that the ledger compares: the tower's, the org's, the ERP's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from controltower.canonical.verdicts import Kind
from controltower.incidents.models import DeadLetter
from controltower.transactions.models import EventState, InboundEvent, Item, Step, Transaction
from controltower.transactions.protocol import State
from tests.chaos.firm import Firm
from tests.chaos.ledger import Effect, Fact, Position, Standing

PARTNER = "sandbox"
DEAL, TIME, EXPENSE = "deal", "time", "expense"
_WORK = {
    TIME: ("pse__Timecard__c", "pse__Total_Billable_Amount__c"),
    EXPENSE: ("pse__Expense__c", "pse__Amount__c"),
}


def accepted(firm: Firm, told: Mapping[str, str]) -> list[Fact]:
    """What somebody may rely on: facts in the source's own books, and what the door answered 202
    for (`told`: event id to deal)."""
    won = firm.query("SELECT Id FROM Opportunity WHERE StageName = 'Closed Won'")
    facts = [Fact(row["Id"], row["Id"], DEAL) for row in won]
    for kind, (sobject, _) in _WORK.items():
        rows = firm.query(
            f"SELECT Id FROM {sobject} WHERE pse__Approved__c = true AND pse__Billable__c = true"
        )
        facts += [Fact(row["Id"], row["Id"], kind) for row in rows]
    return facts + [Fact(event, deal, "webhook") for event, deal in told.items()]


def positions() -> dict[str, Position]:
    """What the tower says of each: by the record for what it read, by the event for what it was
    told."""
    found: dict[str, Position] = {}
    standing = _standings()
    items = {(item.source, item.source_id): item.transaction_id for item in Item.objects.all()}
    events = InboundEvent.objects.only("source", "event_id", "subject", "state", "reason")
    for event in events.order_by("received_at"):
        record = event.subject.rpartition(":")[2]
        name = event.event_id if event.source == PARTNER else record
        position = _position(event, standing.get(items.get((event.source, record))))
        if name not in found or position.standing is not Standing.CLOSED:
            found[name] = position
    return found


def references() -> frozenset[str]:
    """Every reference that the tower gave."""
    return frozenset(Transaction.objects.values_list("reference", flat=True))


def _position(event: InboundEvent, of: Position | None) -> Position:
    if event.state == EventState.RECEIVED:
        return Position(Standing.UNREAD, text="received and not read")
    if event.state == EventState.QUARANTINED:
        return Position(Standing.SET_ASIDE, text=event.reason)
    if event.state == EventState.SUPERSEDED or of is None:
        return Position(Standing.CLOSED, text=event.reason)
    return of


def _standings() -> dict[Any, Position]:
    """By transaction."""
    letters = set(DeadLetter.objects.open().values_list("step_id", flat=True))
    stopped: dict[Any, list[Step]] = defaultdict(list)
    for step in Step.objects.filter(state__in=[State.PARKED, State.HELD]):
        stopped[step.transaction_id].append(step)
    return {
        transaction.pk: _standing(transaction, stopped[transaction.pk], letters)
        for transaction in Transaction.objects.all()
    }


def _standing(transaction: Transaction, stopped: list[Step], letters: set[Any]) -> Position:
    reference = transaction.reference
    if transaction.is_over:
        return Position(Standing.DONE, reference)
    if stopped:
        doubt = any(step.kind == Kind.UNKNOWN for step in stopped)
        owned = all(step.pk in letters for step in stopped)
        text = "; ".join(f"{step.name}: {step.kind} {step.text}" for step in stopped)
        return Position(Standing.IN_DOUBT if doubt else Standing.PARKED, reference, text, owned)
    return Position(Standing.LIVE, reference, _story(transaction))


def _story(transaction: Transaction) -> str:
    steps = transaction.steps.exclude(state__in=[State.VERIFIED, State.SKIPPED, State.PLANNED])
    told = [f"{step.name}: {step.state}, due {step.due_at}, {step.text}" for step in steps]
    return "; ".join([transaction.state, transaction.wait_text, *told])


def effects(firm: Firm) -> list[Effect]:
    """What the targets hold of the tower's doing."""
    projects = firm.query(
        "SELECT Id, pse__Opportunity__c, Tower_External_Id__c FROM pse__Proj__c "
        "WHERE Tower_External_Id__c != null"
    )
    events = firm.query(
        "SELECT Id, Tower_External_Id__c FROM pse__Billing_Event__c "
        "WHERE Tower_External_Id__c != null"
    )
    return [
        *(
            Effect("PSA projects", row["Tower_External_Id__c"], row["Id"],
                   frozenset({row["pse__Opportunity__c"]}))
            for row in projects
        ),
        *(Effect("PSA billing", row["Tower_External_Id__c"], row["Id"]) for row in events),
        *_invoices(firm),
    ]  # fmt: skip


def _invoices(firm: Firm) -> list[Effect]:
    """Invoices of the ERP with the work that the PSA shows under their numbers. One whose number
    the PSA does not show yet has no work to compare it with."""
    work: dict[str, dict[str, Decimal]] = defaultdict(dict)
    for sobject, amount in _WORK.values():
        rows = firm.query(
            f"SELECT Id, {amount}, pse__Invoice_Number__c FROM {sobject} "
            "WHERE pse__Billed__c = true"
        )
        for row in rows:
            work[row["pse__Invoice_Number__c"]][row["Id"]] = Decimal(str(row[amount]))
    found = []
    for row in firm.invoices():
        billed = work.pop(row["number"], {}) if row["number"] else {}
        worth = sum(billed.values(), Decimal(0)) if billed else None
        found.append(
            Effect("ERP invoices", row["reference"], str(row["number"] or row["id"]),
                   frozenset(billed), Decimal(row["untaxed"]), worth)
        )  # fmt: skip
    return found + [
        Effect("ERP invoices", f"number {number}, which only the PSA knows", number,
               frozenset(), Decimal(0), sum(billed.values(), Decimal(0)))
        for number, billed in work.items()
    ]  # fmt: skip
