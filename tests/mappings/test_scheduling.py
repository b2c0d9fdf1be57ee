"""A version that comes into use by its date, and one that nobody goes back to."""

from __future__ import annotations

from datetime import timedelta

import pytest

from controltower.firm.models import AuditEntry
from controltower.mappings import scheduling, versions
from controltower.mappings.models import Mapping, MappingVersion
from tests.factories import Firm, found

pytestmark = pytest.mark.django_db
SLUG = "customer-to-erp"
DAY = timedelta(days=1)


@pytest.fixture
def firm() -> Firm:
    return found()


def approved(firm: Firm) -> MappingVersion:
    mapping = Mapping.objects.get(slug=SLUG)
    rules = [*versions.active(SLUG, "tryton").rules]
    rules[-1] = rules[-1] | {"value": "NET14"}
    made = versions.draft(
        mapping=mapping, rules=rules, note="Sooner.", author=firm.lena, now=firm.now
    )
    versions.submit(version=made, by=firm.lena, now=firm.now)
    return versions.review(version=made, by=firm.anna, approve=True, comment="", now=firm.now)


def test_it_comes_into_use_by_itself_once(firm: Firm) -> None:
    before, made = versions.active(SLUG, "tryton"), approved(firm)
    at = firm.now + DAY
    scheduling.schedule(version=made, at=at, by=firm.anna, now=firm.now)
    assert scheduling.take_effect(now=at - timedelta(seconds=1)) == 0
    assert versions.active(SLUG, "tryton") == before
    assert scheduling.take_effect(now=at) == 1
    assert versions.active(SLUG, "tryton") == made
    assert scheduling.take_effect(now=at + DAY) == 0
    before.refresh_from_db()
    assert (before.state, before.active_until) == ("deprecated", at)
    entry = AuditEntry.objects.filter(verb="activate mapping").latest("pk")
    assert entry.actor == scheduling.CLOCK


def test_a_date_is_called_off(firm: Firm) -> None:
    made = approved(firm)
    scheduling.schedule(version=made, at=firm.now + DAY, by=firm.anna, now=firm.now)
    scheduling.call_off(version=made, by=firm.anna, now=firm.now)
    assert scheduling.take_effect(now=firm.now + 2 * DAY) == 0
    made.refresh_from_db()
    assert (made.state, made.active_from) == ("approved", None)


def test_a_date_that_has_passed_schedules_nothing(firm: Firm) -> None:
    made = approved(firm)
    with pytest.raises(versions.WrongState, match="has passed"):
        scheduling.schedule(version=made, at=firm.now, by=firm.anna, now=firm.now)


def test_without_the_right_nothing_moves_and_it_is_told(firm: Firm) -> None:
    made = approved(firm)
    with pytest.raises(versions.NotAllowed):
        scheduling.schedule(version=made, at=firm.now + DAY, by=firm.otto, now=firm.now)
    assert AuditEntry.objects.filter(verb="schedule mapping", allowed=False).exists()


def test_nobody_goes_back_to_a_retired_version(firm: Firm) -> None:
    before, made = versions.active(SLUG, "tryton"), approved(firm)
    with pytest.raises(versions.WrongState):
        scheduling.retire(version=before, by=firm.anna, now=firm.now)
    versions.activate(version=made, by=firm.anna, now=firm.now)
    scheduling.retire(version=before, by=firm.anna, now=firm.now)
    with pytest.raises(versions.WrongState, match="retired"):
        versions.activate(version=before, by=firm.anna, now=firm.now)
