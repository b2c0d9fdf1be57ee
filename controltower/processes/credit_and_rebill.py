"""Credit and re-bill: time that is corrected after it was invoiced becomes a credit note.

The PSA takes billed time back by time of less than zero that names it, and enters the right time
anew. What is taken back → the invoice on which it was → credit note in the ERP, linked to that
invoice → posted → its number back in the PSA. The right time is billed as any other; the invoice
itself is never changed.

So does work whose approval is taken back once its invoice is begun, if the controller says so: it
may also have been a mistake, and be approved again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from controltower.canonical.events import (
    EXPENSE_APPROVED,
    MILESTONE_APPROVED,
    TIMESHEET_APPROVED,
    BusinessKey,
    CanonicalEvent,
)
from controltower.canonical.money import Money
from controltower.canonical.records import BillableFact
from controltower.canonical.verdicts import Kind
from controltower.processes import (
    agreement,
    approved_work,
    billing_paper,
    booking_day,
    invoice_lines,
    project_opening,
    retained_work,
    withdrawn_work,
)
from controltower.processes.definition import (
    Entity,
    Facts,
    Learn,
    Opening,
    Prepared,
    Process,
    Refuse,
    Send,
    Skip,
    StepDefinition,
)

NO_CREDIT = "Nothing of it was billed, so there is nothing to credit."


def accepts(event: CanonicalEvent) -> bool:
    fact = event.record
    if not isinstance(fact, BillableFact) or not fact.billable:
        return False
    return fact.approved and not fact.billed if fact.corrects else not fact.approved


def open_credit(event: CanonicalEvent, entities: Mapping[str, Entity], now: datetime) -> Opening:
    fact = event.record
    assert isinstance(fact, BillableFact)
    return project_opening.opening(
        fact,
        BusinessKey("approved work", fact.number),
        f"Credit for {fact.project.name}" if fact.project else f"Credit {fact.number}",
        amount=fact.amount if fact.corrects else -fact.amount,
        companies=entities,
        due=now + PROCESS.promise,
    )


def check_correction(facts: Facts) -> Prepared:
    item = facts.subject
    if withdrawn_work.is_taken_back(item):
        return withdrawn_work.check(item, facts)
    if refusal := approved_work.refusal_of_correction(item, facts):
        return refusal
    taken = retained_work.taken_back(facts)
    if isinstance(taken, Refuse):
        return taken
    told: dict[str, Any] = {"takes_back": str(-taken.credited.amount)}
    held, back, text = taken.held, taken.given_back, ""
    if not (held.minor or back):
        return Learn(told)
    if held.minor:
        told["held"] = str(held.amount)
        text = f"{held.amount:,} {held.currency} is taken off what is held above the retainer. "
    if back:
        told["covered"] = [back.told()]
    if back and back.amount.minor:
        text += f"{-back.amount.amount:,} {back.amount.currency} is given back to the retainer."
    return Learn(told, text.strip(), worth=-taken.credited.amount)


def read_original(facts: Facts) -> Prepared:
    return Send(ref=str(facts.subject["corrects"] or facts.subject["source_id"]))


def read_client(facts: Facts) -> Prepared:
    return Send(ref=str(facts.subject["project"]["customer_id"]))


def draft_credit(facts: Facts) -> Prepared:
    """Credit what was invoiced, on the first open day: the invoice's own period stays as it is."""
    item, original = facts.subject, facts.result("original").values
    entity = facts.entity
    assert entity is not None
    worth = _credited(facts)
    if refusal := _not_invoiced(item, original, worth):
        return refusal
    if not worth.minor:
        return Skip(NO_CREDIT)
    on = entity.first_open_day(entity.today(facts.now))
    if early := booking_day.too_early(entity, on, facts.now, "Credited"):
        return early
    number, work = original["invoice_number"], invoice_lines.mark_of(original)
    less = {**item, "amount": str(worth.amount)}
    if withdrawn_work.is_taken_back(item) and "hours" in item:
        less["hours"] = str(-Decimal(str(item["hours"])))
    credit = billing_paper.paper(
        facts,
        on=on,
        about=f"Credit for invoice {number}",
        worth=worth,
        lines=[{**invoice_lines.line_of(less), "credits": work}],
    )
    if isinstance(credit, Refuse):
        return credit
    return Send(
        record={**credit, "credits": number},
        find={"reference": facts.reference, "company": entity.code},
        ordering=f"credit:{entity.code}:{number}",
    )


def _credited(facts: Facts) -> Money:
    """What the credit note comes to, less than zero."""
    taken = facts.result("check").values["takes_back"]
    return Money.of(str(taken), str(facts.subject["currency"]))


def _not_invoiced(
    item: Mapping[str, Any], original: Mapping[str, Any], worth: Money
) -> Refuse | None:
    """Why there is nothing to credit, or None."""
    number, of = item["number"], original.get("number")
    if not original.get("invoice_number"):
        text = (
            f"{number} takes back {of}, which has not been invoiced. Withdraw both in the PSA, or "
            "replay this once the invoice is posted."
        )
        if withdrawn_work.is_taken_back(item):
            text = withdrawn_work.not_posted(item)
        return Refuse(Kind.CONFLICT, text, "corrects")
    if worth.minor and str(original["invoice_number"]).startswith(retained_work.COVERED):
        text = (
            f"{number} takes back {of}, of which {-worth.amount:,} {worth.currency} was above the "
            "retainer when it was covered, and was billed once that was agreed. Credit that "
            "invoice by hand, and settle this with the number of the credit note."
        )
        return Refuse(Kind.CONFLICT, text, "corrects")
    if original.get("project_id") != item["project_id"]:
        text = f"{number} takes back {of}, which is of another project."
        return Refuse(Kind.VALIDATION, text, "corrects")
    if Decimal(str(original["amount"])) + Decimal(str(item["amount"])) < 0:
        text = (
            f"{number} takes back {-Decimal(str(item['amount']))} {item['currency']}, but {of} was "
            f"invoiced with {original['amount']}."
        )
        return Refuse(Kind.VALIDATION, text, "amount")
    return None


def post_credit(facts: Facts) -> Prepared:
    entity = facts.entity
    assert entity is not None
    if not _credited(facts).minor:
        return Skip(NO_CREDIT)
    return Send(
        ref=facts.result("draft").ref,
        find={"reference": facts.reference, "company": entity.code},
        ordering=f"credit:{entity.code}:{facts.result('original').values['invoice_number']}",
    )


def report_credit(facts: Facts) -> Prepared:
    posted, ref = facts.result("post").values, str(facts.subject["source_id"])
    covered = facts.result("check").values.get("covered", [])
    given_back = [part for part in covered if Decimal(part["amount"])]
    instead = retained_work.label(given_back) if given_back else retained_work.ABOVE
    record = {
        "invoice_number": posted.get("number", "") or instead,
        "invoiced": str(_credited(facts).amount),
    }
    return Send(record=record, ref=ref, ordering=f"timecard:{ref}")


ORIGINAL = StepDefinition(
    name="original",
    title="Read what was invoiced",
    role="psa",
    entity="timecard",
    verb="get",
    needs=("check",),
    prepare=read_original,
    owner_role="pmo_lead",
)
ROUTE = (
    StepDefinition(
        name="check",
        title="Check the correction",
        prepare=check_correction,
        owner_role="pmo_lead",
        consults="covered",
    ),
    ORIGINAL,
    StepDefinition(
        name="client",
        title="Read the client",
        role="crm",
        entity="customer",
        verb="get",
        needs=("check",),
        prepare=read_client,
    ),
    StepDefinition(
        name="draft",
        title="Draft the credit note",
        role="erp",
        entity="credit_note",
        verb="upsert",
        needs=("original", "client"),
        mapping="credit-note-to-erp",
        probe_first=True,
        prepare=draft_credit,
        differs=agreement.totals_differ,
        owner_role="controller",
    ),
    StepDefinition(
        name="post",
        title="Post the credit note",
        role="erp",
        entity="credit_note",
        verb="post",
        needs=("draft",),
        prepare=post_credit,
        differs=agreement.not_posted,
        owner_role="controller",
    ),
    StepDefinition(
        name="status",
        title="Report the credit note to the PSA",
        role="psa",
        entity="timecard",
        verb="update",
        needs=("post",),
        mapping="credited-to-psa",
        prepare=report_credit,
        differs=agreement.credit_differs,
    ),
)


def steps(facts: Facts) -> tuple[StepDefinition, ...]:
    """The route. What is taken back by itself is read as what it is, and stays billed in the PSA:
    whoever approves it again must not have it billed twice."""
    if facts.subject.get("corrects", True):
        return ROUTE
    kind = invoice_lines.kind_of(facts.subject)
    return tuple(replace(one, entity=kind) if one is ORIGINAL else one for one in ROUTE[:-1])


PROCESS = Process(
    name="credit-and-rebill",
    title="Credit and re-bill",
    starts_on=(TIMESHEET_APPROVED, EXPENSE_APPROVED, MILESTONE_APPROVED),
    promise=timedelta(hours=4),
    exposure="credit due",
    stage="Time corrected",
    owner_role="controller",
    accepts=accepts,
    open=open_credit,
    steps=steps,
)
