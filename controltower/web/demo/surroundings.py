"""The sandbox systems as the tower knows them, and the feeds it reads."""

from __future__ import annotations

import os
from datetime import date, datetime
from typing import Any

from controltower.firm.models import LegalEntity
from controltower.systems import connected, establishing
from controltower.systems.models import Route, System
from controltower.systems.said import Listed

_ORG = {
    "connection": "salesforce-org",
    "base_url": "env:SANDBOX_SALESFORCE_URL",
    "secrets": {
        "client_id": "env:SANDBOX_SALESFORCE_CLIENT_ID",
        "client_secret": "env:SANDBOX_SALESFORCE_CLIENT_SECRET",
    },
    "limits": {"calls_per_second": 50},
}
SYSTEMS: tuple[dict[str, Any], ...] = (
    {**_ORG, "connector": "salesforce", "slug": "salesforce", "title": "Salesforce"},
    {**_ORG, "connector": "certinia", "slug": "certinia", "title": "Certinia"},
    {
        "connector": "tryton",
        "slug": "tryton",
        "title": "Tryton ERP",
        "base_url": "env:SANDBOX_TRYTON_URL",
        "secrets": {
            "user": "env:SANDBOX_TRYTON_USER",
            "password": "env:SANDBOX_TRYTON_PASSWORD",
        },
        "limits": {"concurrency": 4, "calls_per_second": 25},
    },
)


def _vendor(name: str, title: str, *secrets: str, **options: Any) -> dict[str, Any]:
    """A pretend vendor of the sandbox's town, found where the supervisor says."""
    variables = f"env:SANDBOX_{name.upper()}"
    return {
        "connector": name,
        "slug": name,
        "title": title,
        "base_url": f"{variables}_URL",
        "secrets": {secret: f"{variables}_{secret.upper()}" for secret in secrets},
        "options": options,
        "limits": {"concurrency": 4, "calls_per_second": 10},
    }


WORKSPACE = "6d1f0a52-3b8e-4c57-9a40-5e2c71b9d318"
DATASET = "b3c9e7d4-52a1-4f06-8e7b-0d94a6c1f25e"
"""The pretend Power BI's, with the firm's figures."""
TEAM_OWNER = "0040b377-61d8-43db-94f5-81374122dc7e"
"""The British company's project office, as its directory names it."""
VENDORS = (
    _vendor("bamboohr", "BambooHR", "api_key", "webhook_key"),
    _vendor(
        "business_central", "Business Central", "client_id", "client_secret", "client_state",
        messages=True,
    ),
    _vendor("coupa", "Coupa", "client_id", "client_secret"),
    _vendor(
        "docusign", "DocuSign", "integration_key", "secret_key", "refresh_token", "hmac_key",
        account_id="larkfield", languages={"LF-DE": "de", "": "en"},
    ),
    _vendor("event_broker", "Event broker", "user", "password", source="/larkfield/control-tower"),
    _vendor("kantata", "Kantata OX", "token"),
    _vendor("legacy_erp", "Legacy ERP", "user", "private_key", "host_key"),
    _vendor("netsuite", "NetSuite", "client_id", "certificate_id", "private_key"),
    _vendor(
        "payroll", "ADP payroll", "client_id", "client_secret", "certificate", "private_key",
        "authority",
    ),
    _vendor(
        "power_bi", "Power BI", "client_id", "client_secret",
        workspace=WORKSPACE, dataset=DATASET, refreshes_a_day=8640,
    ),
    _vendor("sharepoint", "SharePoint", "client_id", "client_secret", drive="projects"),
    _vendor("slack", "Slack", "bot_token"),
    _vendor("snowflake", "Snowflake", "private_key", account="LARKFIELD", user="TOWER"),
    _vendor("teams", "Teams", "client_id", "client_secret", owner=TEAM_OWNER),
    _vendor(
        "workday", "Workday", "client_id", "client_secret", "refresh_token", tenant="larkfield",
    ),
)  # fmt: skip
ROUTES_SINCE = date(2020, 1, 1)
KANTATA_HAS = (
    "project", "milestone", "timecard", "expense", "billing_event", "budget", "revenue_part",
    "workload",
)  # fmt: skip
ROUTES = (
    ("erp", "tryton", "", ""),
    ("psa", "certinia", "", ""),
    ("hris", "workday", "", ""),
    ("hris", "bamboohr", "LF-US", ""),
    *(("psa", "kantata", "LF-US", record) for record in KANTATA_HAS),
    ("chat", "slack", "", ""),
    ("chat", "teams", "LF-UK", ""),
)
"""Which of several systems plays a part for the firm, or for a company's records. The American
company was bought with its own PSA; its people are kept with all others. The British one talks in
Teams; its sales ledger and the American one have moved (`coexistence.py`). The legacy ERP waits for
a cut-over: a route for a company, from a day on, moves it there."""
FEEDS = (
    ("salesforce", "opportunity", 3),
    ("salesforce", "customer", 6),
    ("salesforce", "unnumbered_customer", 30),
    ("certinia", "timecard", 3),
    ("certinia", "expense", 4),
    ("certinia", "milestone", 4),
    ("certinia", "change_order", 4),
    ("certinia", "delivered_month", 4),
    ("kantata", "timecard", 4),
    ("kantata", "expense", 5),
    ("kantata", "change_order", 5),
    ("tryton", "invoice", 5),
    ("tryton", "customer", 8),
    ("bamboohr", "resource", 30),
    ("bamboohr", "absence", 30),
    ("coupa", "purchase", 5),
    ("docusign", "contract", 10),
    ("event_broker", "event", 5),
    ("legacy_erp", "invoice", 30),
    ("payroll", "labour_cost", 10),
    ("workday", "resource", 5),
    ("workday", "absence", 30),
)
STAFFING_FEEDS = (("certinia", "assignment", 4), ("kantata", "assignment", 10))
"""What is read where an HR system says who can do what."""
STREAM = "SANDBOX_SALESFORCE_STREAM_URL"
STREAMED = {"salesforce": ("opportunity", "customer"), "certinia": ("project",)}
"""What the org tells by itself; all else is asked for."""

WORKSPACES = frozenset({"sharepoint", "slack"})
WORKSPACE_FEEDS = (("certinia", "project", 10), ("kantata", "project", 10))
"""Read where the systems of a project's workspace run: elsewhere nothing could follow from it."""


def _streamed() -> dict[str, dict[str, Any]]:
    """By system, how the sandbox's streams are reached, where it has them; all else is polled."""
    if not os.environ.get(STREAM):
        return {}
    return {
        slug: {"stream": {"url": f"env:{STREAM}", "insecure": True, "entities": list(entities)}}
        for slug, entities in STREAMED.items()
    }


def connect_systems(now: datetime) -> None:
    """Connect the sandbox systems as people do on the page; what people set since (pauses, limits,
    routes) stays.

    A vendor that does not run beside this tower is left out: its feed would only fail.
    """
    running = [one for one in VENDORS if os.environ.get(one["base_url"].removeprefix("env:"))]
    systems = {given["slug"]: _connected(given, now) for given in (*SYSTEMS, *running)}
    for role, slug, company, record in ROUTES:
        if slug in systems and sum(system.role == role for system in systems.values()) > 1:
            Route.objects.update_or_create(
                role=role,
                company=LegalEntity.objects.get(code=company) if company else None,
                record=record,
                starts_on=ROUTES_SINCE,
                defaults={"system": systems[slug]},
            )
    has_people = any(system.role == "hris" for system in systems.values())
    further = (
        *(WORKSPACE_FEEDS if systems.keys() >= WORKSPACES else ()),
        *(STAFFING_FEEDS if has_people else ()),
    )
    for slug, entity, seconds in (*FEEDS, *further):
        if slug in systems:
            establishing.listen(systems[slug], Listed(entity, seconds), now)


def _connected(given: dict[str, Any], now: datetime) -> System:
    """The system, connected unless it is there."""
    known = System.objects.filter(slug=given["slug"]).first()
    options = _streamed().get(given["slug"], {}) | given.get("options", {})
    return known or establishing.establish(connected.read(given | {"options": options}), now)
