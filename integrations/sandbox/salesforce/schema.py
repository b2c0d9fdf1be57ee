"""The org's objects and fields: standard CRM objects and Certinia's."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Type(StrEnum):
    """Field types in the vendor's own words."""

    ID = "id"
    STRING = "string"
    TEXTAREA = "textarea"
    EMAIL = "email"
    PICKLIST = "picklist"
    BOOLEAN = "boolean"
    CURRENCY = "currency"
    DOUBLE = "double"
    DATE = "date"
    DATETIME = "datetime"
    REFERENCE = "reference"


NUMERIC = {Type.CURRENCY, Type.DOUBLE}
CURRENCIES = ("EUR", "GBP", "USD", "CHF", "CAD", "ARS")
"""Active currencies of the org. ARS is active here although the firm does not trade in it."""


@dataclass(frozen=True)
class Field:
    """One field of an object. ``to`` and ``relation`` are set on references."""

    name: str
    type: Type = Type.STRING
    length: int = 255
    required: bool = False
    unique: bool = False
    external: bool = False
    read_only: bool = False
    scale: int = 2
    values: tuple[str, ...] = ()
    to: str = ""

    @property
    def relation(self) -> str:
        """The path name that leads to the referenced object, '' when this is no reference."""
        if not self.to:
            return ""
        return self.name[:-1] + "r" if self.name.endswith("__c") else self.name.removesuffix("Id")


@dataclass(frozen=True)
class SObject:
    """One object of the org; ``number`` is the auto-number pattern of its Name, if any."""

    name: str
    prefix: str
    label: str
    fields: dict[str, Field] = field(default_factory=dict)
    number: str = ""

    def relations(self) -> dict[str, Field]:
        """Reference fields by relationship name, lower-cased (the vendor ignores case)."""
        return {f.relation.lower(): f for f in self.fields.values() if f.to}

    def find(self, name: str) -> Field | None:
        """The field of that name in any case, or None."""
        return self.fields.get(name) or next(
            (f for f in self.fields.values() if f.name.lower() == name.lower()), None
        )


def _text(name: str, length: int = 255) -> Field:
    return Field(name, Type.STRING, length)


def _pick(name: str, *values: str, required: bool = False) -> Field:
    return Field(name, Type.PICKLIST, values=values, required=required)


def _money(name: str) -> Field:
    return Field(name, Type.CURRENCY)


def _hours(name: str) -> Field:
    return Field(name, Type.DOUBLE)


def _date(name: str, required: bool = False) -> Field:
    return Field(name, Type.DATE, required=required)


def _flag(name: str) -> Field:
    return Field(name, Type.BOOLEAN)


def _ref(name: str, to: str, required: bool = False) -> Field:
    return Field(name, Type.REFERENCE, 18, to=to, required=required)


CURRENCY = Field("CurrencyIsoCode", Type.PICKLIST, values=CURRENCIES)
EXTERNAL_ID = Field("Tower_External_Id__c", Type.STRING, 120, unique=True, external=True)
CORRELATION = _text("Tower_Correlation_Id__c", 120)
ENTITY = _text("Legal_Entity__c", 20)
INVOICE = (_flag("pse__Billed__c"), _text("pse__Invoice_Number__c", 60))
BILLING_TYPES = ("Time and Materials", "Fixed Price", "Advance Payment", "Non-Billable")
REVENUE_METHODS = ("Milestones", "Hours", "Cost")
CHANGE_REQUEST = "Customer Purchase Order Change Request"
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _object(name: str, prefix: str, label: str, *fields: Field, number: str = "") -> SObject:
    """An object with the fields that every object of the org carries."""
    named = Field("Name", Type.STRING, 120, required=not number, read_only=bool(number))
    system = [Field("Id", Type.ID, 18, read_only=True), named]
    stamps = [
        Field(stamp, Type.DATETIME, read_only=True)
        for stamp in ("CreatedDate", "LastModifiedDate", "SystemModstamp")
    ]
    deleted = Field("IsDeleted", Type.BOOLEAN, read_only=True)
    everything = [*system, *fields, CURRENCY, EXTERNAL_ID, *stamps, deleted]
    return SObject(name, prefix, label, {f.name: f for f in everything}, number)


_ALL = (
    _object(
        "Account", "001", "Account",
        Field("BillingStreet", Type.TEXTAREA), _text("BillingCity", 40),
        _text("BillingPostalCode", 20), _text("BillingCountryCode", 2),
        _text("VAT_Number__c", 30), _text("Billing_Contact_Name__c", 120),
        Field("Billing_Contact_Email__c", Type.EMAIL, 80), ENTITY, _flag("Strategic__c"),
        _text("ERP_Customer_Code__c", 40), CORRELATION, _ref("ParentId", "Account"),
        _flag("Billed_By_Parent__c"), _ref("Merged_Into__c", "Account"),
        Field("MasterRecordId", Type.REFERENCE, to="Account", read_only=True),
        _text("Payment_Term__c", 40), _flag("Credit_Hold__c"),
        _text("PSA_Invoiced_As__c", 160), _flag("PSA_Credit_Hold__c"),
    ),
    _object(
        "Contact", "003", "Contact",
        _ref("AccountId", "Account"), Field("Email", Type.EMAIL, 80), _flag("pse__Is_Resource__c"),
        _text("pse__Resource_Role__c", 60), ENTITY, _money("Bill_Rate__c"), _money("Cost_Rate__c"),
        _date("Cost_Valid_From__c"), _text("Skills__c"), _text("HR_Id__c", 60),
        _date("pse__Start_Date__c"), _date("pse__Last_Date__c"), CORRELATION,
    ),
    _object(
        "Opportunity", "006", "Opportunity",
        _ref("AccountId", "Account"),
        _pick("StageName", "Prospecting", "Proposal", "Closed Won", "Closed Lost", required=True),
        Field("LastStageChangeDate", Type.DATETIME, read_only=True),
        _money("Amount"), _date("CloseDate", required=True), ENTITY,
        _pick("Billing_Method__c", "Time and materials", "Fixed fee"),
        _pick("Billing_Grouping__c", "Project", "PO", "Contract", "Month"),
        _text("PO_Number__c", 40),
        _text("Project_Template__c", 80), _text("Region__c", 60),
        _text("Project__c", 40),
        _text("ERP_Customer_Code__c", 40), CORRELATION, _flag("Scope_Changed__c"),
        _text("Change_Order__c", 40), _money("Change_Amount__c"),
    ),
    _object(
        "pse__Proj__c", "a0P", "Project",
        _ref("pse__Account__c", "Account", required=True),
        _ref("pse__Opportunity__c", "Opportunity"),
        _text("pse__Stage__c", 40), _pick("pse__Billing_Type__c", *BILLING_TYPES),
        _date("pse__Start_Date__c"),
        _date("pse__End_Date__c"), _text("pse__Region__c", 60), ENTITY,
        _text("Billing_Grouping__c", 20), _text("PO_Number__c", 40), _money("Contract_Value__c"),
        _money("Original_Value__c"), _money("Change_Limit__c"),
        _pick("Revenue_Method__c", *REVENUE_METHODS), _hours("Budget_Hours__c"),
        _money("Budget_Cost__c"),
        _text("Project_Template__c", 80), CORRELATION,
    ),
    _object(
        "pse__Milestone__c", "a0M", "Milestone",
        _ref("pse__Project__c", "pse__Proj__c", required=True), _money("pse__Milestone_Amount__c"),
        _date("pse__Target_Date__c"), _date("pse__Actual_Date__c"),
        _pick("pse__Status__c", "Planned", "Approved"),
        _flag("pse__Approved_for_Billing__c"), *INVOICE, CORRELATION,
    ),
    _object(
        "pse__Assignment__c", "a0A", "Assignment",
        _ref("pse__Project__c", "pse__Proj__c", required=True),
        _ref("pse__Resource__c", "Contact", required=True), _text("pse__Role__c", 60),
        _money("pse__Bill_Rate__c"), _money("pse__Cost_Rate_Amount__c"),
        _date("pse__Start_Date__c"), _date("pse__End_Date__c"), _hours("pse__Planned_Hours__c"),
        _text("Skills__c"),
        _pick("pse__Status__c", "Tentative", "Scheduled", "Rejected", "Closed", "Cancelled"),
        _text("Staffing_Note__c"), CORRELATION,
    ),
    _object(
        "pse__Resource_Request__c", "a0Q", "Resource Request",
        _ref("pse__Project__c", "pse__Proj__c", required=True), _text("pse__Resource_Role__c", 80),
        _hours("pse__SOW_Hours__c"), _hours("pse__Percent_Allocated__c"), _text("Skills__c"),
        _date("pse__Start_Date__c"), _date("pse__End_Date__c"),
        _pick("pse__Status__c", "Draft", "Ready to Staff", "Assigned", "Cancelled"), CORRELATION,
    ),
    _object(
        "pse__Timecard_Header__c", "a0H", "Timecard",
        _ref("pse__Project__c", "pse__Proj__c", required=True),
        _ref("pse__Resource__c", "Contact", required=True),
        _ref("pse__Assignment__c", "pse__Assignment__c"),
        _date("pse__Start_Date__c", required=True),
        _date("pse__End_Date__c", required=True), *(_hours(f"pse__{d}_Hours__c") for d in DAYS),
        _flag("pse__Billable__c"),
        _pick("pse__Status__c", "Saved", "Submitted", "Approved", "Rejected"),
        _flag("pse__Approved__c"), _ref("Corrects__c", "pse__Timecard__c"), number="TCH-{:06d}",
    ),
    _object(
        "pse__Timecard__c", "a0T", "Timecard Split",
        _ref("pse__Timecard_Header__c", "pse__Timecard_Header__c"),
        _ref("pse__Project__c", "pse__Proj__c", required=True), _ref("pse__Resource__c", "Contact"),
        _text("pse__Resource_Name__c", 120), _text("pse__Role__c", 60), _date("pse__Start_Date__c"),
        _date("pse__End_Date__c"), _hours("pse__Total_Hours__c"), _money("pse__Bill_Rate__c"),
        _money("pse__Cost_Rate__c"), _money("pse__Total_Billable_Amount__c"),
        _flag("pse__Billable__c"), _flag("pse__Approved__c"), *INVOICE, CORRELATION,
        _money("Invoiced_Amount__c"), _ref("Corrects__c", "pse__Timecard__c"), number="TC-{:06d}",
    ),
    _object(
        "pse__Expense__c", "a0E", "Expense",
        _ref("pse__Project__c", "pse__Proj__c", required=True), _ref("pse__Resource__c", "Contact"),
        _text("pse__Resource_Name__c", 120), _text("pse__Type__c", 60),
        _date("pse__Expense_Date__c"),
        _money("pse__Amount__c"), _flag("pse__Billable__c"), _flag("pse__Approved__c"), *INVOICE,
        CORRELATION, number="EXP-{:06d}",
    ),
    _object(
        "pse__Billing_Event__c", "a0B", "Billing Event",
        _ref("pse__Project__c", "pse__Proj__c", required=True),
        _ref("pse__Account__c", "Account"), _money("pse__Amount__c"),
        _pick("pse__Status__c", "Draft", "Released", "Invoiced"), _flag("pse__Is_Released__c"),
        _flag("pse__Invoiced__c"), _text("pse__Invoice_Number__c", 60), _date("pse__Date__c"),
        _text("Period__c", 7), CORRELATION, number="BE-{:06d}",
    ),
    _object(
        "pse__Budget__c", "a0G", "Budget",
        _ref("pse__Project__c", "pse__Proj__c", required=True),
        _pick("pse__Type__c", "Customer Purchase Order", CHANGE_REQUEST, required=True),
        _pick("pse__Status__c", "Draft", "Submitted", "Approved", "Rejected"),
        _money("pse__Amount__c"), _hours("Hours__c"), _date("pse__Effective_Date__c"),
        _date("New_End_Date__c"), Field("pse__Description__c", Type.TEXTAREA),
        _flag("pse__Approved__c"), number="CO-{:06d}",
    ),
    _object(
        "pse__Revenue_Forecast__c", "a0R", "Revenue Forecast",
        _ref("pse__Project__c", "pse__Proj__c", required=True), _money("pse__Revenue__c"),
        _text("Period__c", 7), _text("Change_Order__c", 40), CORRELATION,
    ),
    _object(
        "Project_Month__c", "a0W", "Project Month",
        _ref("pse__Project__c", "pse__Proj__c", required=True), _text("Period__c", 7),
        _pick("Revenue_Method__c", *REVENUE_METHODS), _money("Value__c"), _money("Value_Before__c"),
        _money("Budget__c"), _money("Budget_Before__c"), _money("Done__c"),
        _money("Done_Before__c"), _hours("Revision__c"), _money("Recognised__c"),
        _text("Journal_Entry__c", 60), CORRELATION, number="PM-{:06d}",
    ),
)  # fmt: skip

OBJECTS: dict[str, SObject] = {o.name: o for o in _ALL}
BY_PREFIX: dict[str, SObject] = {o.prefix: o for o in _ALL}


def object_named(name: str) -> SObject | None:
    """The object of that API name in any case, or None."""
    return OBJECTS.get(name) or next((o for o in _ALL if o.name.lower() == name.lower()), None)
