"""A client who has changed and looks like another one, as the CRM tells it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from controltower.canonical.events import CUSTOMER_CHANGED, BusinessKey
from controltower.canonical.records import Customer
from controltower.canonical.verdicts import Done, Outcome
from controltower.transactions import intake, interpretation
from controltower.transactions.models import Transaction
from tests.factories import Firm

ONE, OTHER = "001TEST0000000001", "001TEST0000000002"
MARKUP = "<script>alert(1)</script> & Söhne"


def client_record(ref: str, **given: Any) -> Customer:
    known = {"name": MARKUP, "entity": "LF-DE", "city": "Bremen", "erp_code": "C-00000001"}
    return Customer(source_id=ref, **known | given)


def as_told(record: Customer) -> bytes:
    """The CRM's row that says so."""
    empty = (
        "BillingStreet", "BillingPostalCode", "BillingCountryCode", "VAT_Number__c",
        "Billing_Contact_Name__c", "Billing_Contact_Email__c", "CurrencyIsoCode",
    )  # fmt: skip
    row = {
        "Id": record.source_id,
        "Name": record.name,
        "BillingCity": record.city,
        "Legal_Entity__c": record.entity,
        "ERP_Customer_Code__c": record.erp_code,
        "Strategic__c": False,
        "SystemModstamp": "2026-11-20T09:00:00Z",
    }
    return json.dumps(row | dict.fromkeys(empty)).encode()


def look_alike(firm: Firm) -> Transaction:
    """The transaction of a changed client, which waits for a data owner's word."""
    record = client_record(ONE)
    told = firm.event(CUSTOMER_CHANGED, "salesforce-org/customer", f"customer:{ONE}", record, 1)
    event = replace(told, keys=(BusinessKey("client", ONE),))
    intake.receive(facts=[(as_told(record), event)], signature="polled", now=firm.now)
    interpretation.interpret_due(limit=10, now=firm.now)
    other = client_record(OTHER, erp_code="").as_dict()
    related = record.as_dict() | {"line": [], "alike": [other]}
    read = Done(ref=ONE, outcome=Outcome.READ, values=related)
    return firm.play(Transaction.objects.get(items__source_id=ONE), {"client": read})
