"""Hours to payroll: what people have worked and laid out in a month is handed to who pays them.

The month's cut-off is over in the employing company's calendar → one pay input for each worker, of
all approved hours and expenses → handed in → the provider's word on it. What is approved, corrected
or withdrawn afterwards is handed in as an adjustment: nothing is handed in twice. The provider
keeps no key, so an answer that was lost is in doubt, and a person looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from controltower.canonical.events import (
    PAY_INPUT_ANSWERED,
    PAY_INPUT_DUE,
    BusinessKey,
    CanonicalEvent,
)
from controltower.canonical.records import PayAnswer, PayInput
from controltower.canonical.verdicts import Kind
from controltower.processes import agreement, quote_to_cash
from controltower.processes.definition import (
    Entity,
    Facts,
    Learn,
    Opening,
    Prepared,
    Process,
    Refuse,
    Send,
    StepDefinition,
)

REGULAR = "REG"
"""Under which code approved hours are paid; what it means there is the provider's."""


def accepts(event: CanonicalEvent) -> bool:
    """A pay input; or the provider's word that it did not take one."""
    record = event.record
    return isinstance(record, PayInput) or (isinstance(record, PayAnswer) and not record.accepted)


def open_input(event: CanonicalEvent, entities: Mapping[str, Entity], now: datetime) -> Opening:
    """Worth nothing by itself: what it costs is told with the payroll. Named by the number."""
    record = event.record
    if isinstance(record, PayAnswer):
        title, keys = f"Pay input {record.reference} refused", _keys(record)
    else:
        assert isinstance(record, PayInput)
        what = "Adjustment of pay input" if record.adjustment else "Pay input"
        title = f"{what} {record.number} {record.period}"
        keys = (
            BusinessKey("pay input", f"{record.number} {record.period}"),
            BusinessKey("employee number", record.number),
        )
    return Opening(
        title=title,
        counterparty="",
        entity=record.entity if record.entity in entities else "",
        amount="0",
        currency=entities[record.entity].currency if record.entity in entities else "",
        keys=tuple(key for key in keys if key.value.strip()),
        due=now + PROCESS.promise,
    )


def _keys(answer: PayAnswer) -> tuple[BusinessKey, ...]:
    return (
        BusinessKey("refused pay input", answer.source_id),
        BusinessKey("reference", answer.reference),
    )


def check_input(facts: Facts) -> Prepared:
    """What no payroll can take: nobody's hours, less than nothing, or another money."""
    given, entity = facts.subject, facts.entity
    if entity is None:
        text = f"The hours are of “{given['entity']}”, which is no company of ours."
        return Refuse(Kind.REFERENCE_MISSING, text, "entity")
    if not given["number"]:
        text = (
            f"Approved hours of {given['period']} are of people without an employee number, so"
            " nobody can be paid for them. Let the resource master sync carry these people over,"
            " have them paid by hand for this month, then settle this."
        )
        return Refuse(Kind.REFERENCE_MISSING, text, "number")
    if not given["adjustment"] and Decimal(str(given["hours"])) < 0:
        text = f"{given['number']} has less than no hours in {given['period']}."
        return Refuse(Kind.VALIDATION, text, "hours")
    if given["currency"] not in ("", entity.currency):
        text = (
            f"{given['number']} laid out money in {given['currency']}, but {entity.code} pays in"
            f" {entity.currency}. Have it paid back by hand, then settle this."
        )
        return Refuse(Kind.VALIDATION, text, "currency")
    return Learn()


def submit(facts: Facts) -> Prepared:
    given = facts.subject
    record = {**given, "reference": facts.reference, "earning": REGULAR}
    return Send(record=record, ordering=f"pay input:{given['entity']}:{given['number']}")


def refused(facts: Facts) -> Prepared:
    """The provider's answer is final: what it has not taken is handed in by hand."""
    answer = facts.subject
    text = (
        f"The payroll provider did not take pay input {answer['reference']}:"
        f" {answer['reason'] or 'it does not say why'}. Put that right with the provider and hand"
        " the hours in there, then settle this."
    )
    return Refuse(Kind.CONFLICT, text, "reference")


def steps(facts: Facts) -> tuple[StepDefinition, ...]:
    return (REFUSED,) if "accepted" in facts.subject else (CHECK, SUBMIT)


CHECK = StepDefinition(
    name="check", title="Check the pay input", prepare=check_input, owner_role="controller"
)
SUBMIT = StepDefinition(
    name="submit",
    title="Hand the hours in to payroll",
    role="payroll",
    entity="pay_input",
    verb="submit",
    needs=("check",),
    mapping="pay-input-to-payroll",
    prepare=submit,
    differs=agreement.hours_differ,
    owner_role="controller",
)
REFUSED = StepDefinition(
    name="refused",
    title="The provider did not take it",
    prepare=refused,
    owner_role="controller",
)

PROCESS = Process(
    name="hours-to-payroll",
    title="Hours to payroll",
    starts_on=(PAY_INPUT_DUE, PAY_INPUT_ANSWERED),
    promise=timedelta(hours=8),
    exposure="unpaid cost",
    stage="Month cut off",
    owner_role="controller",
    accepts=accepts,
    open=open_input,
    steps=steps,
    expects=(quote_to_cash.PAY_PROCESSED,),
)
