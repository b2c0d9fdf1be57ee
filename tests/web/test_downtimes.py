"""Planned downtimes on a system's page and in the list of systems."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from controltower.firm.models import LegalEntity
from controltower.processes.month_end_close import close_of, recent_months
from controltower.systems.models import Downtime, System
from controltower.transactions.world import entities
from tests.factories import Firm
from tests.web.cast import browser

pytestmark = pytest.mark.django_db


def typed(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M}"


def test_it_is_planned_in_ones_own_time_and_shown_to_all(firm: Firm) -> None:
    here = timezone.now().astimezone(ZoneInfo(firm.amara.zone))
    begins = here.replace(hour=22, minute=0, second=0, microsecond=0) + timedelta(days=2)
    wanted = {
        "begins": typed(begins),
        "ends": typed(begins + timedelta(hours=4)),
        "reason": "2026.2",
    }
    told = browser(firm.amara).post("/systems/tryton/downtimes/", wanted, follow=True)
    assert "The downtime of Tryton ERP is planned." in told.content.decode()
    assert Downtime.objects.get().begins_at == begins
    page = browser(firm.callum).get("/systems/tryton/").content.decode()
    theirs = begins.astimezone(ZoneInfo(firm.callum.zone))
    assert "2026.2" in page and f"{theirs:%H:%M}" in page
    assert "planned downtime from" in browser(firm.callum).get("/systems/").content.decode()


def test_one_under_way_says_until_when_and_can_be_ended(firm: Firm) -> None:
    now = timezone.now()
    here = now.astimezone(ZoneInfo(firm.amara.zone))
    client = browser(firm.amara)
    client.post("/systems/tryton/downtimes/", {
        "begins": typed(here - timedelta(hours=1)), "ends": typed(here + timedelta(hours=3)),
        "reason": "The yearly upgrade",
    })  # fmt: skip
    page = client.get("/systems/tryton/").content.decode()
    assert "Paused by Amara Osei: The yearly upgrade" in page and "End it now" in page
    assert "planned downtime until" in client.get("/systems/").content.decode()
    client.post(f"/downtimes/{Downtime.objects.get().pk}/ends/")
    assert System.objects.get(slug="tryton").paused_at is None
    assert "None is planned." in client.get("/systems/tryton/").content.decode()


def test_a_cut_off_in_it_is_told(firm: Firm) -> None:
    entity = entities()[LegalEntity.objects.get(code="LF-DE").code]
    now = timezone.now()
    month = recent_months(entity, now, 0)[0]
    cut_off = close_of(entity, month).cut_off.astimezone(ZoneInfo(firm.amara.zone))
    wanted = {
        "begins": typed(cut_off - timedelta(hours=1)), "ends": typed(cut_off + timedelta(hours=1)),
        "reason": "The yearly upgrade",
    }  # fmt: skip
    said = browser(firm.amara).post("/systems/tryton/downtimes/", wanted, follow=True)
    assert "The cut-off falls into it: LF-" in said.content.decode()


@pytest.mark.parametrize(
    "wanted",
    [{}, {"begins": "soon", "ends": "later", "reason": "x"},
     {"begins": "2026-01-01T08:00", "ends": "2026-01-01T09:00", "reason": "x"}],
)  # fmt: skip
def test_nothing_is_planned_of_what_makes_no_sense(firm: Firm, wanted: dict[str, str]) -> None:
    told = browser(firm.amara).post("/systems/tryton/downtimes/", wanted, follow=True)
    words = told.content.decode()
    assert "Nothing was planned." in words or "Nothing was changed." in words
    assert not Downtime.objects.exists()
