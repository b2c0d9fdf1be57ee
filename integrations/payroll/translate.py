"""Payrolls and messages of the queue in canonical words. Raises Drift throughout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from controltower.canonical.events import PAYROLL_ACCEPTED, BusinessKey, CanonicalEvent
from controltower.canonical.records import LabourCost, LabourPart
from integrations import exact_json
from integrations.answers import each
from integrations.connector import Change, Key, Unread
from integrations.shape import (
    Drift,
    Row,
    amount,
    choice,
    day,
    listed,
    moment,
    object_of,
    required,
    text,
)

ACCEPTED = "payrollOutput.accept"
_EVENTS = {ACCEPTED: PAYROLL_ACCEPTED}
_STATUS = {"accepted": "accepted"}
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
    """The payroll that an event tells of, as far as even a bad one says it."""
    try:
        return text(_output(event), "itemID")
    except Drift:
        return ""


def change(source: str, message: str, row: Row) -> Change:
    """The fact of an event that a message carries. Raises Drift."""
    kind = choice(row, "eventNameCode.codeValue", _EVENTS)
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


def retold(raw: bytes) -> LabourCost:
    """What the bytes of a change mean."""
    return labour_cost(_output(object_of(exact_json.decode(raw))))


def _output(event: Row) -> Row:
    found = event.get("data")
    for name in ("output", "payrollOutput"):
        found = found.get(name) if isinstance(found, Mapping) else None
    if found is None:
        raise Drift("“data.output.payrollOutput” is missing")
    return object_of(found)


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


def pay_data(record: Mapping[str, Any]) -> dict[str, Any]:
    """Approved hours of one worker, as the event that hands them in. `record` has
    `payroll_group`, `batch`, `worker` (the vendor's associate id), `earning_code` and `hours`."""
    earning = {
        "earningCode": {"codeValue": str(record["earning_code"])},
        "numberOfHours": str(record["hours"]),
    }
    payee = {
        "associateOID": str(record["worker"]),
        "payrollProfilePayInputs": [{"payInputs": [{"earningInputs": [earning]}]}],
    }
    given = {
        "payrollGroupCode": {"codeValue": str(record["payroll_group"])},
        "payrollProcessingJobID": str(record["batch"]),
        "payeePayInputs": [payee],
    }
    return {"data": {"transform": {"payDataInput": given}}}
