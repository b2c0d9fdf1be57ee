"""How a firm forecasts what a change order adds: the mappings of project changes."""

from __future__ import annotations

from controltower.mappings.library.rules import Agreed, constant, copy

MAPPINGS: tuple[Agreed, ...] = (
    (
        "revenue-part-to-psa",
        "Change order → PSA revenue forecast",
        "change order",
        "psa",
        True,
        [
            copy("Name", "name", "Name", required=True),
            copy("Project", "project_id", "pse__Project__c", required=True),
            copy("Month", "period", "Period__c", required=True),
            copy("Amount", "amount", "pse__Revenue__c", required=True),
            copy("Currency", "currency", "CurrencyIsoCode", required=True),
            copy("Change order", "change_order", "Change_Order__c"),
            copy("Correlation ID", "correlation_id", "Tower_Correlation_Id__c"),
        ],
    ),
    (
        "change-order-to-crm",
        "Change order → CRM opportunity",
        "change order",
        "crm",
        False,
        [
            constant("Scope has changed", "Scope_Changed__c", True),
            copy("Change order", "change_order", "Change_Order__c", required=True),
            copy("Changes by", "change_amount", "Change_Amount__c", required=True),
        ],
    ),
)

OWNERS = (
    ("change order", "amount", "psa", True, False),
    ("change order", "ends_on", "psa", False, False),
)
