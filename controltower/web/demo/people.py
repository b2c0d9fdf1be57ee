"""How the sandbox firm keeps its people: mappings and runbooks of the resource master sync
and of staffing."""

from __future__ import annotations

from controltower.incidents import steps
from controltower.web.demo.rules import Agreed, copy
from controltower.web.demo.runbook_steps import HOW_MUCH, NOTHING_LEFT, REPLAY, Book, decide, wait

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
)

OWNERS = (
    ("resource", "cost_rate", "workday", True, False),
    ("resource", "entity", "workday", False, False),
    ("assignment", "rate", "certinia", True, False),
    ("assignment", "skills", "workday", False, False),
    ("resource", "email", "workday", False, True),
)

RUNBOOKS: tuple[Book, ...] = (
    (
        "person-in-two-minds",
        "The HR systems and the PSA disagree about a person",
        {"words": ["from another HR record", "assignments that go on", "without a last day"]},
        [
            HOW_MUCH,
            decide(
                "Who is right?",
                "Nobody is ended, and no second person made, before this is settled.",
                ("The HR system: the PSA is put in order", 3),
                ("The PSA: the HR record is corrected", 4),
            ),
            REPLAY | {"to": 5},
            wait("Wait for the correction", steps.NOTHING_STUCK, 60, "It is taken up by itself."),
            NOTHING_LEFT | {"to": "end"},
        ],
    ),
    (
        "place-turned-down",
        "Somebody cannot have a place on a project",
        {
            "words": [
                "place asks for",
                "is placed as",
                "but the place",
                "on this place",
                "but costs",
            ]
        },
        [
            HOW_MUCH,
            decide(
                "Who is right?",
                "The PSA has been told why; no time is expected before it is settled.",
                ("The HR system: the place is changed in the PSA", 3),
                ("The PSA: the HR record is corrected", 4),
            ),
            wait("Wait for the changed place", steps.NOTHING_STUCK, 60, "It is judged anew.")
            | {"to": "end"},
            REPLAY,
            NOTHING_LEFT | {"to": "end"},
        ],
    ),
)
