"""The first mapping versions of the sandbox firm, and who owns which field."""

from __future__ import annotations

from datetime import datetime

from controltower.firm.models import Person, Role
from controltower.mappings.models import (
    FieldOwner,
    Mapping,
    MappingVersion,
    Review,
    VersionState,
)
from controltower.web.demo import (
    analytics,
    billing,
    changes,
    customers,
    kantata,
    people,
    revenue,
    spend,
    subscribers,
    workspaces,
)
from controltower.web.demo.rules import Agreed, constant, copy, table

MAPPINGS: tuple[Agreed, ...] = (
    (
        "customer-to-erp",
        "Client → ERP customer",
        "customer",
        "erp",
        False,
        [
            copy("Customer code", "code", "code", required=True),
            copy("Name", "name", "name", required=True),
            copy("Legal entity", "company", "company", required=True),
            copy("Street", "street", "street"),
            copy("City", "city", "city"),
            copy("Postal code", "postal_code", "postal_code"),
            copy("Country", "country", "country", required=True),
            copy("VAT number", "vat_number", "vat_number"),
            copy("Contact", "contact_name", "contact_name", personal=True),
            copy("Contact e-mail", "contact_email", "email", personal=True),
            constant("Payment term", "payment_term", "NET30"),
        ],
    ),
    (
        "customer-number-to-crm",
        "ERP customer number → CRM client",
        "customer",
        "crm",
        False,
        [copy("Customer number", "erp_customer_code", "ERP_Customer_Code__c", required=True)],
    ),
    (
        "project-to-psa",
        "Deal → PSA project",
        "project",
        "psa",
        False,
        [
            copy("Name", "name", "Name", required=True),
            copy("Client", "customer_id", "pse__Account__c", required=True),
            copy("Opportunity", "opportunity_id", "pse__Opportunity__c", required=True),
            copy("Stage", "stage", "pse__Stage__c"),
            table(
                "Billing method",
                "billing_method",
                "pse__Billing_Type__c",
                {"Time and materials": "Time and Materials", "Fixed fee": "Fixed Price"},
            ),
            copy("Billing grouping", "billing_grouping", "Billing_Grouping__c"),
            copy("Purchase order", "po_number", "PO_Number__c"),
            copy("Region", "region", "pse__Region__c"),
            copy("Legal entity", "entity", "Legal_Entity__c", required=True),
            copy("Currency", "currency", "CurrencyIsoCode", required=True),
            copy("Contract value", "contract_value", "Contract_Value__c"),
            copy("Original value", "contract_value", "Original_Value__c"),
            copy("Starts", "start_date", "pse__Start_Date__c"),
            copy("Ends", "end_date", "pse__End_Date__c"),
            copy("Correlation ID", "correlation_id", "Tower_Correlation_Id__c"),
        ],
    ),
    (
        "milestone-to-psa",
        "Contract → PSA milestone",
        "milestone",
        "psa",
        True,
        [
            copy("Name", "name", "Name", required=True),
            copy("Project", "project_id", "pse__Project__c", required=True),
            copy("Amount", "amount", "pse__Milestone_Amount__c", required=True),
            copy("Currency", "currency", "CurrencyIsoCode", required=True),
            copy("Target date", "target_date", "pse__Target_Date__c"),
            constant("Status", "pse__Status__c", "Planned"),
            copy("Correlation ID", "correlation_id", "Tower_Correlation_Id__c"),
        ],
    ),
    (
        "deal-links-to-crm",
        "Links → CRM opportunity",
        "opportunity",
        "crm",
        False,
        [
            copy("Project", "project_id", "Project__c", required=True),
            copy("ERP customer", "erp_customer_code", "ERP_Customer_Code__c", required=True),
            copy("Correlation ID", "correlation_id", "Tower_Correlation_Id__c"),
        ],
    ),
    (
        "billing-event-to-psa",
        "Approved work → PSA billing event",
        "billing event",
        "psa",
        True,
        [
            copy("Project", "project_id", "pse__Project__c", required=True),
            copy("Client", "customer_id", "pse__Account__c", required=True),
            copy("Amount", "amount", "pse__Amount__c", required=True),
            copy("Currency", "currency", "CurrencyIsoCode", required=True),
            constant("Status", "pse__Status__c", "Released"),
            constant("Released", "pse__Is_Released__c", True),
            copy("Date", "date", "pse__Date__c"),
            copy("Period", "period", "Period__c"),
            copy("Correlation ID", "correlation_id", "Tower_Correlation_Id__c"),
        ],
    ),
    *billing.MAPPINGS,
    (
        "billing-status-to-psa",
        "Posted invoice → PSA status",
        "billing event",
        "psa",
        True,
        [
            copy("Invoice number", "invoice_number", "pse__Invoice_Number__c", required=True),
            copy("Billed work", "items", "items"),
            copy("Correlation ID", "correlation_id", "Tower_Correlation_Id__c"),
        ],
    ),
    *people.MAPPINGS,
    *customers.MAPPINGS,
    *spend.MAPPINGS,
    *analytics.MAPPINGS,
    *changes.MAPPINGS,
    *kantata.MAPPINGS,
    *subscribers.MAPPINGS,
    *workspaces.MAPPINGS,
    *revenue.MAPPINGS,
)

OWNERS = (
    *customers.OWNERS,
    ("opportunity", "amount", "salesforce", True, False),
    ("opportunity", "entity", "salesforce", False, False),
    ("project", "billing_method", "certinia", True, False),
    ("project", "contract_value", "salesforce", True, False),
    ("timecard", "hours", "certinia", True, False),
    ("timecard", "rate", "certinia", True, False),
    ("invoice", "number", "tryton", False, False),
    ("invoice", "tax_code", "tryton", True, False),
    ("invoice", "account_code", "tryton", True, False),
    *people.OWNERS,
    *spend.OWNERS,
    *changes.OWNERS,
    *revenue.OWNERS,
)
UNOWNED = {("project", "billing_method"), ("invoice", "account_code")}
"""Left without an owner on purpose: the board shows unowned fields first."""


def agree_mappings(now: datetime) -> None:
    """Create each mapping with its first version, reviewed by others than its author, and say who
    owns which field."""
    author, controller = _first(Role.STEWARD), _first(Role.CONTROLLER)
    _own_fields(controller, author)
    reviewers = [controller, _second(Role.STEWARD)]
    known = set(Mapping.objects.values_list("slug", flat=True))
    new = [agreed for agreed in MAPPINGS if agreed[0] not in known]
    mappings = Mapping.objects.bulk_create(
        Mapping(slug=slug, title=title, record=record, target=target, moves_money=money)
        for slug, title, record, target, money, _rules in new
    )
    versions = MappingVersion.objects.bulk_create(
        MappingVersion(
            mapping=mapping,
            number=1,
            rules=rules,
            note="As agreed when the tower was set up.",
            author=author,
            state=VersionState.ACTIVE,
            active_from=now,
        )
        for mapping, (*_, rules) in zip(mappings, new, strict=True)
    )
    Review.objects.bulk_create(
        Review(version=version, author=author, reviewer=reviewer, approved=True, at=now)
        for version in versions
        for reviewer in reviewers[: 2 if version.mapping.moves_money else 1]
    )


def _own_fields(controller: Person, author: Person) -> None:
    FieldOwner.objects.bulk_create(
        [
            FieldOwner(
                record=record,
                field=name,
                system_of_record=system,
                is_money=money,
                is_personal=personal,
                owner=None if (record, name) in UNOWNED else controller,
                steward=None if (record, name) in UNOWNED else author,
            )
            for record, name, system, money, personal in OWNERS
        ],
        ignore_conflicts=True,
    )


def _first(role: Role) -> Person:
    return Person.objects.filter(duties__role=role).order_by("pk")[0]


def _second(role: Role) -> Person:
    return Person.objects.filter(duties__role=role).order_by("pk")[1]
