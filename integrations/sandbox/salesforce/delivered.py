"""The firm's own automation in the org: what of a fixed price is delivered, month by month.

A Project Month is measured anew whenever time or a milestone is approved, or the contract changes:
contract value, estimate and what is done by the end of the month, and of the month before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from integrations.sandbox.salesforce.schema import CHANGE_REQUEST, OBJECTS
from integrations.sandbox.salesforce.store import Row, Store

Insert = Callable[[str, Mapping[str, Any]], Row]
MONTH = OBJECTS["Project_Month__c"]
FIXED_PRICE = "Fixed Price"
BY_MILESTONES, BY_HOURS, BY_COST = "Milestones", "Hours", "Cost"
MEASURED = {"pse__Timecard__c", "pse__Milestone__c", "pse__Budget__c", "pse__Proj__c"}
"""Whose changes may move what is delivered."""
_LIVE = "pse__Project__c = ? AND IsDeleted = 0"


@dataclass(frozen=True)
class Dated:
    """An amount that counts from a month on."""

    month: str
    amount: Decimal


def measure(store: Store, insert: Insert, project_id: str) -> None:
    """Bring the project's months up to date; one that says what it said before is left alone."""
    project = store.row(OBJECTS["pse__Proj__c"], project_id)
    if not project or project["pse__Billing_Type__c"] != FIXED_PRICE:
        return
    method = project["Revenue_Method__c"] or BY_MILESTONES
    orders = store.rows(
        f"SELECT * FROM pse__Budget__c WHERE {_LIVE} AND pse__Approved__c = 1 AND pse__Type__c = ?",
        [project_id, CHANGE_REQUEST],
    )
    value = _dated(orders, "pse__Effective_Date__c", lambda row: _number(row["pse__Amount__c"]))
    hours = _dated(orders, "pse__Effective_Date__c", lambda row: _number(row["Hours__c"]))
    done = _done(store, project_id, method)
    kept = {
        str(row["Period__c"]): row
        for row in store.rows(f"SELECT * FROM Project_Month__c WHERE {_LIVE}", [project_id])
    }
    began = min((one.month for one in done), default="9999-12")
    months = {one.month for one in (*done, *value, *hours) if one.month >= began}
    for month in sorted(months | kept.keys()):
        row = {
            "pse__Project__c": project_id,
            "Period__c": month,
            "CurrencyIsoCode": project["CurrencyIsoCode"],
            "Revenue_Method__c": method,
            "Tower_Correlation_Id__c": project["Tower_Correlation_Id__c"],
        }
        original = project["Original_Value__c"] or project["Contract_Value__c"]
        for suffix, included in (("__c", month), ("_Before__c", _month_before(month))):
            row[f"Value{suffix}"] = str(_by(value, included, _number(original)))
            row[f"Budget{suffix}"] = str(_budget(project, method, hours, included))
            row[f"Done{suffix}"] = str(_by(done, included))
        _keep(store, insert, kept.get(month), row)


def _keep(store: Store, insert: Insert, known: Row | None, row: dict[str, str]) -> None:
    if known is None:
        insert(MONTH.name, {**row, "Revision__c": "1"})
        return
    changed = {name: value for name, value in row.items() if not _same(known[name], value)}
    if changed:
        revision = _number(known["Revision__c"]) + 1
        store.update(MONTH, known["Id"], {**changed, "Revision__c": str(revision)})


def _same(known: Any, value: Any) -> bool:
    if known is None or value is None:
        return known is value
    try:
        return Decimal(str(known)) == Decimal(str(value))
    except ArithmeticError:
        return str(known) == str(value)


def _done(store: Store, project_id: str, method: str) -> list[Dated]:
    """What was approved, by the month in which it was done."""
    if method == BY_MILESTONES:
        reached = store.rows(
            f"SELECT * FROM pse__Milestone__c WHERE {_LIVE} AND pse__Approved_for_Billing__c = 1",
            [project_id],
        )
        return _dated(
            reached, "pse__Actual_Date__c", lambda row: _number(row["pse__Milestone_Amount__c"])
        )
    cards = store.rows(
        f"SELECT * FROM pse__Timecard__c WHERE {_LIVE} AND pse__Approved__c = 1", [project_id]
    )
    if method == BY_HOURS:
        return _dated(cards, "pse__End_Date__c", lambda row: _number(row["pse__Total_Hours__c"]))
    return _dated(
        cards,
        "pse__End_Date__c",
        lambda row: _number(row["pse__Total_Hours__c"]) * _number(row["pse__Cost_Rate__c"]),
    )


def _budget(project: Row, method: str, hours: list[Dated], month: str) -> Decimal:
    if method == BY_MILESTONES:
        return Decimal(0)
    if method == BY_COST:
        return _number(project["Budget_Cost__c"])
    return _by(hours, month, _number(project["Budget_Hours__c"]))


def _dated(rows: list[Row], day: str, worth: Callable[[Row], Decimal]) -> list[Dated]:
    return [Dated(str(row[day])[:7], worth(row)) for row in rows if row[day]]


def _by(parts: list[Dated], month: str, start: Decimal = Decimal(0)) -> Decimal:
    """All that counts by the end of a month."""
    return sum((one.amount for one in parts if one.month <= month), start)


def _month_before(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{year - 1}-12" if number == 1 else f"{year}-{number - 1:02d}"


def _number(value: Any) -> Decimal:
    return Decimal(str(value or 0))
