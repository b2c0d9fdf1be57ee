"""How Kantata names what the sandbox firm's other PSA calls otherwise."""

from __future__ import annotations

from controltower.web.demo.rules import Agreed, constant, copy, table
from controltower.web.demo.spend import EXPENSE_TYPES

MAPPINGS: tuple[Agreed, ...] = (
    (
        "project-to-psa-for-kantata",
        "Deal → Kantata workspace",
        "project",
        "psa",
        False,
        [
            copy("Name", "name", "title", required=True),
            copy("Currency", "currency", "currency", required=True),
            copy("Contract value", "contract_value", "price"),
            copy("Original value", "contract_value", "custom Original value"),
            copy("Starts", "start_date", "start_date"),
            copy("Ends", "end_date", "due_date"),
            copy("Client", "customer_id", "custom CRM account", required=True),
            copy("Client’s name", "customer_name", "custom CRM account name"),
            copy("Opportunity", "opportunity_id", "custom CRM opportunity", required=True),
            copy("Legal entity", "entity", "custom Legal entity", required=True),
            table(
                "Billing method",
                "billing_method",
                "custom Billing method",
                {"Time and materials": "Time and Materials", "Fixed fee": "Fixed Price"},
            ),
            copy("Billing grouping", "billing_grouping", "custom Billing grouping"),
            copy("Purchase order", "po_number", "custom Purchase order"),
            copy("Region", "region", "custom Region"),
            copy("Correlation ID", "correlation_id", "custom Correlation ID"),
            copy("Our reference", "external_id", "custom Tower reference"),
        ],
    ),
    (
        "milestone-to-psa-for-kantata",
        "Contract → Kantata billing milestone",
        "milestone",
        "psa",
        True,
        [
            copy("Name", "name", "title", required=True),
            copy("Workspace", "project_id", "workspace_id", required=True),
            copy("Amount", "amount", "amount", required=True),
            copy("Currency", "currency", "currency", required=True),
            copy("Date to invoice", "target_date", "date_to_invoice"),
        ],
    ),
    (
        "billing-event-to-psa-for-kantata",
        "Approved work → Kantata draft invoice",
        "billing event",
        "psa",
        True,
        [
            copy("Workspace", "project_id", "workspace_id", required=True),
            copy("Date", "date", "invoice_date", required=True),
            copy("Billed work", "items", "items", required=True),
            copy("Amount", "amount", "amount"),
            copy("Currency", "currency", "currency"),
        ],
    ),
    (
        "billing-status-to-psa-for-kantata",
        "Posted invoice → Kantata invoice",
        "billing event",
        "psa",
        True,
        [copy("Invoice number", "invoice_number", "user_invoice_number", required=True)],
    ),
    (
        "purchase-to-psa-for-kantata",
        "Purchase → Kantata expense",
        "purchase",
        "psa",
        True,
        [
            copy("Workspace", "project_id", "workspace_id", required=True),
            table("Category", "account_code", "category", EXPENSE_TYPES, required=True),
            copy("Date", "on", "date", required=True),
            copy("Amount", "amount", "amount", required=True),
            copy("Currency", "currency", "currency", required=True),
            copy("Re-billed", "billable", "billable"),
            copy("Spent by", "supplier_name", "notes", personal=True),
        ],
    ),
    (
        "revenue-part-to-psa-for-kantata",
        "Change order → Kantata accounting record",
        "change order",
        "psa",
        True,
        [
            copy("Workspace", "project_id", "workspace_id", required=True),
            constant("Type", "type", "revenue_forecast"),
            copy("Description", "name", "description", required=True),
            copy("From", "start_date", "start_date", required=True),
            copy("Until", "end_date", "end_date", required=True),
            copy("Amount", "amount", "amount", required=True),
            copy("Currency", "currency", "currency", required=True),
            copy("Correlation ID", "correlation_id", "notes"),
        ],
    ),
)
