"""How a firm bills approved work, and credits what it billed too much."""

from __future__ import annotations

from controltower.mappings.library.revenue import DEFERRED
from controltower.mappings.library.rules import Agreed, Rule, constant, copy, table

TERMS = {"net_30": "NET30", "net_14": "NET14"}
TAX_CODES = {
    "LF-DE/domestic": "DE-19",
    "LF-DE/reverse_charge": "EU-RC",
    "LF-DE/export": "EX-0",
    "LF-UK/domestic": "GB-20",
    "LF-UK/export": "EX-0",
    "LF-US/domestic": "US-0",
    "LF-US/export": "EX-0",
}
REVENUE_ACCOUNTS = {"time": "4.2.2", "milestone": DEFERRED, "expense": "4.1.3"}


def _header(*more: Rule) -> list[Rule]:
    """An invoice, or a credit note, without its lines."""
    return [
        copy("Legal entity", "entity", "company", required=True),
        copy("Our reference", "reference", "reference", required=True),
        copy("Customer", "customer_code", "party_code", required=True),
        copy("Invoice date", "invoice_date", "invoice_date", required=True),
        copy("Currency", "currency", "currency", required=True),
        table("Payment term", "payment_term", "payment_term", TERMS, required=True),
        table("Tax code", "tax_treatment", "tax_code", TAX_CODES, required=True),
        copy("Description", "description", "description"),
        copy("Purchase order", "po_number", "comment"),
        copy("Net amount", "untaxed", "untaxed", required=True),
        *more,
    ]


def _lines(*more: Rule) -> Rule:
    return {
        "label": "Lines",
        "source": "lines",
        "target": "lines",
        "rule": "each",
        "required": True,
        "rules": [
            copy("Text", "description", "description", required=True),
            copy("Quantity", "quantity", "quantity", required=True),
            copy("Unit", "unit", "unit", required=True),
            copy("Unit price", "unit_price", "unit_price", required=True),
            copy("Amount", "amount", "amount", required=True),
            table("Tax code", "tax_treatment", "tax_code", TAX_CODES, required=True),
            table("Revenue account", "revenue_kind", "account_code", REVENUE_ACCOUNTS),
            copy("Origin", "origin", "origin"),
            *more,
        ],
    }


MAPPINGS: tuple[Agreed, ...] = (
    (
        "invoice-to-erp",
        "Approved work → ERP invoice",
        "invoice",
        "erp",
        True,
        _header(_lines()),
    ),
    (
        "credit-note-to-erp",
        "Corrected work → ERP credit note",
        "invoice",
        "erp",
        True,
        _header(
            copy("Credits invoice", "credits", "credits", required=True),
            _lines(copy("Credits work", "credits", "credits", required=True)),
        ),
    ),
    (
        "credited-to-psa",
        "Posted credit note → PSA timecard",
        "timecard",
        "psa",
        True,
        [
            constant("Billed", "pse__Billed__c", True),
            copy("Credit note", "invoice_number", "pse__Invoice_Number__c", required=True),
            copy("Amount credited", "invoiced", "Invoiced_Amount__c", required=True),
        ],
    ),
)
