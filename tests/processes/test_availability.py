"""Whether somebody has the hours that a place asks for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from controltower.canonical.calendar import Calendar
from controltower.canonical.events import ABSENCE_CHANGED, CanonicalEvent
from controltower.canonical.records import Absence
from controltower.canonical.verdicts import Kind
from controltower.processes import absence_to_staffing as leaving
from controltower.processes import availability, catalogue
from controltower.processes import resource_to_revenue as staffing
from controltower.processes.definition import (
    Entity,
    Facts,
    Learn,
    Refuse,
    Result,
    Send,
    Skip,
)

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
CALENDAR = Calendar(zone="Europe/Berlin", own_days=frozenset({date(2026, 12, 24)}))
COMPANY = Entity(
    "LF-DE", "Larkfield GmbH", "DE", "EUR", "Europe/Berlin", timedelta(seconds=10),
    calendar=CALENDAR,
)  # fmt: skip
PLACE = {
    "source_id": "a0A", "project": "Rail review", "status": "Scheduled", "hours": "80",
    "from_date": "2026-12-07", "to_date": "2026-12-18", "rate": "100", "currency": "EUR",
}  # fmt: skip
WORKER = {"number": "LF-0011", "weekly_hours": "40"}


def off(first: str, last: str = "", hours: str = "0") -> dict[str, str]:
    return {"from_date": first, "to_date": last or first, "hours": hours}


def has(
    place: dict[str, Any], *absences: dict[str, str], **other: Any
) -> availability.Availability:
    worker = WORKER | {"weekly_hours": other.pop("weekly", "40")}
    places = [place, *other.pop("places", ())]
    return availability.of(place, worker, places=places, absences=absences, calendar=CALENDAR)


def refused(
    place: dict[str, Any], has: availability.Availability, tolerated: str = "8"
) -> Refuse | None:
    company = replace(COMPANY, staffing_tolerance=Decimal(tolerated))
    return availability.refusal("LF-0011", place, has, company)


def test_ten_working_days_are_eighty_hours() -> None:
    assert has(PLACE).hours == 80
    assert has(PLACE, weekly="30").hours == 60
    assert refused(PLACE, has(PLACE)) is None


def test_days_off_by_the_calendar_are_nobody_s_hours() -> None:
    week = PLACE | {"from_date": "2026-12-21", "to_date": "2026-12-25", "hours": "40"}
    assert len(has(week).days) == 4, "the firm is closed on the 24th"


@pytest.mark.parametrize(
    ("leave", "left"),
    [
        ([off("2026-12-07", "2026-12-08")], 64),
        ([off("2026-12-05", "2026-12-07")], 72),
        ([off("2026-12-07", hours="4")], 76),
        ([off("2026-12-07", hours="4"), off("2026-12-07", hours="4")], 72),
        ([off("2026-12-07", hours="8"), off("2026-12-07", hours="8")], 72),
        ([off("2026-12-07", "2026-12-08", hours="12")], 68),
        ([off("2026-12-12", "2026-12-13")], 80),
        ([off("2027-01-04")], 80),
    ],
    ids=str,
)
def test_leave_takes_working_days(leave: list[dict[str, str]], left: int) -> None:
    assert has(PLACE, *leave).hours == left


@pytest.mark.parametrize(
    ("other", "left"),
    [
        ({}, 0),
        ({"hours": "40"}, 40),
        ({"from_date": "2026-12-14", "to_date": "2026-12-25", "hours": "90"}, 30),
        ({"from_date": "2026-12-21", "to_date": "2026-12-25"}, 80),
        ({"status": "Tentative"}, 80),
        ({"to_date": None}, 80),
        ({"hours": "0"}, 80),
    ],
    ids=str,
)
def test_other_places_take_their_share_of_these_days(other: dict[str, Any], left: int) -> None:
    assert has(PLACE, places=[PLACE | {"source_id": "a0B"} | other]).hours == left


def test_the_tolerance_is_the_company_s() -> None:
    short = has(PLACE, off("2026-12-07"))
    assert refused(PLACE, short) is None
    found = refused(PLACE, short, "7.5")
    assert found is not None
    assert availability.missing(PLACE, short, Decimal("7.5")) == 8
    assert found.text == (
        "LF-0011 has 72 of the 80 hours that the place asks for from 2026-12-07 to 2026-12-18:"
        " 8 too few, 7.5 are tolerated. 10 working days of 8 hours are 80; leave takes 8"
        " (2026-12-07), other places take 0."
    )


def test_an_unplanned_place_cannot_be_worked_by_whoever_is_always_away() -> None:
    unplanned = PLACE | {"hours": "0"}
    away = has(unplanned, off("2026-12-01", "2026-12-31"))
    found = refused(unplanned, away)
    assert found is not None
    assert "on leave on each of the 10 working days" in found.text
    back = has(unplanned, off("2026-12-01", "2026-12-17"))
    assert refused(unplanned, back) is None


def facts(
    subject: dict[str, Any], *absences: dict[str, str], places: Any = (), **results: Any
) -> Facts:
    known = {
        "person": Result("003", {"number": "LF-0011"}),
        "worker": Result("w1", WORKER),
        "places": Result("LF-0011", {"places": list(places)}),
        "leave": Result("w1", {"absences": list(absences)}),
    }
    return Facts(
        correlation_id="ct-1", reference="CT-1", subject=subject | {"entity": "LF-DE"},
        items=(subject,), results=known | results, entities={"LF-DE": COMPANY}, decisions={},
        now=NOW,
    )  # fmt: skip


def test_a_place_is_turned_down_with_the_days_and_hours() -> None:
    place = PLACE | {"role": "Consultant", "skills": [], "status": "Tentative"}
    worker: dict[str, Any] = WORKER | {
        "status": "active", "role": "Consultant", "skills": [], "cost_rate": "58",
        "currency": "EUR", "from_date": "2020-01-01", "to_date": None,
    }  # fmt: skip
    given = facts(place, off("2026-12-07", "2026-12-09"), worker=Result("w1", worker))
    refused = staffing.judge(given)
    assert isinstance(refused, Refuse)
    assert (refused.kind, refused.field) == (Kind.VALIDATION, "hours")
    assert "24 too few" in refused.text
    assert "3 days from 2026-12-07 to 2026-12-09" in refused.text
    told = staffing.turn_down(given)
    assert isinstance(told, Send)
    assert (told.record["status"], told.record["reason"]) == ("Rejected", refused.text)


LEAVE = {
    "source_id": "t1", "resource_id": "w1", "kind": "Sickness", "approved": True,
    "from_date": "2026-12-10", "to_date": "2026-12-11", "hours": "16",
}  # fmt: skip


def test_leave_over_a_standing_place_needs_somebody_in_money() -> None:
    refused = leaving.judge(facts(LEAVE, off("2026-12-10", "2026-12-11", "16"), places=[PLACE]))
    assert isinstance(refused, Refuse)
    assert (refused.kind, refused.exposure) == (Kind.CONFLICT, "unstaffed")
    assert refused.worth == Decimal(1600)
    assert "“Rail review”" in refused.text
    assert "16 too few" in refused.text
    assert "Sickness" not in refused.text


def test_several_leaves_share_the_hours_that_are_short() -> None:
    one, other = off("2026-12-10", hours="8"), off("2026-12-11", hours="8")
    refused = leaving.judge(facts(LEAVE | one, one, other, places=[PLACE]))
    assert isinstance(refused, Refuse)
    assert refused.worth == Decimal(800)


@pytest.mark.parametrize(
    ("place", "leave"),
    [
        ({"status": "Tentative"}, off("2026-12-10", "2026-12-11")),
        ({"from_date": "2026-12-14"}, off("2026-12-10", "2026-12-11")),
        ({"hours": "72"}, off("2026-12-10", "2026-12-11")),
        ({"hours": "0", "to_date": None}, off("2026-12-10", "2026-12-11")),
        ({}, off("2026-12-10", hours="8")),
    ],
    ids=str,
)
def test_leave_that_leaves_room_needs_nobody(place: dict[str, Any], leave: dict[str, str]) -> None:
    assert isinstance(leaving.judge(facts(LEAVE, leave, places=[PLACE | place])), Learn)


def test_an_open_place_is_weighed_from_the_leave_on() -> None:
    long = PLACE | {"hours": "0", "from_date": "2025-01-01", "to_date": None}
    month = LEAVE | {"to_date": "2027-01-31"}
    refused = leaving.judge(facts(month, off("2026-12-10", "2027-01-31"), places=[long]))
    assert isinstance(refused, Refuse)
    assert "each of the 20 working days from 2026-12-10" in refused.text


def test_leave_that_is_over_or_of_nobody_s_company() -> None:
    over = facts(LEAVE | {"to_date": "2026-11-29"})
    assert isinstance(leaving.read_worker(over), Skip)
    strange = replace(facts(LEAVE), subject=LEAVE | {"entity": "XX"})
    refused = leaving.read_worker(strange)
    assert isinstance(refused, Refuse)
    assert refused.kind == Kind.REFERENCE_MISSING


def test_approved_leave_begins_it_and_names_nobody() -> None:
    record = Absence(
        source_id="t1", entity="LF-DE", resource_id="w1", kind="Sickness",
        from_date=date(2026, 12, 10), to_date=date(2026, 12, 11),
    )  # fmt: skip
    event = CanonicalEvent(
        id="e", type=ABSENCE_CHANGED, source="workday/absence", subject="absence:t1", time=NOW,
        version="1", record=record,
    )  # fmt: skip
    assert catalogue.started_by(event) is leaving.PROCESS
    opening = leaving.PROCESS.open(event, {"LF-DE": COMPANY}, NOW)
    assert (opening.title, opening.entity) == ("Leave 2026-12-10 to 2026-12-11", "LF-DE")
    assert opening.counterparty == ""
