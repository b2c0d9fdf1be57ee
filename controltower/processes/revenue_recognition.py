"""Revenue recognition: what was delivered of a fixed price is revenue in the month it was earned.

The PSA measures what of a contract is delivered by the end of a month: milestones reached, or hours
or cost of those planned → what the ledger shows for the month is read → an entry over the
difference makes revenue of what was invoiced ahead → the PSA's schedule shows what was recognised,
and by which entry.

What was invoiced at a fixed price is no revenue until then; time and materials are earned as
they are invoiced, and need no entry. Where the ledger contradicts the PSA beyond the company's
tolerance, nothing is posted and a person decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from controltower.canonical.calendar import spoken_month
from controltower.canonical.events import WORK_DELIVERED, BusinessKey, CanonicalEvent
from controltower.canonical.money import Money
from controltower.canonical.records import DeliveredMonth
from controltower.canonical.verdicts import Kind
from controltower.canonical.wire import to_json
from controltower.processes import agreement, booking_day, project_opening
from controltower.processes.definition import (
    Entity,
    Facts,
    Hold,
    Learn,
    Opening,
    Prepared,
    Process,
    Refuse,
    Send,
    Skip,
    StepDefinition,
)
from controltower.processes.delivered_work import (
    Delivered,
    Ledger,
    is_period,
    mismatch,
    name_of,
    refusal_of,
)

RECOGNISE_IN_NEXT_PERIOD = "next_period"
"""The owner's decision that lets revenue of a closed month be booked in the open one."""


def accepts(event: CanonicalEvent) -> bool:
    return isinstance(event.record, DeliveredMonth)


def open_month(event: CanonicalEvent, entities: Mapping[str, Entity], now: datetime) -> Opening:
    month = event.record
    assert isinstance(month, DeliveredMonth)
    spoken = spoken_month(month.period)
    title = f"Revenue {month.name}, {spoken}"
    if month.project:
        title = f"Revenue of {month.project.name}, {spoken}"
    begun = project_opening.opening(
        month,
        BusinessKey("delivered work", month.name),
        title,
        amount=_missing(month),
        companies=entities,
        due=now + PROCESS.promise,
    )
    return replace(begun, month=month.period if is_period(month.period) else "")


def _missing(month: DeliveredMonth) -> Decimal:
    """What of the month the PSA does not know as recognised; zero where nobody can tell."""
    try:
        share = Delivered.of(to_json(month)).month
        return (share - Money.of(month.recognised, month.currency)).amount
    except ValueError:
        return Decimal(0)


def check_month(facts: Facts) -> Prepared:
    """Everything that an entry rests on, checked before the ledger is asked."""
    month = facts.subject
    if refusal := refusal_of(month, facts):
        return refusal
    earned = Delivered.of(month)
    return Learn({"earned": str(earned.month.amount), "before": str(earned.before.amount)})


def read_ledger(facts: Facts) -> Prepared:
    return Send(ref=str(facts.subject["project_id"]))


def write_entry(facts: Facts) -> Prepared:
    """Book what the ledger does not show yet, unless it contradicts what was delivered."""
    month, entity = facts.subject, facts.entity
    assert entity is not None
    if not facts.items:
        return Skip("The month was measured anew since; the newer measure is carried through.")
    delivered, ledger = Delivered.of(month), _ledger(facts)
    tolerance = Money.of(entity.revenue_tolerance, entity.currency)
    if kind := mismatch(delivered, ledger, tolerance):
        return _contradiction(kind, month, delivered, ledger)
    due = delivered.month - ledger.month
    if not due.minor:
        return Skip(f"The ledger shows {ledger.month.amount} for {month['period']}, as delivered.")
    closed = month["period"] in entity.closed_periods
    small = abs(due.minor) <= tolerance.minor
    if closed and not small and facts.decisions.get("period") != RECOGNISE_IN_NEXT_PERIOD:
        return Hold(
            "period_closed",
            f"{due.amount} {due.currency} were delivered in {month['period']}, which {entity.name} "
            "has closed. Reopen the period, or recognise it in the open one.",
        )
    on = _booked_on(month, entity, facts.now)
    if early := booking_day.too_early(entity, on, facts.now, "Booked"):
        return early
    record = {
        "entity": entity.code,
        "reference": facts.reference,
        "project_id": month["project_id"],
        "period": month["period"],
        "date": on.isoformat(),
        "amount": str(delivered.month.amount),
        "currency": due.currency,
        "method": month["method"],
        "description": month["project"]["name"],
    }
    return Send(
        record=record,
        find={"reference": facts.reference, "company": entity.code},
        ordering=f"revenue:{month['project_id']}:{month['period']}",
    )


def _ledger(facts: Facts) -> Ledger:
    month = facts.subject
    shown = facts.result("ledger").values.get("months", ())
    return Ledger.of(shown, str(month["period"]), str(month["currency"]))


def _contradiction(
    kind: str, month: Mapping[str, Any], delivered: Delivered, ledger: Ledger
) -> Refuse:
    name, period, currency = name_of(month), month["period"], month["currency"]
    shown = f"The ledger shows {ledger.month.amount} {currency} for {period}"
    if kind == "wrong_period":
        text = (
            f"Revenue of {name} is in the wrong period. {shown} and {ledger.before.amount} before "
            f"it; delivered were {delivered.month.amount} and {delivered.before.amount}. Move it "
            "to its month in the ERP, then replay."
        )
        return Refuse(Kind.CONFLICT, text, "period")
    text = (
        f"Revenue of {name} is recognised but not delivered. {shown}; delivered were "
        f"{delivered.month.amount}. Take it back in the ERP, or approve the missing work in the "
        "PSA, then replay."
    )
    return Refuse(Kind.CONFLICT, text, "amount")


def _booked_on(month: Mapping[str, Any], entity: Entity, now: datetime) -> date:
    """The month's last day, today while it runs; the first open day where it is closed."""
    first = date.fromisoformat(f"{month['period']}-01")
    if (open_day := entity.first_open_day(first)) != first:
        return open_day
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return min(last, entity.today(now))


def post_entry(facts: Facts) -> Prepared:
    drafted = facts.result("entry")
    if not drafted.ref:
        return Skip("No entry was needed.")
    month = facts.subject
    return Send(
        ref=drafted.ref,
        record={"amount": str(drafted.values["amount"])},
        find={"reference": facts.reference, "company": month["entity"]},
        ordering=f"revenue:{month['project_id']}:{month['period']}",
    )


def update_schedule(facts: Facts) -> Prepared:
    month, posted = facts.subject, facts.result("post").values
    if not facts.items:
        return Skip("The month was measured anew since; the newer measure is carried through.")
    record = {
        "recognised": posted.get("recognised") or str(_ledger(facts).month.amount),
        "journal_entry": posted.get("number") or month.get("journal_entry") or "",
    }
    return Send(
        record=record,
        ref=str(month["source_id"]),
        ordering=f"delivered_month:{month['source_id']}",
    )


ROUTE = (
    StepDefinition(
        name="check",
        title="Check what was delivered",
        prepare=check_month,
        owner_role="pmo_lead",
    ),
    StepDefinition(
        name="ledger",
        title="Ask what is recognised",
        role="erp",
        entity="revenue",
        verb="get",
        needs=("check",),
        prepare=read_ledger,
        owner_role="controller",
    ),
    StepDefinition(
        name="entry",
        title="Draft the revenue entry",
        role="erp",
        entity="revenue_entry",
        verb="upsert",
        needs=("ledger",),
        mapping="revenue-entry-to-erp",
        probe_first=True,
        prepare=write_entry,
        differs=agreement.recognition_differs,
        owner_role="controller",
    ),
    StepDefinition(
        name="post",
        title="Post the revenue entry",
        role="erp",
        entity="revenue_entry",
        verb="post",
        needs=("entry",),
        prepare=post_entry,
        differs=agreement.not_recognised,
        owner_role="controller",
    ),
    StepDefinition(
        name="schedule",
        title="Bring the PSA's schedule up to date",
        role="psa",
        entity="delivered_month",
        verb="update",
        needs=("post",),
        mapping="recognised-to-psa",
        prepare=update_schedule,
        differs=agreement.schedule_differs,
        owner_role="pmo_lead",
    ),
)


def steps(_facts: Facts) -> tuple[StepDefinition, ...]:
    return ROUTE


PROCESS = Process(
    name="revenue-recognition",
    title="Revenue recognition",
    starts_on=(WORK_DELIVERED,),
    promise=timedelta(hours=8),
    exposure="unposted revenue",
    stage="Work delivered",
    owner_role="controller",
    accepts=accepts,
    open=open_month,
    steps=steps,
    every_change=True,
)
