"""The CRM's door: clients are read, won deals start projects, links are written back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from controltower.canonical.events import CUSTOMER_CHANGED, OPPORTUNITY_WON
from controltower.canonical.verdicts import Done, Effect, Kind, Outcome, Rejected, Verdict
from integrations.answers import as_agreed
from integrations.connector import ChangeFeed, Descriptor, Operation, Verification
from integrations.salesforce import relations, translate
from integrations.salesforce.needs import NEEDS
from integrations.salesforce_platform.client import API_VERSION
from integrations.salesforce_platform.connector import OrgConnector
from integrations.salesforce_platform.entity import (
    CORRELATION_ID,
    DELETED,
    MERGED_INTO,
    Entity,
    selection,
)

_MASTER_DATA = (
    "Name", "BillingStreet", "BillingCity", "BillingPostalCode", "BillingCountryCode",
    "VAT_Number__c", "Billing_Contact_Name__c", "Billing_Contact_Email__c", "Legal_Entity__c",
    "CurrencyIsoCode", "ERP_Customer_Code__c", "Payment_Term__c", "Credit_Hold__c", "ParentId",
    "Billed_By_Parent__c",
)  # fmt: skip
_CUSTOMER = Entity(
    object="Account",
    paths=(
        "Id", *_MASTER_DATA, "Strategic__c", "Merged_Into__c", MERGED_INTO, DELETED,
        "SystemModstamp",
    ),
    translate=translate.customer,
    feed="ERP_Customer_Code__c != null",
    event_type=CUSTOMER_CHANGED,
    hears_deletion=True,
    identity=_MASTER_DATA,
    keys=translate.customer_keys,
    key_field="Name",
)  # fmt: skip
_LOST_NUMBER = replace(
    _CUSTOMER,
    feed=(
        "ERP_Customer_Code__c = null AND Id IN"
        " (SELECT AccountId FROM Opportunity WHERE ERP_Customer_Code__c != null)"
    ),
    hears_deletion=False,
    identity=(*_MASTER_DATA, "SystemModstamp"),
)
"""Clients whose deals carry a customer number and who carry none themselves. SOQL allows no such
look beside an OR, so they are a feed of their own; a number may be lost more than once."""
_DEAL_TERMS = (
    "Name", "AccountId", "StageName", "Amount", "CurrencyIsoCode", "CloseDate", "Legal_Entity__c",
    "Billing_Method__c", "Billing_Grouping__c", "PO_Number__c", "Project_Template__c", "Region__c",
)  # fmt: skip
_CLOSED = ("LastStageChangeDate", "CreatedDate")
"""When a deal came to its stage; one that never changed it was made in it."""
_OPPORTUNITY = Entity(
    object="Opportunity",
    paths=(
        "Id", *_DEAL_TERMS, "Account.Name", "Project__c", "ERP_Customer_Code__c", "Change_Order__c",
        CORRELATION_ID, DELETED, *_CLOSED, "SystemModstamp",
    ),
    happened=_CLOSED,
    translate=translate.opportunity,
    feed=f"(StageName = '{translate.WON}' OR {CORRELATION_ID} != null)",
    event_type=OPPORTUNITY_WON,
    hears_deletion=True,
    identity=_DEAL_TERMS,
    keys=translate.opportunity_keys,
    amount_field="Amount",
    numbers=frozenset({"Amount", "Change_Amount__c"}),
)  # fmt: skip


class SalesforceConnector(OrgConnector):
    """Salesforce REST, polled by SOQL. A client becomes a fact once an ERP has it, and again when
    its customer number is lost; a deal once it is won, and whatever becomes of it then. Both are
    when they are deleted."""

    entities = {
        "customer": _CUSTOMER,
        "unnumbered_customer": _LOST_NUMBER,
        "opportunity": _OPPORTUNITY,
    }
    descriptor = Descriptor(
        name="salesforce",
        title="Salesforce",
        domain="CRM",
        api_version=API_VERSION,
        feeds={
            "customer": ChangeFeed.POLL,
            "unnumbered_customer": ChangeFeed.POLL,
            "opportunity": ChangeFeed.POLL,
        },
        operations=(
            Operation("customer", "get", Effect.READ),
            Operation("relations", "get", Effect.READ),
            Operation("customer", "upsert", Effect.KEYED),
            Operation("customer", "update", Effect.IDEMPOTENT),
            Operation("opportunity", "get", Effect.READ),
            Operation("opportunity", "update", Effect.IDEMPOTENT),
        ),
        verification=Verification.SANDBOX,
        needs=NEEDS,
    )

    async def get(self, entity: str, ref: str, company: str = "") -> Verdict:
        """As the platform's; a client who is invoiced through another comes with the ``line`` of
        clients above it, next one first. Its ``relations`` are the record with that line, and with
        those that may be ``alike``. Of deleted clients there are relations, and those that were
        merged into another one."""
        if entity not in {"customer", "relations"}:
            return await super().get(entity, ref, company)
        found = await self._get("customer", ref, or_deleted=True)
        if not isinstance(found, Done):
            return found
        if entity == "customer":
            if relations.is_gone(found.values):
                text = f"{found.values['name']} was deleted in Salesforce ({ref})."
                return Rejected(kind=Kind.NOT_FOUND, text=text, exchange=found.exchange)
            return await self._with_line(found) if relations.is_paid_for(found.values) else found
        alike = await self._customers(relations.perhaps_the_same(found.values))
        related = await self._with_line(found)
        if not isinstance(related, Done):
            return related
        return replace(related, values={**related.values, "alike": alike})

    async def find(self, entity: str, business_key: Mapping[str, Any]) -> Verdict:
        """As the platform's; by the ``relations`` of a client who is not there yet, those that may
        be ``alike``: its key is what is known of it."""
        if entity != "relations":
            return await super().find(entity, business_key)
        alike = await self._customers(relations.perhaps_the_same(business_key))
        return Done(ref="", outcome=Outcome.READ, values={"alike": alike})

    async def _with_line(self, found: Done) -> Verdict:
        line: list[Mapping[str, Any]] = [found.values]
        while (above := relations.above(line[-1])) and len(line) <= relations.MOST_LEVELS:
            upper = await self._get("customer", above, or_deleted=True)
            if not isinstance(upper, Done):
                return upper
            if relations.is_gone(upper.values):
                break
            line.append(upper.values)
        return replace(found, values={**found.values, "line": line[1:]})

    async def _customers(self, condition: str) -> list[Mapping[str, Any]]:
        """Clients that meet a condition, a few of them. Raises CallFailed."""
        query = f"{selection(_CUSTOMER, condition, 'Id')} LIMIT {relations.MOST_ALIKE}"
        rows = await self._select(query)
        return as_agreed(lambda: [translate.customer(row).as_dict() for row in rows])
