"""What the pretend provider has of a payroll, and how its queue tells of it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from integrations.sandbox.firm import ENTITIES, PEOPLE, RATE_CARDS, Entity
from integrations.sandbox.store import Document

GROUPS = frozenset(entity.code for entity in ENTITIES)
_CENT = Decimal("0.01")
_HOURS = Decimal(152)
"""Of one person in a month."""
_CENTRES = {"Partner": "4100", "Principal": "4100"}
_DELIVERY = "4200"
"""The cost centre of everybody else."""


def accepted(number: int, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """A payroll of a company for the month before this one, accepted. `wanted` may say entity,
    amount, period_start, period_end, number, and parts that need not be the whole. Raises
    StopIteration for an unknown company."""
    code = str(wanted.get("entity", "LF-DE"))
    entity = next(one for one in ENTITIES if one.code == code)
    costs = _costs(entity)
    if "amount" in wanted:
        costs = _scaled(costs, Decimal(str(wanted["amount"])))
    start, end = _last_month()
    end = date.fromisoformat(str(wanted.get("period_end", end)))
    return {
        "itemID": str(wanted.get("number", f"PR-{number:06d}")),
        "payrollGroupCode": {"codeValue": code, "shortName": entity.name},
        "payrollProcessingStatusCode": {"codeValue": "accepted"},
        "payPeriod": {
            "startDate": str(wanted.get("period_start", start)), "endDate": end.isoformat(),
        },
        "payDate": end.isoformat(),
        "totalCostAmount": {
            "amountValue": sum(cost for _, cost in costs.values()), "currencyCode": entity.currency,
        },
        "laborCosts": wanted.get("parts")
        or [
            {
                "costNumber": centre,
                "hoursQuantity": hours,
                "costAmount": {"amountValue": cost, "currencyCode": entity.currency},
            }
            for centre, (hours, cost) in sorted(costs.items())
        ],
    }  # fmt: skip


def _costs(entity: Entity) -> dict[str, tuple[Decimal, Decimal]]:
    """Hours and cost of a month by cost centre."""
    card = RATE_CARDS[entity.currency]
    found: dict[str, tuple[Decimal, Decimal]] = {}
    for person in PEOPLE:
        if person.entity == entity.code:
            centre = _CENTRES.get(person.role, _DELIVERY)
            hours, cost = found.get(centre, (Decimal(0), Decimal(0)))
            earned = _HOURS * card[person.role].cost
            found[centre] = hours + _HOURS, cost + earned.quantize(_CENT)
    return found


def _scaled(
    costs: Mapping[str, tuple[Decimal, Decimal]], amount: Decimal
) -> dict[str, tuple[Decimal, Decimal]]:
    """The same hours, costing this much altogether: the last centre takes what rounding leaves."""
    whole = sum(cost for _, cost in costs.values())
    *others, last = sorted(costs)
    parts = {centre: (amount * costs[centre][1] / whole).quantize(_CENT) for centre in others}
    parts[last] = amount - sum(parts.values())
    return {centre: (costs[centre][0], parts[centre]) for centre in costs}


def _last_month() -> tuple[date, date]:
    end = datetime.now(UTC).date().replace(day=1) - timedelta(days=1)
    return end.replace(day=1), end


def shown(document: Document) -> dict[str, Any]:
    """A payroll on the wire."""
    return {**document.content, "recordDateTime": document.changed.isoformat()}


def answer_to(number: str, given: Mapping[str, Any], refused: str) -> dict[str, Any]:
    """What the provider tells of pay data that it was handed, `refused` being why it was not
    taken."""
    status = {"codeValue": "rejected" if refused else "processed", "shortName": refused}
    return {
        "payDataInput": {
            "itemID": number,
            "payrollGroupCode": given["payrollGroupCode"],
            "payrollProcessingJobID": given["payrollProcessingJobID"],
            "processingStatusCode": status,
            "recordDateTime": datetime.now(UTC).isoformat(),
        }
    }


def message(name: str, output: Mapping[str, Any]) -> dict[str, Any]:
    """One message of the queue: under which id it is deleted, and its one event."""
    event = {
        "eventID": secrets.token_hex(16),
        "eventNameCode": {"codeValue": name},
        "creationDateTime": datetime.now(UTC).isoformat(timespec="seconds"),
        "originator": {"applicationID": {"idValue": "payroll"}},
        "data": {"output": dict(output)},
    }
    return {"msgid": f"0x_{secrets.token_hex(24)}", "body": {"events": [event]}}


def refusal(text: str, code: str = "PAYROLL_0001") -> dict[str, Any]:
    """The provider's confirm message."""
    said = {
        "messageTypeCode": {"codeValue": "error"},
        "userMessage": {"codeValue": code, "messageTxt": text},
    }
    return {
        "confirmMessage": {
            "confirmMessageID": {"idValue": secrets.token_hex(8)},
            "resourceMessages": [{"processMessages": [said]}],
        }
    }
