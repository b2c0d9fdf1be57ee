"""An assignment is held against the HR system: scheduled with its rates, or turned down."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from controltower.systems.models import Circuit, Feed, System
from controltower.transactions import replay
from controltower.transactions.models import Transaction, TransactionState
from tests.journeys.test_resource_master import People, people

__all__ = ["people"]
STAFFING = "resource-to-revenue"
VERIFIED = TransactionState.VERIFIED


class Office:
    """Whoever staffs a project: one deal's project, and a person of its company."""

    def __init__(self, people: People) -> None:
        self.tower, self.hr = people.tower, people.workday
        self.deal = self.tower.set_up()
        self.worker, joined = people.joiner()
        self.person = joined.steps.get(name="resource").ref

    def place(self, **wanted: Any) -> str:
        """Put the person on the project; the assignment's id."""
        project = self.deal.steps.get(name="project").ref
        made = self.tower.org.control.do("staff", project=project, person=self.person, **wanted)
        return str(made["assignment"])

    def judged(self, place: str) -> Transaction:
        """The newest transaction of a place."""
        self.tower.of("assignment", place, STAFFING)
        mine = Transaction.objects.filter(process=STAFFING, keys__value=place)
        return mine.order_by("-started_at")[0]


@pytest.fixture
def office(people: People) -> Office:
    assert Feed.objects.filter(system__slug="certinia", entity="assignment").exists()
    return Office(people)


def shown(one: Transaction, step: str) -> str:
    """The status that the PSA showed when the step was read back."""
    return str(one.steps.get(name=step).values["status"])


def test_a_place_is_scheduled_with_the_rates_of_an_hour(office: Office) -> None:
    placed = office.tower.until(office.judged(office.place()), VERIFIED)
    assert shown(placed, "schedule") == "Scheduled"
    expected = placed.steps.get(name="judge").values
    assert (expected["rate"], expected["cost_rate"]) == ("148.5", "58.00")
    assert placed.correlation_id == office.deal.correlation_id


def test_a_place_nobody_can_fill_is_turned_down_in_the_psa_until_it_is_changed(
    office: Office,
) -> None:
    place = office.place(skills="Actuarial modelling")
    first = office.judged(place)
    stuck = office.tower.stuck(first)
    assert (stuck.name, stuck.field) == ("judge", "skills")
    assert shown(first, "turn-down") == "Rejected"
    office.tower.correct("pse__Assignment__c", place, Skills__c="Interviews")
    again = Transaction.objects.filter(process=STAFFING, keys__value=place).exclude(pk=first.pk)
    office.tower.play(again.exists)
    assert shown(office.tower.until(again[0], VERIFIED), "schedule") == "Scheduled"
    first.refresh_from_db()
    assert first.state == TransactionState.SUPERSEDED


def test_a_leaver_s_place_is_asked_about_again_when_hr_was_wrong(office: Office) -> None:
    office.hr.do("change", id=office.worker, fields={"Termination_Date": "2026-12-31"})
    placed = office.judged(office.place())
    stuck = office.tower.stuck(placed)
    assert (stuck.name, stuck.field) == ("judge", "to_date")
    assert "2026-12-31" in stuck.text
    office.hr.do("change", id=office.worker, fields={"Termination_Date": ""})
    plan = office.tower.replay(placed)
    by = office.tower.person("otto.brandt")
    replay.release(plan=plan, digest=plan.digest, by=by, now=timezone.now())
    office.tower.until(placed, VERIFIED)
    assert shown(placed, "schedule") == "Scheduled"


def test_the_hr_system_is_down_in_the_middle(office: Office) -> None:
    office.hr.order("down")
    placed = office.judged(office.place())

    def held_back() -> bool:
        office.tower.impatient()
        return System.objects.get(slug="workday").circuit == Circuit.OPEN

    office.tower.play(held_back)
    assert not placed.steps.get(name="worker").ref
    office.hr.clear()
    office.tower.until(placed, VERIFIED)
    assert shown(placed, "schedule") == "Scheduled"
