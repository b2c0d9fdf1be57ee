"""The CRM's rows in canonical words."""

from __future__ import annotations

from controltower.canonical.events import BusinessKey
from controltower.canonical.records import Customer, Opportunity
from integrations.salesforce_platform.entity import DELETED, MERGED_INTO
from integrations.shape import Row, amount, day, flag, text

WON, GONE = "Closed Won", "Deleted"
"""What counts as won in the org; and our word for a deal that is in its recycle bin."""

_SINCE_THE_SYNC = {
    "ParentId": None, "Billed_By_Parent__c": False, "Merged_Into__c": None,
    "Payment_Term__c": None, "Credit_Hold__c": False, MERGED_INTO: None, DELETED: False,
}  # fmt: skip
"""What rows that were read before there was a customer master sync, or before deletion was heard
of, do not hold."""


def customer(row: Row) -> Customer:
    """An Account."""
    row = {**_SINCE_THE_SYNC, **row}
    return Customer(
        source_id=text(row, "Id"),
        name=text(row, "Name"),
        entity=text(row, "Legal_Entity__c"),
        street=text(row, "BillingStreet"),
        city=text(row, "BillingCity"),
        postal_code=text(row, "BillingPostalCode"),
        country=text(row, "BillingCountryCode"),
        vat_number=text(row, "VAT_Number__c"),
        currency=text(row, "CurrencyIsoCode"),
        contact_name=text(row, "Billing_Contact_Name__c"),
        contact_email=text(row, "Billing_Contact_Email__c"),
        strategic=flag(row, "Strategic__c"),
        erp_code=text(row, "ERP_Customer_Code__c"),
        payment_term=text(row, "Payment_Term__c"),
        credit_hold=flag(row, "Credit_Hold__c"),
        parent_id=text(row, "ParentId"),
        billed_by_parent=flag(row, "Billed_By_Parent__c"),
        merged_into=text(row, MERGED_INTO) or text(row, "Merged_Into__c"),
        deleted=flag(row, DELETED),
    )


def customer_keys(row: Row) -> tuple[BusinessKey, ...]:
    """By what people look for a client."""
    return (BusinessKey("client", text(row, "Id")),)


def opportunity(row: Row) -> Opportunity:
    """An Opportunity with its Account's name. One that is deleted is not won, whatever it shows."""
    row = {"Change_Order__c": None, DELETED: False, **row}
    stage = GONE if flag(row, DELETED) else text(row, "StageName")
    return Opportunity(
        source_id=text(row, "Id"),
        name=text(row, "Name"),
        entity=text(row, "Legal_Entity__c"),
        customer_id=text(row, "AccountId"),
        customer_name=text(row, "Account.Name"),
        stage=stage,
        won=stage == WON,
        amount=amount(row, "Amount"),
        currency=text(row, "CurrencyIsoCode"),
        close_date=day(row, "CloseDate"),
        billing_method=text(row, "Billing_Method__c"),
        billing_grouping=text(row, "Billing_Grouping__c"),
        po_number=text(row, "PO_Number__c"),
        template=text(row, "Project_Template__c"),
        region=text(row, "Region__c"),
        project_id=text(row, "Project__c"),
        erp_customer_code=text(row, "ERP_Customer_Code__c"),
        change_order=text(row, "Change_Order__c"),
    )


def opportunity_keys(row: Row) -> tuple[BusinessKey, ...]:
    """By what people look for a deal."""
    keys = [BusinessKey("opportunity", text(row, "Id"))]
    if text(row, "PO_Number__c"):
        keys.append(BusinessKey("po", text(row, "PO_Number__c")))
    return tuple(keys)
