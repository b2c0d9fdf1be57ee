"""A place on a project: who may have it, and why not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from controltower.canonical.events import ASSIGNMENT_CHANGED, CanonicalEvent
from controltower.canonical.records import Assignment, Project, Resource, ResourceStatus
from controltower.canonical.verdicts import Kind
from controltower.canonical.wire import to_json
from controltower.processes import catalogue
from controltower.processes import resource_to_revenue as staffing
from controltower.processes.definition import Entity, Facts, Learn, Refuse, Result, Send, Skip

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
BERLIN = Entity("LF-DE", "Larkfield GmbH", "DE", "EUR", "Europe/Berlin", timedelta(seconds=10))
PLACE = Assignment(
    source_id="a0A",
    entity="LF-DE",
    project=Project(source_id="a0P", name="Rail review", customer_name="Nordbahn"),
    project_id="a0P",
    resource_id="003",
    role="Consultant",
    skills=("Interviews",),
    from_date=date(2026, 12, 1),
    to_date=date(2027, 3, 31),
    rate=Decimal("148.50"),
    currency="EUR",
)
WORKER = Resource(
    source_id="w1",
    number="LF-0011",
    name="Malin Rothbach",
    entity="LF-DE",
    role="Consultant",
    skills=("Data modelling", "interviews"),
    cost_rate=Decimal("58.00"),
    currency="EUR",
    from_date=date(2020, 1, 1),
)
PERSON = {"number": "LF-0011", "hr_id": "w1", "entity": "LF-DE", "active": True}


def facts(place: Assignment = PLACE, worker: Resource = WORKER, **person: Any) -> Facts:
    subject = to_json(place)
    results = {
        "person": Result("003", PERSON | person),
        "worker": Result("w1", to_json(worker)),
    }
    return Facts(
        correlation_id="ct-1",
        reference="CT-1",
        subject=subject,
        items=(subject,),
        results=results,
        entities={BERLIN.code: BERLIN},
        decisions={},
        now=NOW,
    )


def test_an_assignment_starts_it_and_names_nobody() -> None:
    event = CanonicalEvent(
        id="e", type=ASSIGNMENT_CHANGED, source="certinia/assignment", subject="assignment:a0A",
        time=NOW, version="1", record=PLACE,
    )  # fmt: skip
    assert catalogue.started_by(event) is staffing.PROCESS
    opening = staffing.PROCESS.open(event, {BERLIN.code: BERLIN}, NOW)
    assert (opening.title, opening.counterparty) == ("Place on Rail review", "Nordbahn")
    nobodys = replace(PLACE, resource_id="")
    nowhere = replace(PLACE, project=None)
    for other in (nobodys, nowhere):
        assert catalogue.started_by(replace(event, record=other)) is None


def test_whoever_fits_is_scheduled_with_the_rates_of_an_hour() -> None:
    assert isinstance(staffing.turn_down(facts()), Skip)
    judged = staffing.judge(facts())
    assert isinstance(judged, Learn)
    assert (judged.values["rate"], judged.values["cost_rate"]) == ("148.50", "58.00")
    placed = staffing.schedule(facts())
    assert isinstance(placed, Send)
    assert placed.record["status"] == "Scheduled"
    assert placed.record["cost_rate"] == "58.00"


def test_a_cost_in_another_currency_is_left_to_the_psa() -> None:
    placed = staffing.schedule(facts(replace(PLACE, currency="USD", rate=Decimal(50))))
    assert isinstance(placed, Send)
    assert "cost_rate" not in placed.record


@pytest.mark.parametrize(
    ("person", "kind", "words"),
    [
        ({"active": False}, Kind.VALIDATION, "cannot be staffed any more"),
        ({"entity": "LF-UK"}, Kind.VALIDATION, "employed by LF-UK"),
        ({"entity": ""}, Kind.VALIDATION, "no company of ours"),
        ({"hr_id": ""}, Kind.REFERENCE_MISSING, "no HR record"),
    ],
    ids=str,
)
def test_whom_the_hr_system_cannot_be_asked_about(
    person: dict[str, Any], kind: Kind, words: str
) -> None:
    refused = staffing.read_worker(facts(**person))
    assert isinstance(refused, Refuse)
    assert refused.kind == kind
    assert words in refused.text


@pytest.mark.parametrize(
    ("place", "worker", "field", "words"),
    [
        ({}, {"status": ResourceStatus.LEFT}, "resource_id", "has left"),
        ({}, {"from_date": date(2026, 12, 2)}, "from_date", "joins on 2026-12-02"),
        ({}, {"to_date": date(2027, 3, 30)}, "to_date", "until 2027-03-31"),
        ({"to_date": None}, {"to_date": date(2027, 3, 31)}, "to_date", "without an end"),
        ({"skills": ("Interviews", "Law")}, {}, "skills", "asks for Law"),
        ({"role": "Manager"}, {}, "role", "placed as Manager"),
        ({"rate": Decimal(0)}, {}, "rate", "no rate"),
        ({"rate": Decimal("58.00")}, {}, "rate", "costs 58.00 EUR"),
    ],
    ids=str,
)
def test_why_somebody_cannot_have_the_place(
    place: dict[str, Any], worker: dict[str, Any], field: str, words: str
) -> None:
    given = facts(replace(PLACE, **place), replace(WORKER, **worker))
    refused = staffing.judge(given)
    assert isinstance(refused, Refuse)
    assert (refused.kind, refused.field) == (Kind.VALIDATION, field)
    assert words in refused.text
    assert "Malin" not in refused.text
    told = staffing.turn_down(given)
    assert isinstance(told, Send)
    assert (told.record["status"], told.record["reason"]) == ("Rejected", refused.text)


@pytest.mark.parametrize(
    ("place", "worker"),
    [
        ({}, {"to_date": date(2027, 3, 31)}),
        ({}, {"from_date": date(2026, 12, 1)}),
        ({"skills": ()}, {"skills": ()}),
        ({"rate": Decimal("58.01")}, {}),
    ],
    ids=str,
)
def test_at_the_edge_somebody_still_fits(place: dict[str, Any], worker: dict[str, Any]) -> None:
    given = facts(replace(PLACE, **place), replace(WORKER, **worker))
    assert isinstance(staffing.judge(given), Learn)


@pytest.mark.parametrize(
    ("last", "field"),
    [(date(2027, 3, 31), ""), (date(2027, 3, 30), "to_date"), (None, "resource_id")],
)
def test_whoever_has_given_notice_works_until_the_last_day(last: date | None, field: str) -> None:
    """An HR system says "left" as soon as that is known, with the day to come."""
    leaver = replace(WORKER, status=ResourceStatus.LEFT, to_date=last)
    fault = staffing.fault_of(facts(worker=leaver))
    assert (fault.field if fault else "") == field
