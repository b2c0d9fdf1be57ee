"""How a firm books what it buys: the mappings of spend to project cost."""

from __future__ import annotations

from controltower.mappings.library.rules import Agreed, constant, copy, table

INPUT_TAX = {
    "LF-DE/V19": "DE-19",
    "LF-DE/V0": "EX-0",
    "LF-UK/V20": "GB-20",
    "LF-UK/V0": "EX-0",
    "LF-US/V0": "US-0",
}
COST_ACCOUNTS = {"6010": "5.1.3", "6020": "5.2.1", "6030": "5.2.1"}
EXPENSE_TYPES = {"6010": "Subcontractor", "6020": "Travel", "6030": "Expenses"}

MAPPINGS: tuple[Agreed, ...] = (
    (
        "supplier-to-erp",
        "Supplier → ERP supplier",
        "supplier",
        "erp",
        False,
        [
            copy("Supplier code", "code", "code", required=True),
            copy("Name", "name", "name", required=True, personal=True),
            copy("Legal entity", "company", "company", required=True),
            copy("Country", "country", "country"),
            constant("Payment term", "payment_term", "NET30"),
        ],
    ),
    (
        "purchase-to-erp",
        "Purchase → ERP supplier invoice",
        "purchase",
        "erp",
        True,
        [
            copy("Legal entity", "entity", "company", required=True),
            copy("Our reference", "reference", "reference", required=True),
            copy("Supplier", "supplier_code", "party_code", required=True),
            copy("Invoice date", "invoice_date", "invoice_date", required=True),
            copy("Currency", "currency", "currency", required=True),
            constant("Payment term", "payment_term", "NET30"),
            copy("Description", "description", "description"),
            copy("Net amount", "untaxed", "untaxed", required=True),
            {
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
                    table("Input tax", "tax_treatment", "tax_code", INPUT_TAX, required=True),
                    table("Cost account", "account_code", "account_code", COST_ACCOUNTS),
                    copy("Origin", "origin", "origin"),
                ],
            },
        ],
    ),
    (
        "purchase-to-psa",
        "Purchase → PSA expense",
        "purchase",
        "psa",
        True,
        [
            copy("Project", "project_id", "pse__Project__c", required=True),
            table("Type", "account_code", "pse__Type__c", EXPENSE_TYPES),
            copy("Date", "on", "pse__Expense_Date__c", required=True),
            copy("Amount", "amount", "pse__Amount__c", required=True),
            copy("Currency", "currency", "CurrencyIsoCode", required=True),
            copy("Re-billed", "billable", "pse__Billable__c"),
            constant("Approved", "pse__Approved__c", True),
            copy("Spent by", "supplier_name", "pse__Resource_Name__c", personal=True),
            copy("Correlation ID", "correlation_id", "Tower_Correlation_Id__c"),
        ],
    ),
    (
        "run-to-spend",
        "Booking → spend system’s run",
        "purchase",
        "spend",
        False,
        [
            copy("Our reference", "reference", "external-id", required=True),
            copy("What was booked", "text", "details", required=True),
        ],
    ),
)

OWNERS = (
    ("purchase", "amount", "spend", True, False),
    ("purchase", "project_id", "psa", False, False),
    ("purchase", "account_code", "erp", True, False),
    ("purchase", "tax_code", "erp", True, False),
    ("supplier", "name", "spend", False, True),
    ("supplier", "payment_term", "erp", True, False),
)
