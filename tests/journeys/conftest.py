"""A whole tower over a pretend org and a real ERP; the invariants are asked after every test."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from controltower import queues
from controltower.firm.models import LegalEntity
from controltower.measures import invariants
from controltower.systems.models import Feed
from controltower.transactions import polling
from controltower.transactions.models import InboundEvent
from controltower.web.demo.firm import found_firm, hire_people
from controltower.web.demo.mappings import agree_mappings
from controltower.web.demo.surroundings import connect_systems
from tests.integrations.conftest import erp, org, running_org, running_town, started_erp, town
from tests.integrations.doors import CLIENT_ID, CLIENT_SECRET, Org
from tests.integrations.erp import USER, Erp
from tests.journeys.tower import Tower

__all__ = ["erp", "org", "running_org", "running_town", "started_erp", "town"]


@pytest.fixture
def tower(
    transactional_db: None, org: Org, erp: Erp, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Tower]:
    """The demo firm on the test's own sandbox, caught up with what other tests left there."""
    for name, value in {
        "SANDBOX_SALESFORCE_URL": org.url,
        "SANDBOX_SALESFORCE_CLIENT_ID": CLIENT_ID,
        "SANDBOX_SALESFORCE_CLIENT_SECRET": CLIENT_SECRET,
        "SANDBOX_TRYTON_URL": f"http://127.0.0.1:{erp.port}",
        "SANDBOX_TRYTON_USER": USER,
        "SANDBOX_TRYTON_PASSWORD": erp.password,
    }.items():
        monkeypatch.setenv(name, value)
    now = timezone.now()
    found_firm(now.date())
    hire_people()
    connect_systems(now)
    agree_mappings(now)
    LegalEntity.objects.update(gather_for=timedelta(seconds=0.2))
    polling.poll(budget=timedelta(0))
    Feed.objects.update(every_seconds=0)
    InboundEvent.objects.all().delete()
    yield Tower(org, erp)
    assert invariants.breaches(timezone.now()) == {}
    queues.connection().flushdb()
