"""Instants at which clocks and calendars jump, through every rule that knows a day or a month."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from controltower.canonical.events import TIMESHEET_APPROVED, CanonicalEvent
from controltower.canonical.records import Project, TimeEntry
from controltower.measures.exposure import midnight_after
from controltower.measures.flow import start_of_day
from controltower.processes import approved_work, checked_deal, checked_work
from controltower.processes import time_and_expense_to_billing as billing
from controltower.processes import time_to_cost_reporting as cost
from controltower.processes.definition import Entity, Facts, Refuse

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "America/Havana",  # goes back over midnight
    "America/Santiago",  # leaves midnight out
    "Asia/Kathmandu",  # five hours and three quarters ahead
    "Pacific/Kiritimati",  # fourteen hours ahead
)
TURNS = (
    "2026-03-29T01:00:00",  # Berlin's clocks go forward
    "2026-10-25T01:00:00",  # and back
    "2026-03-08T07:00:00",  # New York's go forward
    "2026-11-01T06:00:00",  # and back
    "2026-03-08T05:00:00",  # Havana's go forward at midnight
    "2026-11-01T05:00:00",  # and back to midnight
    "2026-09-06T04:00:00",  # Santiago has no midnight
    "2026-04-05T03:00:00",  # and an hour twice before one
    "2026-11-30T23:00:00",  # month's end in Berlin
    "2026-12-31T10:00:00",  # year's end in Kiritimati
    "2027-01-01T00:00:00",
    "2028-02-28T23:00:00",  # before a leap day
    "2028-02-29T23:00:00",
    "2100-02-28T23:59:59",  # no leap year
)
NUDGES = tuple(timedelta(seconds=one) for one in (-3600, -1, 0, 1, 1800, 3600, 5400))
INSTANTS = [
    datetime.fromisoformat(turn).replace(tzinfo=UTC) + by for turn in TURNS for by in NUDGES
]
WINDOW = timedelta(hours=4)
OUTSIDE = (date.max, date.min, date(1999, 12, 31), date(2200, 1, 1))


def entity(zone: str, *closed: str) -> Entity:
    return Entity("LF", "Larkfield", "DE", "EUR", zone, WINDOW, frozenset(closed))


def work(on: date | None, grouping: str = "Month") -> TimeEntry:
    project = Project(source_id="P", name="Rail", entity="LF", customer_id="C", customer_name="M",
                      currency="EUR", billing_grouping=grouping, correlation_id="ct-1")  # fmt: skip
    return TimeEntry(source_id="T", number="TC-1", project=project, project_id="P", on=on,
                     currency="EUR", amount=Decimal(10), hours=Decimal(1))  # fmt: skip


@pytest.mark.parametrize("zone", ZONES)
def test_a_day_begins_once_and_ends_where_the_next_begins(zone: str) -> None:
    local = ZoneInfo(zone)
    for now in INSTANTS:
        today = entity(zone).today(now)
        begin, end = start_of_day(now, zone), midnight_after(now, zone)
        # aware times of one zone compare by the wall: only in UTC is it time that is compared
        first, after = begin.astimezone(UTC), end.astimezone(UTC)
        moment = timedelta(microseconds=1)
        assert first <= now < after, (zone, now)
        assert (first - moment).astimezone(local).date() == today - timedelta(days=1)
        assert (first.astimezone(local).date(), (after - moment).astimezone(local).date()) == (
            today,
            today,
        )
        assert after.astimezone(local).date() == today + timedelta(days=1)
        assert timedelta(hours=23) <= after - first <= timedelta(hours=25)


@pytest.mark.parametrize("grouping", ["Month", "Contract"])
@pytest.mark.parametrize("zone", ZONES)
def test_a_month_is_gathered_until_it_is_over_where_it_is_billed(zone: str, grouping: str) -> None:
    local = ZoneInfo(zone)
    for now in INSTANTS:
        today = entity(zone).today(now)
        until = approved_work.gathers_until(work(today, grouping), entity(zone), now)
        until = until.astimezone(UTC)
        before = (until - timedelta(microseconds=1)).astimezone(local).date()
        assert until >= now + WINDOW
        if until > now + WINDOW:
            assert (before.year, before.month) == (today.year, today.month)
            assert until.astimezone(local).date().day == 1
        assert (
            approved_work.gathers_until(work(today, "Project"), entity(zone), now) == now + WINDOW
        )


@pytest.mark.parametrize(
    ("on", "ends"),
    [
        (date(2028, 2, 29), "2028-03-01"),
        (date(2100, 2, 28), "2100-03-01"),
        (date(2026, 12, 31), "2027-01-01"),
        (date(2026, 1, 31), "2026-02-01"),
        (date(2199, 12, 31), "2200-01-01"),
    ],
)
def test_what_follows_a_month(on: date, ends: str) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    until = approved_work.gathers_until(work(on), entity("Europe/Berlin"), now)
    assert until == datetime.combine(date.fromisoformat(ends), time(), ZoneInfo("Europe/Berlin"))


def test_closed_months_are_passed_over_across_the_year() -> None:
    shut = entity("Europe/Berlin", "2026-11", "2026-12", "2027-01")
    assert shut.first_open_day(date(2026, 11, 30)) == date(2027, 2, 1)
    assert shut.first_open_day(date(2028, 2, 29)) == date(2028, 2, 29)


@pytest.mark.parametrize("on", OUTSIDE)
def test_a_date_of_another_age_is_refused_in_words(on: date) -> None:
    now, home = INSTANTS[0], entity("Pacific/Kiritimati")
    event = CanonicalEvent(id="1", type=TIMESHEET_APPROVED, source="psa", subject="T", time=now,
                           version="1", record=work(on))  # fmt: skip
    opening = billing.open_billing(event, {"LF": home}, now)
    assert (opening.group, opening.gather_until) == ("", None)
    assert cost.open_cost(event, {"LF": home}, now).due
    item = {"number": "TC-1", "currency": "EUR", "amount": "10", "hours": "1", "on": f"{on}",
            "project": {"currency": "EUR", "correlation_id": "ct-1", "entity": "LF"}}  # fmt: skip
    deal = {"entity": "LF", "currency": "EUR", "amount": "10", "customer_id": "C",
            "close_date": f"{on}"}  # fmt: skip
    known = Facts("ct-1", "CT-1", deal, (item,), {}, {"LF": home}, {}, now)
    for rule in (checked_work.check, cost.record_cost, checked_deal.check):
        refused = rule(known)
        assert isinstance(refused, Refuse) and "which no accounting period" in refused.text
    sound = replace(known, items=({**item, "on": "2026-11-22"},))
    assert not isinstance(cost.record_cost(sound), Refuse)
