"""The sandbox systems as the tower knows them, and the feeds it reads."""

from __future__ import annotations

from datetime import datetime

from controltower.systems.models import Feed, System

_ORG = {
    "connection": "salesforce-org",
    "base_url": "env:SANDBOX_SALESFORCE_URL",
    "secrets": {
        "client_id": "env:SANDBOX_SALESFORCE_CLIENT_ID",
        "client_secret": "env:SANDBOX_SALESFORCE_CLIENT_SECRET",
    },
    "calls_per_second": 50,
}
SYSTEMS = (
    {
        **_ORG,
        "slug": "salesforce",
        "title": "Salesforce",
        "domain": "CRM",
        "role": "crm",
        "connector": "salesforce",
    },
    {
        **_ORG,
        "slug": "certinia",
        "title": "Certinia",
        "domain": "PSA",
        "role": "psa",
        "connector": "certinia",
    },
    {
        "slug": "tryton",
        "title": "Tryton ERP",
        "domain": "ERP",
        "role": "erp",
        "connector": "tryton",
        "connection": "tryton",
        "base_url": "env:SANDBOX_TRYTON_URL",
        "secrets": {
            "user": "env:SANDBOX_TRYTON_USER",
            "password": "env:SANDBOX_TRYTON_PASSWORD",
        },
        "concurrency": 4,
        "calls_per_second": 25,
    },
)
FEEDS = (
    ("salesforce", "opportunity", 3),
    ("certinia", "timecard", 3),
    ("certinia", "expense", 4),
    ("certinia", "milestone", 4),
)


def connect_systems(now: datetime) -> None:
    """Create or refresh the sandbox systems; what people set (pauses, limits) stays."""
    for given in SYSTEMS:
        System.objects.get_or_create(slug=given["slug"], defaults=dict(given))
    for slug, entity, seconds in FEEDS:
        Feed.objects.get_or_create(
            system=System.objects.get(slug=slug),
            entity=entity,
            defaults={"every_seconds": seconds, "due_at": now},
        )
