"""How a firm keeps its people: mappings of the resource master sync and of staffing."""

from __future__ import annotations

from controltower.mappings.library.rules import Agreed, copy

MAPPINGS: tuple[Agreed, ...] = (
    (
        "resource-to-psa",
        "Worker → PSA resource",
        "resource",
        "psa",
        True,
        [
            copy("Employee number", "external_id", "Tower_External_Id__c", required=True),
            copy("HR record", "hr_id", "HR_Id__c", required=True),
            copy("Name", "name", "Name", required=True, personal=True),
            copy("E-mail", "email", "Email", personal=True),
            copy("Can be staffed", "active", "pse__Is_Resource__c"),
            copy("Role", "role", "pse__Resource_Role__c", required=True),
            copy("Skills", "skills", "Skills__c"),
            copy("Legal entity", "entity", "Legal_Entity__c", required=True),
            copy("Cost of an hour", "cost_rate", "Cost_Rate__c", required=True),
            copy("Counts from", "valid_from", "Cost_Valid_From__c"),
            copy("Currency", "currency", "CurrencyIsoCode", required=True),
            copy("First day", "from_date", "pse__Start_Date__c"),
            copy("Last day", "to_date", "pse__Last_Date__c"),
            copy("Correlation ID", "correlation_id", "Tower_Correlation_Id__c"),
        ],
    ),
    (
        "staffing-to-psa",
        "Answer to an assignment → PSA",
        "assignment",
        "psa",
        True,
        [
            copy("Status", "status", "pse__Status__c", required=True),
            copy("Why not", "reason", "Staffing_Note__c"),
            copy("Cost of an hour", "cost_rate", "pse__Cost_Rate_Amount__c"),
            copy("Correlation ID", "correlation_id", "Tower_Correlation_Id__c"),
        ],
    ),
    (
        "pay-input-to-payroll",
        "Approved hours → payroll",
        "pay_input",
        "payroll",
        True,
        [
            copy("Payroll group", "entity", "payroll_group", required=True),
            copy("Batch", "reference", "batch", required=True),
            copy("Worker", "number", "worker", required=True),
            copy("Earning", "earning", "earning_code", required=True),
            copy("Hours", "hours", "hours", required=True, personal=True),
            copy("Expenses", "expenses", "expenses", personal=True),
            copy("Currency", "currency", "currency"),
        ],
    ),
)

OWNERS = (
    ("resource", "cost_rate", "hris", True, False),
    ("resource", "entity", "hris", False, False),
    ("assignment", "rate", "psa", True, False),
    ("assignment", "skills", "hris", False, False),
    ("resource", "email", "hris", False, True),
)
