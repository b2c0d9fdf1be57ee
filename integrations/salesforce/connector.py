"""The CRM's door: clients are read, won deals start projects, links are written back."""

from __future__ import annotations

from controltower.canonical.events import OPPORTUNITY_WON
from controltower.canonical.verdicts import Effect
from integrations.connector import ChangeFeed, Descriptor, Operation, Verification
from integrations.salesforce import translate
from integrations.salesforce_platform.client import API_VERSION
from integrations.salesforce_platform.connector import OrgConnector
from integrations.salesforce_platform.entity import Entity

_CUSTOMER = Entity(
    object="Account",
    paths=(
        "Id", "Name", "BillingStreet", "BillingCity", "BillingPostalCode", "BillingCountryCode",
        "VAT_Number__c", "Billing_Contact_Name__c", "Billing_Contact_Email__c", "Legal_Entity__c",
        "CurrencyIsoCode", "Strategic__c", "ERP_Customer_Code__c", "SystemModstamp",
    ),
    translate=translate.customer,
    key_field="Name",
)  # fmt: skip
_DEAL_TERMS = (
    "Name", "AccountId", "StageName", "Amount", "CurrencyIsoCode", "CloseDate", "Legal_Entity__c",
    "Billing_Method__c", "Billing_Grouping__c", "PO_Number__c", "Project_Template__c", "Region__c",
)  # fmt: skip
_OPPORTUNITY = Entity(
    object="Opportunity",
    paths=(
        "Id", *_DEAL_TERMS, "Account.Name", "Project__c", "ERP_Customer_Code__c", "Change_Order__c",
        "Tower_Correlation_Id__c", "SystemModstamp",
    ),
    translate=translate.opportunity,
    feed=f"StageName = '{translate.WON}'",
    event_type=OPPORTUNITY_WON,
    identity=_DEAL_TERMS,
    keys=translate.opportunity_keys,
    amount_field="Amount",
    numbers=frozenset({"Amount", "Change_Amount__c"}),
)  # fmt: skip


class SalesforceConnector(OrgConnector):
    """Salesforce REST, polled by SOQL."""

    entities = {"customer": _CUSTOMER, "opportunity": _OPPORTUNITY}
    descriptor = Descriptor(
        name="salesforce",
        title="Salesforce",
        domain="CRM",
        api_version=API_VERSION,
        feeds={"customer": ChangeFeed.NONE, "opportunity": ChangeFeed.POLL},
        operations=(
            Operation("customer", "get", Effect.READ),
            Operation("customer", "upsert", Effect.KEYED),
            Operation("customer", "update", Effect.IDEMPOTENT),
            Operation("opportunity", "get", Effect.READ),
            Operation("opportunity", "update", Effect.IDEMPOTENT),
        ),
        verification=Verification.SANDBOX,
    )
