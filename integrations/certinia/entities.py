"""What the PSA keeps, and which of it are facts that the tower waits for."""

from __future__ import annotations

from collections.abc import Mapping

from controltower.canonical.events import EXPENSE_APPROVED, MILESTONE_APPROVED, TIMESHEET_APPROVED
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
_MILESTONE = (
    "Name", "pse__Project__c", "pse__Milestone_Amount__c", "pse__Target_Date__c",
    "pse__Status__c", "pse__Approved_for_Billing__c", "CurrencyIsoCode",
)  # fmt: skip

ENTITIES: Mapping[str, Entity] = {
    "project": Entity(
        object="pse__Proj__c",
        paths=(*translate.PROJECT_PATHS, *_STAMP),
        translate=translate.project,
        key_field="Tower_External_Id__c",
        amount_field="Contract_Value__c",
        numbers=frozenset({"Contract_Value__c"}),
        required=("Name", "pse__Account__c", "CurrencyIsoCode"),
    ),
    "milestone": Entity(
        object="pse__Milestone__c",
        paths=("Id", *_MILESTONE, *_BILLED, *translate.RELATED_PROJECT, *_STAMP),
        translate=translate.milestone,
        feed="pse__Approved_for_Billing__c = true",
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
            "Name",
            "pse__Project__c",
            "pse__Resource__c",
            "pse__Role__c",
            "pse__Bill_Rate__c",
            "pse__Start_Date__c",
            "pse__End_Date__c",
            "CurrencyIsoCode",
            *_STAMP,
        ),
        translate=translate.assignment,
        numbers=frozenset({"pse__Bill_Rate__c"}),
        required=("Name", "pse__Project__c", "pse__Resource__c"),
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
        paths=("Id", *_TIME, *_BILLED, *translate.RELATED_PROJECT, *_STAMP),
        translate=translate.timecard,
        feed="pse__Approved__c = true",
        event_type=TIMESHEET_APPROVED,
        identity=_TIME,
        keys=translate.fact_keys,
        key_field="Name",
        amount_field="pse__Total_Billable_Amount__c",
    ),
    "expense": Entity(
        object="pse__Expense__c",
        paths=("Id", *_EXPENSE, *_BILLED, *translate.RELATED_PROJECT, *_STAMP),
        translate=translate.expense,
        feed="pse__Approved__c = true",
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
}
