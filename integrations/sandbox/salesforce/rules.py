"""What the org's triggers and validation rules do: Certinia's logic, as the package behaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from integrations.sandbox.salesforce import delivered
from integrations.sandbox.salesforce.errors import Refused
from integrations.sandbox.salesforce.schema import DAYS, OBJECTS
from integrations.sandbox.salesforce.store import Row, Store

HEADER = "pse__Timecard_Header__c"
Insert = Callable[[str, Mapping[str, Any]], Row]
CLOSED_STAGES = {"Completed", "Cancelled"}
BILLABLE_FACTS = {"pse__Timecard__c", "pse__Expense__c", "pse__Milestone__c"}
OF_A_PROJECT = {"pse__Billing_Event__c", "pse__Assignment__c", "pse__Resource_Request__c"}
"""What besides is in its project's currency."""


def check(store: Store, name: str, old: Row | None, new: Row) -> None:
    """Rules before a save; may complete ``new`` as before-triggers do. Raises Refused."""
    if name == "pse__Billing_Event__c":
        _billing_event(old, new)
    if name == "pse__Timecard_Header__c":
        _timecard_header(store, old, new)
    if name == "pse__Assignment__c":
        _assignment(store, new)
    if name in BILLABLE_FACTS:
        _billed_fact(name, old, new)
    if name == "pse__Milestone__c" and new["pse__Approved_for_Billing__c"]:
        reached = new["pse__Actual_Date__c"] or datetime.now(UTC).date().isoformat()
        new["pse__Actual_Date__c"] = reached
    if name == "Opportunity" and old and old["StageName"] != new["StageName"]:
        new["LastStageChangeDate"] = store.stamp
    _currency_of_project(store, name, old, new)


def react(store: Store, insert: Insert, name: str, old: Row | None, new: Row) -> None:
    """After-triggers: an approved timecard gets its split, the fact that is billed; what is
    delivered of a fixed price is measured anew."""
    approved_before = bool(old and old["pse__Approved__c"]) if name == HEADER else False
    if name == HEADER and new["pse__Approved__c"] and not approved_before:
        insert("pse__Timecard__c", split_of(store, new))
    if name in delivered.MEASURED and old != new:
        project = new["Id"] if name == "pse__Proj__c" else new["pse__Project__c"]
        delivered.measure(store, insert, str(project))


def split_of(store: Store, header: Row) -> Row:
    """The timecard split of an approved week."""
    person = store.row(OBJECTS["Contact"], header["pse__Resource__c"]) or {}
    project = store.row(OBJECTS["pse__Proj__c"], header["pse__Project__c"]) or {}
    assignment = (
        store.row(OBJECTS["pse__Assignment__c"], header["pse__Assignment__c"])
        if header["pse__Assignment__c"]
        else None
    )
    hours = sum((Decimal(header[f"pse__{d}_Hours__c"] or 0) for d in DAYS), Decimal(0))
    rate = Decimal((assignment or {}).get("pse__Bill_Rate__c") or person.get("Bill_Rate__c") or 0)
    billable = header["pse__Billable__c"]
    return {
        "pse__Timecard_Header__c": header["Id"],
        "pse__Project__c": header["pse__Project__c"],
        "pse__Resource__c": header["pse__Resource__c"],
        "pse__Resource_Name__c": person.get("Name"),
        "pse__Role__c": (assignment or {}).get("pse__Role__c")
        or person.get("pse__Resource_Role__c"),
        "pse__Start_Date__c": header["pse__Start_Date__c"],
        "pse__End_Date__c": header["pse__End_Date__c"],
        "pse__Total_Hours__c": str(hours),
        "pse__Bill_Rate__c": str(rate),
        "pse__Cost_Rate__c": (assignment or {}).get("pse__Cost_Rate_Amount__c")
        or person.get("Cost_Rate__c"),
        "pse__Total_Billable_Amount__c": str(hours * rate if billable else Decimal(0)),
        "CurrencyIsoCode": project.get("CurrencyIsoCode"),
        "pse__Billable__c": billable,
        "Corrects__c": header["Corrects__c"],
        "pse__Approved__c": 1,
    }


def _billing_event(old: Row | None, new: Row) -> None:
    if old and old["pse__Invoiced__c"] and new["pse__Amount__c"] != old["pse__Amount__c"]:
        raise _invalid("An invoiced billing event cannot be changed.", "pse__Amount__c")
    if new["pse__Status__c"] == "Released":
        new["pse__Is_Released__c"] = 1
    invoiced = new["pse__Status__c"] == "Invoiced" or new["pse__Invoiced__c"]
    if invoiced and not new["pse__Is_Released__c"]:
        raise _invalid(
            "A billing event must be released before it can be invoiced.", "pse__Status__c"
        )
    if invoiced:
        new["pse__Status__c"], new["pse__Invoiced__c"] = "Invoiced", 1
    if new["pse__Is_Released__c"] and not new["pse__Account__c"]:
        raise _invalid("A released billing event needs an account.", "pse__Account__c")


def _timecard_header(store: Store, old: Row | None, new: Row) -> None:
    days = [f"pse__{day}_Hours__c" for day in DAYS]
    if old and old["pse__Approved__c"] and any(old[day] != new[day] for day in days):
        raise Refused(
            400, "ENTITY_IS_LOCKED", "the entity is locked for editing: the timecard is approved"
        )
    if new["pse__Status__c"] == "Approved":
        new["pse__Approved__c"] = 1
    project = store.row(OBJECTS["pse__Proj__c"], new["pse__Project__c"]) or {}
    if not old and project.get("pse__Stage__c") in CLOSED_STAGES:
        raise _invalid("Time cannot be entered on a closed project.", "pse__Project__c")


def _assignment(store: Store, new: Row) -> None:
    person = store.row(OBJECTS["Contact"], new["pse__Resource__c"]) or {}
    if not person.get("pse__Is_Resource__c"):
        raise _invalid("The contact is not an active resource.", "pse__Resource__c")


def _billed_fact(name: str, old: Row | None, new: Row) -> None:
    if new["pse__Billed__c"] and not new["pse__Invoice_Number__c"]:
        raise _invalid("A billed record needs its invoice number.", "pse__Invoice_Number__c")
    amount = {
        "pse__Timecard__c": "pse__Total_Billable_Amount__c",
        "pse__Expense__c": "pse__Amount__c",
        "pse__Milestone__c": "pse__Milestone_Amount__c",
    }[name]
    if old and old["pse__Billed__c"] and old[amount] != new[amount]:
        raise Refused(
            400, "ENTITY_IS_LOCKED", "the entity is locked for editing: it has been billed"
        )


def _currency_of_project(store: Store, name: str, old: Row | None, new: Row) -> None:
    project_id = new.get("pse__Project__c")
    if name not in BILLABLE_FACTS | OF_A_PROJECT or not project_id:
        return
    project = store.row(OBJECTS["pse__Proj__c"], project_id) or {}
    if old is None and not new["CurrencyIsoCode"]:
        new["CurrencyIsoCode"] = project.get("CurrencyIsoCode")
    if new["CurrencyIsoCode"] != project.get("CurrencyIsoCode"):
        raise _invalid(
            f"Currency {new['CurrencyIsoCode']} differs from the project's currency"
            f" {project.get('CurrencyIsoCode')}.",
            "CurrencyIsoCode",
        )


def _invalid(message: str, field: str) -> Refused:
    return Refused(400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", message, [field])
