"""What the PSA keeps, and which of it are facts that the tower waits for."""

from __future__ import annotations

from collections.abc import Mapping

from controltower.canonical.events import (
    ASSIGNMENT_CHANGED,
    CHANGE_ORDER_APPROVED,
    EXPENSE_APPROVED,
    MILESTONE_APPROVED,
    PROJECT_SET_UP,
    TIMESHEET_APPROVED,
    WORK_DELIVERED,
)
from integrations.certinia import translate
from integrations.salesforce_platform.entity import Entity

_STAMP = ("SystemModstamp",)
_OURS = ("Tower_External_Id__c", "Tower_Correlation_Id__c")
_BILLED = ("pse__Billed__c", "pse__Invoice_Number__c", "Tower_Correlation_Id__c")
_TIME = (
    "Name", "pse__Project__c", "pse__Resource__c", "pse__Resource_Name__c", "pse__Role__c",
    "pse__Start_Date__c", "pse__End_Date__c", "pse__Total_Hours__c", "pse__Bill_Rate__c",
    "pse__Cost_Rate__c", "pse__Total_Billable_Amount__c", "CurrencyIsoCode", "pse__Billable__c",
    "pse__Approved__c",
)  # fmt: skip
_DONE_BY = ("pse__Resource__r.Tower_External_Id__c", "pse__Resource__r.Legal_Entity__c")
_TAKEN_BACK = ("Corrects__c", "Invoiced_Amount__c")
_EXPENSE = (
    "Name", "pse__Project__c", "pse__Resource__c", "pse__Resource_Name__c", "pse__Type__c",
    "pse__Expense_Date__c", "pse__Amount__c", "CurrencyIsoCode", "pse__Billable__c",
    "pse__Approved__c",
)  # fmt: skip
_RESOURCE = (
    "Name", "Email", "pse__Is_Resource__c", "pse__Resource_Role__c", "Legal_Entity__c",
    "Cost_Rate__c", "Cost_Valid_From__c", "CurrencyIsoCode", "Skills__c", "pse__Start_Date__c",
    "pse__Last_Date__c", "HR_Id__c",
)  # fmt: skip
_PLACE = (
    "Name", "pse__Project__c", "pse__Resource__c", "pse__Role__c", "pse__Bill_Rate__c",
    "pse__Start_Date__c", "pse__End_Date__c", "pse__Planned_Hours__c",
    "CurrencyIsoCode", "Skills__c",
)  # fmt: skip
_MILESTONE = (
    "Name", "pse__Project__c", "pse__Milestone_Amount__c", "pse__Target_Date__c",
    "pse__Status__c", "pse__Approved_for_Billing__c", "CurrencyIsoCode",
)  # fmt: skip
_CHANGE_ORDER = (
    "Name", "pse__Project__c", "pse__Amount__c", "CurrencyIsoCode", "pse__Effective_Date__c",
    "New_End_Date__c", "Hours__c", "pse__Description__c", "pse__Approved__c",
)  # fmt: skip
_DELIVERED = (
    "Name", "pse__Project__c", "Period__c", "Revenue_Method__c", "CurrencyIsoCode", "Value__c",
    "Value_Before__c", "Budget__c", "Budget_Before__c", "Done__c", "Done_Before__c", "Revision__c",
)  # fmt: skip
_AGREED_WITH = ("pse__Project__r.pse__Stage__c", "pse__Project__r.Change_Limit__c")
"""What a change order is refused for: approving it again after that has changed tells it anew."""
_WORK_DONE = "pse__Project__c != null"
"""Not only what is approved: an approval that is withdrawn must be heard of before it is billed."""
CHANGE_REQUEST = "pse__Type__c = 'Customer Purchase Order Change Request'"

ENTITIES: Mapping[str, Entity] = {
    "project": Entity(
        object="pse__Proj__c",
        paths=(*translate.PROJECT_PATHS, *_STAMP),
        translate=translate.project,
        feed="Tower_External_Id__c != null",
        event_type=PROJECT_SET_UP,
        identity=("Tower_External_Id__c",),
        key_field="Tower_External_Id__c",
        amount_field="Contract_Value__c",
        numbers=frozenset({"Contract_Value__c"}),
        required=("Name", "pse__Account__c", "CurrencyIsoCode"),
    ),
    "client": Entity(
        object="Account",
        paths=("Id", "Name", "PSA_Invoiced_As__c", "PSA_Credit_Hold__c", *_STAMP),
        translate=translate.client,
        key_field="Name",
    ),
    "milestone": Entity(
        object="pse__Milestone__c",
        paths=("Id", *_MILESTONE, *_BILLED, *translate.RELATED_PROJECT, *_STAMP),
        translate=translate.milestone,
        feed=_WORK_DONE,
        event_type=MILESTONE_APPROVED,
        identity=_MILESTONE,
        keys=translate.fact_keys,
        key_field="Tower_External_Id__c",
        amount_field="pse__Milestone_Amount__c",
        numbers=frozenset({"pse__Milestone_Amount__c"}),
        required=("Name", "pse__Project__c", "CurrencyIsoCode"),
    ),
    "assignment": Entity(
        object="pse__Assignment__c",
        paths=(
            "Id",
            *_PLACE,
            "pse__Status__c",
            "Tower_Correlation_Id__c",
            *translate.RELATED_PROJECT,
            *_STAMP,
        ),
        translate=translate.assignment,
        feed="pse__Project__c != null",
        event_type=ASSIGNMENT_CHANGED,
        identity=_PLACE,
        besides=lambda row: "over" if translate.is_over(row) else "",
        keys=translate.assignment_keys,
        numbers=frozenset({"pse__Bill_Rate__c", "pse__Cost_Rate_Amount__c"}),
        required=("Name", "pse__Project__c", "pse__Resource__c"),
    ),
    "staffing_request": Entity(
        object="pse__Resource_Request__c",
        paths=(
            "Id",
            "Name",
            "pse__Project__c",
            "pse__Resource_Role__c",
            "pse__SOW_Hours__c",
            "pse__Percent_Allocated__c",
            "Skills__c",
            "pse__Start_Date__c",
            "pse__End_Date__c",
            "pse__Status__c",
            "CurrencyIsoCode",
            *_OURS,
            *_STAMP,
        ),
        translate=translate.staffing_request,
        key_field="Tower_External_Id__c",
        numbers=frozenset({"pse__SOW_Hours__c", "pse__Percent_Allocated__c"}),
        required=("Name", "pse__Project__c", "pse__Resource_Role__c", "CurrencyIsoCode"),
    ),
    "resource": Entity(
        object="Contact",
        paths=("Id", *_RESOURCE, *_OURS, *_STAMP),
        translate=translate.resource,
        key_field="Tower_External_Id__c",
        amount_field="Cost_Rate__c",
        numbers=frozenset({"Cost_Rate__c"}),
        required=("Name", "Tower_External_Id__c"),
    ),
    "timecard": Entity(
        object="pse__Timecard__c",
        paths=(
            "Id",
            *_TIME,
            *_TAKEN_BACK,
            *_BILLED,
            *_DONE_BY,
            *translate.RELATED_PROJECT,
            *_STAMP,
        ),
        translate=translate.timecard,
        feed=_WORK_DONE,
        event_type=TIMESHEET_APPROVED,
        identity=_TIME,
        keys=translate.fact_keys,
        key_field="Name",
        amount_field="pse__Total_Billable_Amount__c",
        numbers=frozenset({"Invoiced_Amount__c"}),
    ),
    "expense": Entity(
        object="pse__Expense__c",
        paths=("Id", *_EXPENSE, *_BILLED, *_DONE_BY, *translate.RELATED_PROJECT, *_STAMP),
        translate=translate.expense,
        feed=_WORK_DONE,
        event_type=EXPENSE_APPROVED,
        identity=_EXPENSE,
        keys=translate.fact_keys,
        key_field="Name",
        amount_field="pse__Amount__c",
        numbers=frozenset({"pse__Amount__c"}),
        required=("pse__Project__c", "pse__Expense_Date__c", "CurrencyIsoCode"),
    ),
    "billing_event": Entity(
        object="pse__Billing_Event__c",
        paths=(
            "Id",
            "Name",
            "pse__Project__c",
            "pse__Account__c",
            "pse__Amount__c",
            "CurrencyIsoCode",
            "pse__Status__c",
            "pse__Is_Released__c",
            "pse__Invoiced__c",
            "pse__Invoice_Number__c",
            "pse__Date__c",
            "Period__c",
            *_OURS,
            *_STAMP,
        ),
        translate=translate.billing_event,
        key_field="Tower_External_Id__c",
        amount_field="pse__Amount__c",
        numbers=frozenset({"pse__Amount__c"}),
        required=("pse__Project__c", "pse__Account__c", "pse__Amount__c", "CurrencyIsoCode"),
    ),
    "change_order": Entity(
        object="pse__Budget__c",
        paths=("Id", *_CHANGE_ORDER, *translate.RELATED_PROJECT, *_STAMP),
        translate=translate.change_order,
        feed=CHANGE_REQUEST,
        event_type=CHANGE_ORDER_APPROVED,
        identity=(*_CHANGE_ORDER, *_AGREED_WITH),
        keys=translate.change_order_keys,
        key_field="Name",
        amount_field="pse__Amount__c",
    ),
    "delivered_month": Entity(
        object="Project_Month__c",
        paths=(
            "Id",
            *_DELIVERED,
            "Recognised__c",
            "Journal_Entry__c",
            "Tower_Correlation_Id__c",
            *translate.RELATED_PROJECT,
            *_STAMP,
        ),
        translate=translate.delivered_month,
        feed="Period__c != null",
        event_type=WORK_DELIVERED,
        identity=_DELIVERED,
        keys=translate.delivered_month_keys,
        key_field="Name",
        amount_field="Recognised__c",
        numbers=frozenset({"Recognised__c"}),
    ),
    "budget": Entity(
        object="pse__Proj__c",
        paths=(
            "Id",
            "Name",
            "CurrencyIsoCode",
            "Original_Value__c",
            "Contract_Value__c",
            "pse__End_Date__c",
            *_STAMP,
        ),
        translate=translate.budget,
        key_field="Name",
        amount_field="Contract_Value__c",
        numbers=frozenset({"Contract_Value__c"}),
    ),
    "revenue_part": Entity(
        object="pse__Revenue_Forecast__c",
        paths=(
            "Id",
            "Name",
            "pse__Project__c",
            "Period__c",
            "pse__Revenue__c",
            "CurrencyIsoCode",
            "Change_Order__c",
            "Tower_Correlation_Id__c",
            *_STAMP,
        ),
        translate=translate.revenue_part,
        key_field="Name",
        amount_field="pse__Revenue__c",
        numbers=frozenset({"pse__Revenue__c"}),
        required=("Name", "pse__Project__c", "Period__c", "CurrencyIsoCode"),
    ),
}
