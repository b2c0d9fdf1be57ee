"""How a firm recognises revenue of a fixed price: in its ledger and its PSA's schedule.

What is invoiced at a fixed price stands against revenue until it is earned.
"""

from __future__ import annotations

from controltower.mappings.library.rules import Agreed, constant, copy, table

DEFERRED = "4.3.3"
"""An adjustment of revenue: Tryton takes no other account on a customer's invoice."""
REVENUE_ACCOUNTS = {"milestones": "4.1.2", "hours": "4.2.2", "cost": "4.2.2"}
"""Revenue at a point in time, or over time."""

MAPPINGS: tuple[Agreed, ...] = (
    (
        "revenue-entry-to-erp",
        "Delivered work → ERP revenue entry",
        "revenue entry",
        "erp",
        True,
        [
            copy("Legal entity", "entity", "company", required=True),
            copy("Our reference", "reference", "reference", required=True),
            copy("Project", "project_id", "project", required=True),
            copy("Earned in", "period", "period", required=True),
            copy("Booked on", "date", "date", required=True),
            copy("Earned", "amount", "amount", required=True),
            copy("Currency", "currency", "currency", required=True),
            copy("Text", "description", "description"),
            constant("Journal", "journal", "RECOG"),
            table("Revenue account", "method", "revenue_account", REVENUE_ACCOUNTS, required=True),
            constant("Deferred income", "deferred_account", DEFERRED),
        ],
    ),
    (
        "recognised-to-psa",
        "Recognised revenue → PSA schedule",
        "delivered month",
        "psa",
        True,
        [
            copy("Recognised", "recognised", "Recognised__c", required=True),
            copy("Revenue entry", "journal_entry", "Journal_Entry__c"),
        ],
    ),
)

OWNERS = (
    ("delivered month", "done", "psa", True, False),
    ("delivered month", "method", "psa", True, False),
    ("revenue entry", "amount", "erp", True, False),
)
