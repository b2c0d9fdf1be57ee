"""The state in which the pretend firm is first met: clients, people and open deals."""

from __future__ import annotations

from typing import Any

from integrations.sandbox import firm
from integrations.sandbox.salesforce.life.firm_at_work import CURRENCY_OF, FirmAtWork

_OPEN_DEALS = 15
_PROPOSALS = 8


def settle_in(work: FirmAtWork) -> None:
    """Write it once; a second start finds the firm as it was left."""
    org = work.org
    if org.store.setting("settled", ""):
        return
    with org.store.transaction():
        for client in firm.CLIENTS:
            org.create("Account", account_of(client))
        for number, person in enumerate(firm.PEOPLE, start=1):
            org.create("Contact", contact_of(person, f"LF-{number:04d}"))
        for number in range(_OPEN_DEALS):
            work.open_deal(stage="Proposal" if number < _PROPOSALS else "Prospecting")
        org.store.set("settled", "yes")


def account_of(client: firm.Client) -> dict[str, Any]:
    """A client as the CRM keeps it."""
    return {
        "Name": client.name,
        "BillingStreet": client.street,
        "BillingCity": client.city,
        "BillingPostalCode": client.postal_code,
        "BillingCountryCode": client.country,
        "VAT_Number__c": client.vat_number,
        "Billing_Contact_Name__c": client.contact,
        "Billing_Contact_Email__c": client.email,
        "Legal_Entity__c": client.entity,
        "CurrencyIsoCode": CURRENCY_OF[client.entity],
        "Strategic__c": client.strategic,
    }


def contact_of(person: firm.Person, number: str) -> dict[str, Any]:
    """A consultant as the PSA's resource, under the number that the HR systems have as well."""
    currency = CURRENCY_OF[person.entity]
    rate = firm.RATE_CARDS[currency][person.role]
    return {
        "Name": person.name,
        "Email": person.email,
        "pse__Is_Resource__c": True,
        "pse__Resource_Role__c": person.role,
        "Legal_Entity__c": person.entity,
        "Bill_Rate__c": rate.bill,
        "Cost_Rate__c": rate.cost,
        "Tower_External_Id__c": number,
        "CurrencyIsoCode": currency,
    }
