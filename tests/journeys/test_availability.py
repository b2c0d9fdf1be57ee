"""Somebody is placed where they have the hours, and asked about where leave takes them later."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from controltower.canonical.calendar import Calendar
from controltower.systems.models import Feed
from controltower.transactions.models import InboundEvent, Transaction, TransactionState
from controltower.transactions.world import entities
from tests.journeys.test_resource_master import People, people
from tests.journeys.test_resource_to_revenue import STAFFING, Office, office, shown

__all__ = ["office", "people"]
LEAVE = "absence-to-staffing"
VERIFIED, SUPERSEDED = TransactionState.VERIFIED, TransactionState.SUPERSEDED


def weeks(office: Office, calendar: Calendar) -> tuple[list[date], str]:
    """The working days of a place of two weeks, and its last day; it begins with the project."""
    begins = date.fromisoformat(str(office.deal.steps.get(name="project").values["start_date"]))
    ends = begins + timedelta(days=13)
    days = [begins + timedelta(days=n) for n in range(14)]
    return [day for day in days if calendar.works_on(day)], ends.isoformat()


@pytest.fixture
def calendar() -> Calendar:
    return entities()["LF-DE"].calendar


def test_a_place_over_approved_leave_is_turned_down_until_it_is_withdrawn(
    office: Office, calendar: Calendar
) -> None:
    days, end = weeks(office, calendar)
    off = [office.hr.do("take_off", id=office.worker, on=f"{on}")["id"] for on in days[1:4]]
    first = office.judged(place := office.place(end=end, hours=str(8 * len(days))))
    stuck = office.tower.stuck(first)
    assert (stuck.name, stuck.field) == ("judge", "hours")
    assert "24 too few, 8 are tolerated" in stuck.text
    assert f"3 days from {days[1]} to {days[3]}" in stuck.text
    assert shown(first, "turn-down") == "Rejected"
    for one in off[1:]:
        office.hr.do("change_day", id=one, fields={"Status": "Canceled"})
    office.tower.correct("pse__Assignment__c", place, Skills__c="Interviews")
    again = Transaction.objects.filter(process=STAFFING, keys__value=place).exclude(pk=first.pk)
    office.tower.play(again.exists)
    placed = office.tower.until(again[0], VERIFIED)
    assert shown(placed, "schedule") == "Scheduled", "a day of leave is tolerated"


def test_nobody_is_placed_twice_for_the_same_hours(office: Office, calendar: Calendar) -> None:
    days, end = weeks(office, calendar)
    whole = str(8 * len(days))
    office.tower.until(office.judged(office.place(end=end, hours=whole)), VERIFIED)
    stuck = office.tower.stuck(office.judged(office.place(end=end, hours=whole)))
    assert f"other places take {whole}" in stuck.text


def test_leave_over_a_standing_place_is_asked_about_in_money_and_heals(
    office: Office, calendar: Calendar
) -> None:
    days, end = weeks(office, calendar)
    placed = office.judged(office.place(end=end, hours=str(8 * len(days))))
    office.tower.until(placed, VERIFIED)
    ahead = [day for day in days if day > timezone.now().date()]

    def leave(on: date) -> str:
        return str(office.hr.do("take_off", id=office.worker, on=f"{on}")["id"])

    tolerated = office.tower.until(office.tower.of("absence", leave(ahead[0]), LEAVE), VERIFIED)
    second = leave(ahead[1])
    stuck = office.tower.stuck(collides := office.tower.of("absence", second, LEAVE))
    assert (stuck.name, stuck.field) == ("judge", "from_date")
    collides.refresh_from_db()
    rate = Decimal(str(placed.subject["rate"]))
    assert (collides.exposure, collides.amount) == ("unstaffed", 8 * rate)
    assert collides.entity and collides.entity.code == "LF-DE"
    assert "Vacation" not in stuck.text
    office.hr.do("change_day", id=second, fields={"Status": "Canceled"})

    def healed() -> bool:
        collides.refresh_from_db()
        return collides.state == SUPERSEDED

    office.tower.play(healed)
    assert tolerated.state == VERIFIED


def test_a_place_that_is_cancelled_is_never_scheduled_again(office: Office) -> None:
    place = office.place(skills="Actuarial modelling")
    first = office.judged(place)
    office.tower.stuck(first)
    office.tower.correct("pse__Assignment__c", place, pse__Status__c="Cancelled")

    def over() -> bool:
        first.refresh_from_db()
        return first.state == SUPERSEDED

    office.tower.play(over)
    office.tower.correct("pse__Assignment__c", place, Skills__c="Interviews")
    told = InboundEvent.objects.filter(subject=f"assignment:{place}")
    office.tower.play(lambda: told.filter(state="accepted").count() == 3)
    shows = office.tower.org.control.books("pse__Assignment__c")
    assert [one["pse__Status__c"] for one in shows if one["Id"] == place] == ["Cancelled"]
    assert Transaction.objects.filter(process=STAFFING, keys__value=place).count() == 1


def test_the_other_hr_system_s_leave_is_weighed_as_well(people: People) -> None:
    assert Feed.objects.filter(system__slug="bamboohr", entity="absence").exists()
    employee = str(people.bamboo.do("hire")["id"])
    people.synced(employee)
    soon = timezone.now().date() + timedelta(days=7)
    asked = people.bamboo.do("take_off", id=employee, start=f"{soon}", end=f"{soon}")["id"]
    leave = people.tower.until(people.tower.of("absence", str(asked), LEAVE), VERIFIED)
    assert leave.entity and leave.entity.code == "LF-US"
