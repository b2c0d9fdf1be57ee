"""The PSA's rows in canonical words."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from controltower.canonical.events import BusinessKey
from controltower.canonical.records import (
    Assignment,
    ChangeOrder,
    DeliveredMonth,
    Expense,
    Milestone,
    Project,
    TimeEntry,
)
from integrations.shape import Row, amount, at, day, figure, flag, moment, text

PROJECT_PATHS = (
    "Id", "Name", "pse__Account__c", "pse__Account__r.Name", "pse__Opportunity__c", "pse__Stage__c",
    "pse__Billing_Type__c", "pse__Start_Date__c", "pse__End_Date__c", "pse__Region__c",
    "Legal_Entity__c", "CurrencyIsoCode", "Billing_Grouping__c", "PO_Number__c",
    "Contract_Value__c", "Change_Limit__c", "Tower_External_Id__c", "Tower_Correlation_Id__c",
)  # fmt: skip
OVER = frozenset({"Closed", "Completed", "Canceled", "Cancelled"})
"""Words of an assignment's status that end it; firms spell them as they like."""
RELATED_PROJECT = tuple(f"pse__Project__r.{path}" for path in PROJECT_PATHS)


def client(row: Row) -> dict[str, Any]:
    """What the PSA keeps of a client that it shares with the CRM."""
    return {
        "source_id": text(row, "Id"),
        "name": text(row, "Name"),
        "invoiced_as": text(row, "PSA_Invoiced_As__c"),
        "credit_hold": flag(row, "PSA_Credit_Hold__c"),
    }


def project(row: Row) -> Project:
    """A pse__Proj__c."""
    return Project(
        source_id=text(row, "Id"),
        name=text(row, "Name"),
        entity=text(row, "Legal_Entity__c"),
        customer_id=text(row, "pse__Account__c"),
        customer_name=text(row, "pse__Account__r.Name"),
        opportunity_id=text(row, "pse__Opportunity__c"),
        stage=text(row, "pse__Stage__c"),
        billing_method=text(row, "pse__Billing_Type__c"),
        billing_grouping=text(row, "Billing_Grouping__c"),
        po_number=text(row, "PO_Number__c"),
        region=text(row, "pse__Region__c"),
        currency=text(row, "CurrencyIsoCode"),
        contract_value=amount(row, "Contract_Value__c"),
        change_limit=_added(row, "Change_Limit__c"),
        start_date=day(row, "pse__Start_Date__c"),
        end_date=day(row, "pse__End_Date__c"),
        external_id=text(row, "Tower_External_Id__c"),
        correlation_id=text(row, "Tower_Correlation_Id__c"),
    )


def _added(row: Row, path: str) -> Decimal:
    """A number that rows kept from before it was asked for do not have."""
    return amount(row, path) if path in row else Decimal(0)


def _fact(row: Row) -> dict[str, Any]:
    """What every billable fact carries."""
    related = at(row, "pse__Project__r")
    of = project(related) if related else None
    return {
        "source_id": text(row, "Id"),
        "name": text(row, "Name"),
        "number": text(row, "Name"),
        "entity": of.entity if of else "",
        "project": of,
        "project_id": text(row, "pse__Project__c"),
        "currency": text(row, "CurrencyIsoCode"),
        "billed": flag(row, "pse__Billed__c"),
        "invoice_number": text(row, "pse__Invoice_Number__c"),
    }


def _done_by(row: Row) -> dict[str, Any]:
    """Whose work it is; rows kept from before that was asked for do not say it."""
    if not row.get("pse__Resource__r"):
        return {}
    return {
        "resource_number": text(row, "pse__Resource__r.Tower_External_Id__c"),
        "employer": text(row, "pse__Resource__r.Legal_Entity__c"),
    }


def timecard(row: Row) -> TimeEntry:
    """A timecard split; its accounting date is the last day of the week it closes."""
    return TimeEntry(
        **_fact(row),
        **_done_by(row),
        amount=amount(row, "pse__Total_Billable_Amount__c"),
        billable=flag(row, "pse__Billable__c"),
        approved=flag(row, "pse__Approved__c"),
        on=day(row, "pse__End_Date__c"),
        hours=amount(row, "pse__Total_Hours__c"),
        rate=amount(row, "pse__Bill_Rate__c"),
        cost_rate=amount(row, "pse__Cost_Rate__c"),
        resource_name=text(row, "pse__Resource_Name__c"),
        role=text(row, "pse__Role__c"),
        corrects=text(row, "Corrects__c") if "Corrects__c" in row else "",
        invoiced=_added(row, "Invoiced_Amount__c"),
        week_start=day(row, "pse__Start_Date__c"),
    )


def expense(row: Row) -> Expense:
    """A pse__Expense__c."""
    return Expense(
        **_fact(row),
        **_done_by(row),
        amount=amount(row, "pse__Amount__c"),
        billable=flag(row, "pse__Billable__c"),
        approved=flag(row, "pse__Approved__c"),
        on=day(row, "pse__Expense_Date__c"),
        resource_name=text(row, "pse__Resource_Name__c"),
        type=text(row, "pse__Type__c"),
    )


def milestone(row: Row) -> Milestone:
    """A pse__Milestone__c; it falls due for billing on the day it was approved."""
    return Milestone(
        **_fact(row),
        amount=amount(row, "pse__Milestone_Amount__c"),
        billable=True,
        approved=flag(row, "pse__Approved_for_Billing__c"),
        on=day(row, "SystemModstamp"),
        target_date=day(row, "pse__Target_Date__c"),
    )


def staffing_request(row: Row) -> dict[str, Any]:
    """A pse__Resource_Request__c: a role that a project asks for, in hours or in per cent of a full
    working time."""
    return {
        "source_id": text(row, "Id"),
        "name": text(row, "pse__Resource_Role__c"),
        "project_id": text(row, "pse__Project__c"),
        "hours": figure(row, "pse__SOW_Hours__c"),
        "share": figure(row, "pse__Percent_Allocated__c"),
        "skill": text(row, "Skills__c"),
        "status": text(row, "pse__Status__c"),
        "currency": text(row, "CurrencyIsoCode"),
        "start_date": day(row, "pse__Start_Date__c"),
        "end_date": day(row, "pse__End_Date__c"),
        "external_id": text(row, "Tower_External_Id__c"),
        "correlation_id": text(row, "Tower_Correlation_Id__c"),
    }


def assignment(row: Row) -> Assignment:
    """A pse__Assignment__c. The package names it after the person, so that its name is left out."""
    related = at(row, "pse__Project__r")
    of = project(related) if related else None
    return Assignment(
        source_id=text(row, "Id"),
        entity=of.entity if of else "",
        project=of,
        project_id=text(row, "pse__Project__c"),
        resource_id=text(row, "pse__Resource__c"),
        role=text(row, "pse__Role__c"),
        skills=tuple(filter(None, map(str.strip, text(row, "Skills__c").split(",")))),
        status=text(row, "pse__Status__c"),
        from_date=day(row, "pse__Start_Date__c"),
        to_date=day(row, "pse__End_Date__c"),
        hours=_added(row, "pse__Planned_Hours__c"),
        rate=amount(row, "pse__Bill_Rate__c"),
        currency=text(row, "CurrencyIsoCode"),
        over=is_over(row),
    )


def is_over(row: Row) -> bool:
    """Whether a place was ended or cancelled in the PSA."""
    return text(row, "pse__Status__c") in OVER


def assignment_keys(row: Row) -> tuple[BusinessKey, ...]:
    """By what people look for a place on a project."""
    return (
        BusinessKey("assignment", text(row, "Id")),
        BusinessKey("project", text(row, "pse__Project__c")),
    )


def resource(row: Row) -> dict[str, Any]:
    """A Contact as somebody who can be staffed; `number` is the firm's own, by which HR systems and
    PSA mean the same person."""
    return {
        "source_id": text(row, "Id"),
        "name": text(row, "Name"),
        "number": text(row, "Tower_External_Id__c"),
        "hr_id": text(row, "HR_Id__c"),
        "email": text(row, "Email"),
        "entity": text(row, "Legal_Entity__c"),
        "role": text(row, "pse__Resource_Role__c"),
        "skills": text(row, "Skills__c"),
        "cost_rate": amount(row, "Cost_Rate__c"),
        "currency": text(row, "CurrencyIsoCode"),
        "valid_from": day(row, "Cost_Valid_From__c"),
        "from_date": day(row, "pse__Start_Date__c"),
        "to_date": day(row, "pse__Last_Date__c"),
        "active": flag(row, "pse__Is_Resource__c"),
    }


def billing_event(row: Row) -> dict[str, Any]:
    """A pse__Billing_Event__c."""
    return {
        "source_id": text(row, "Id"),
        "name": text(row, "Name"),
        "number": text(row, "Name"),
        "project_id": text(row, "pse__Project__c"),
        "customer_id": text(row, "pse__Account__c"),
        "amount": amount(row, "pse__Amount__c"),
        "currency": text(row, "CurrencyIsoCode"),
        "state": text(row, "pse__Status__c").lower(),
        "released": flag(row, "pse__Is_Released__c"),
        "invoiced": flag(row, "pse__Invoiced__c"),
        "invoice_number": text(row, "pse__Invoice_Number__c"),
        "date": day(row, "pse__Date__c"),
        "period": text(row, "Period__c"),
        "external_id": text(row, "Tower_External_Id__c"),
        "correlation_id": text(row, "Tower_Correlation_Id__c"),
    }


def fact_keys(row: Row) -> tuple[BusinessKey, ...]:
    """By what people look for approved work."""
    keys = [BusinessKey("approved work", text(row, "Name"))]
    if text(row, "pse__Project__c"):
        keys.append(BusinessKey("project", text(row, "pse__Project__c")))
    return tuple(keys)


def change_order(row: Row) -> ChangeOrder:
    """A pse__Budget__c of the type of change requests; it holds from its effective date on, or else
    from the day on which it was last changed."""
    related = at(row, "pse__Project__r")
    of = project(related) if related else None
    return ChangeOrder(
        source_id=text(row, "Id"),
        name=text(row, "pse__Description__c"),
        number=text(row, "Name"),
        entity=of.entity if of else "",
        project=of,
        project_id=text(row, "pse__Project__c"),
        approved=flag(row, "pse__Approved__c"),
        approved_on=day(row, "pse__Effective_Date__c") or _last_changed(row),
        currency=text(row, "CurrencyIsoCode"),
        amount=amount(row, "pse__Amount__c"),
        hours=amount(row, "Hours__c"),
        ends_on=day(row, "New_End_Date__c"),
        reason=text(row, "pse__Description__c"),
    )


def _last_changed(row: Row) -> date | None:
    return moment(row, "SystemModstamp").date() if text(row, "SystemModstamp") else None


def change_order_keys(row: Row) -> tuple[BusinessKey, ...]:
    """By what people look for a change order."""
    keys = (("change order", "Name"), ("project", "pse__Project__c"))
    return tuple(BusinessKey(kind, value) for kind, path in keys if (value := text(row, path)))


def delivered_month(row: Row) -> DeliveredMonth:
    """A Project_Month__c: what of a fixed price is delivered by the end of a month."""
    related = at(row, "pse__Project__r")
    of = project(related) if related else None
    return DeliveredMonth(
        source_id=text(row, "Id"),
        name=text(row, "Name"),
        entity=of.entity if of else "",
        project=of,
        project_id=text(row, "pse__Project__c"),
        period=text(row, "Period__c"),
        method=text(row, "Revenue_Method__c").lower(),
        currency=text(row, "CurrencyIsoCode"),
        value=amount(row, "Value__c"),
        value_before=amount(row, "Value_Before__c"),
        budget=amount(row, "Budget__c"),
        budget_before=amount(row, "Budget_Before__c"),
        done=amount(row, "Done__c"),
        done_before=amount(row, "Done_Before__c"),
        recognised=amount(row, "Recognised__c"),
        journal_entry=text(row, "Journal_Entry__c"),
    )


def delivered_month_keys(row: Row) -> tuple[BusinessKey, ...]:
    """By what people look for the delivered work of a month."""
    keys = (("delivered work", "Name"), ("project", "pse__Project__c"))
    return tuple(BusinessKey(kind, value) for kind, path in keys if (value := text(row, path)))


def budget(row: Row) -> dict[str, Any]:
    """What a pse__Proj__c is worth; its change orders stand beside it."""
    return {
        "source_id": text(row, "Id"),
        "name": text(row, "Name"),
        "currency": text(row, "CurrencyIsoCode"),
        "original_value": figure(row, "Original_Value__c"),
        "contract_value": amount(row, "Contract_Value__c"),
        "end_date": day(row, "pse__End_Date__c"),
    }


def revenue_part(row: Row) -> dict[str, Any]:
    """A pse__Revenue_Forecast__c: what a project is to earn in a month."""
    return {
        "source_id": text(row, "Id"),
        "name": text(row, "Name"),
        "project_id": text(row, "pse__Project__c"),
        "period": text(row, "Period__c"),
        "amount": amount(row, "pse__Revenue__c"),
        "currency": text(row, "CurrencyIsoCode"),
        "change_order": text(row, "Change_Order__c"),
        "correlation_id": text(row, "Tower_Correlation_Id__c"),
    }
