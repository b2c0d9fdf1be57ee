"""Payrolls and messages of the queue in canonical words. Raises Drift throughout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

from controltower.canonical.events import (
    PAY_INPUT_ANSWERED,
    PAYROLL_ACCEPTED,
    BusinessKey,
    CanonicalEvent,
)
from controltower.canonical.records import LabourCost, LabourPart, PayAnswer
from integrations import exact_json
from integrations.answers import each
from integrations.connector import Change, Key, Unread
from integrations.shape import (
    Drift,
    Row,
    amount,
    amount_text,
    choice,
    day,
    listed,
    moment,
    object_of,
    required,
    text,
)

ACCEPTED, ANSWERED = "payrollOutput.accept", "payDataInput.process"
_EVENTS = {ACCEPTED: PAYROLL_ACCEPTED, ANSWERED: PAY_INPUT_ANSWERED}
_PROCESSED = {"processed": True, "rejected": False}
_STATUS = {"accepted": "accepted"}
_PAYROLL = "payrollOutput"
BETWEEN = "@"
"""Between the event's id and that of the message which carries it."""


def changes(source: str, message: str, body: bytes) -> tuple[Sequence[Change], Sequence[Unread]]:
    """What one message of the queue tells, and which of its events cannot be read: they are kept
    with their bytes, for what is deleted can never be asked for again. Raises Drift for what is no
    message: it stays in the queue."""
    try:
        rows = listed(object_of(exact_json.decode(body)), "events")
    except ValueError:
        raise Drift("the message is not JSON") from None
    if not rows:
        raise Drift("the message tells of no event")
    found, aside = each(
        ((_number(row), row, partial(change, source, message, row)) for row in rows), singly=True
    )
    return found, [replace(one, told_as=f"{BETWEEN}{message}") for one in aside]


def _number(event: Row) -> str:
    """The payroll, or the pay input, that an event tells of, as far as even a bad one says it."""
    try:
        return text(_output(event, "payDataInput" if _is_answer(event) else _PAYROLL), "itemID")
    except Drift:
        return ""


def change(source: str, message: str, row: Row) -> Change:
    """The fact of an event that a message carries. Raises Drift."""
    kind = choice(row, "eventNameCode.codeValue", _EVENTS)
    if _is_answer(row):
        return _answered(source, message, row)
    output = _output(row)
    found = labour_cost(output)
    event = CanonicalEvent(
        id=f"{required(row, 'eventID')}{BETWEEN}{message}",
        type=kind,
        source=f"{source}/labour_cost",
        subject=f"labour_cost:{found.source_id}",
        time=moment(row, "creationDateTime"),
        version=version_of(output),
        record=found,
        keys=(BusinessKey("payroll", found.number),),
    )
    return Change(raw=exact_json.encode(row).encode(), event=event)


def _answered(source: str, message: str, row: Row) -> Change:
    """What became of a pay input."""
    output = _output(row, "payDataInput")
    found = pay_answer(output)
    event = CanonicalEvent(
        id=f"{required(row, 'eventID')}{BETWEEN}{message}",
        type=PAY_INPUT_ANSWERED,
        source=f"{source}/labour_cost",
        subject=f"pay_input:{found.source_id}",
        time=moment(row, "creationDateTime"),
        version=version_of(output),
        record=found,
        keys=(BusinessKey("pay input", found.source_id),),
    )
    return Change(raw=exact_json.encode(row).encode(), event=event)


def retold(raw: bytes) -> LabourCost | PayAnswer:
    """What the bytes of a change mean."""
    row = object_of(exact_json.decode(raw))
    if _is_answer(row):
        return pay_answer(_output(row, "payDataInput"))
    return labour_cost(_output(row))


def _is_answer(event: Row) -> bool:
    name = event.get("eventNameCode")
    return isinstance(name, Mapping) and name.get("codeValue") == ANSWERED


def _output(event: Row, kind: str = _PAYROLL) -> Row:
    found = event.get("data")
    for name in ("output", kind):
        found = found.get(name) if isinstance(found, Mapping) else None
    if found is None:
        raise Drift(f"“data.output.{kind}” is missing")
    return object_of(found)


def pay_answer(row: Row) -> PayAnswer:
    """What the provider did with the pay input of one worker; `batch` of it is our reference."""
    return PayAnswer(
        source_id=required(row, "itemID"),
        entity=required(row, "payrollGroupCode.codeValue"),
        reference=required(row, "payrollProcessingJobID"),
        accepted=choice(row, "processingStatusCode.codeValue", _PROCESSED),
        reason=text(row, "processingStatusCode.shortName"),
    )


def labour_cost(row: Row) -> LabourCost:
    """What a payroll has cost its company. Only an accepted one has cost anything."""
    choice(row, "payrollProcessingStatusCode.codeValue", _STATUS)
    currency = required(row, "totalCostAmount.currencyCode")
    parts = listed(row, "laborCosts")
    if any(required(part, "costAmount.currencyCode") != currency for part in parts):
        raise Drift("“laborCosts” are in several currencies")
    number = required(row, "itemID")
    return LabourCost(
        source_id=number,
        name=f"{text(row, 'payrollGroupCode.shortName')}, {text(row, 'payPeriod.startDate')[:7]}",
        entity=required(row, "payrollGroupCode.codeValue"),
        number=number,
        from_date=day(row, "payPeriod.startDate"),
        to_date=day(row, "payPeriod.endDate"),
        paid_on=day(row, "payDate"),
        currency=currency,
        amount=amount(row, "totalCostAmount.amountValue"),
        parts=tuple(
            LabourPart(
                cost_centre=required(part, "costNumber"),
                hours=amount(part, "hoursQuantity"),
                amount=amount(part, "costAmount.amountValue"),
            )
            for part in parts
        ),
    )


def version_of(row: Row) -> str:
    """Orders what was said of one payroll."""
    return moment(row, "recordDateTime").isoformat(timespec="microseconds")


def key_of(row: Row) -> Key:
    """What reconciliation compares."""
    found = labour_cost(row)
    return Key(found.number, found.number, version_of(row), str(found.amount), found.currency)


def pay_input(row: Row) -> dict[str, Any]:
    """What the provider has of pay data that was handed in: our reference, the worker, the hours.
    Raises Drift."""
    try:
        (payee,) = listed(row, "payeePayInputs")
        (profile,) = listed(payee, "payrollProfilePayInputs")
        (given,) = listed(profile, "payInputs")
        (earning,) = listed(given, "earningInputs")
    except ValueError:
        raise Drift("it is not of one worker and one earning") from None
    return {
        "reference": required(row, "payrollProcessingJobID"),
        "number": required(payee, "associateOID"),
        "hours": amount_text(earning, "numberOfHours"),
    }


def pay_data(record: Mapping[str, Any]) -> dict[str, Any]:
    """Approved hours and expenses of one worker, as the event that hands them in. `record` has
    `payroll_group`, `batch`, `worker` (the vendor's associate id), `earning_code` and `hours`; and
    `expenses` in `currency`, where there are any."""
    earning = {
        "earningCode": {"codeValue": str(record["earning_code"])},
        "numberOfHours": str(record["hours"]),
    }
    given_back = {
        "reimbursementCode": {"codeValue": "EXP"},
        "reimbursementAmount": {
            "amountValue": str(record.get("expenses", "")),
            "currencyCode": str(record.get("currency", "")),
        },
    }
    inputs: dict[str, Any] = {"earningInputs": [earning]}
    if Decimal(str(record.get("expenses") or 0)):
        inputs["reimbursementInputs"] = [given_back]
    payee = {
        "associateOID": str(record["worker"]),
        "payrollProfilePayInputs": [{"payInputs": [inputs]}],
    }
    given = {
        "payrollGroupCode": {"codeValue": str(record["payroll_group"])},
        "payrollProcessingJobID": str(record["batch"]),
        "payeePayInputs": [payee],
    }
    return {"data": {"transform": {"payDataInput": given}}}
