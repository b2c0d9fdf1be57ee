"""People of one company on the project of another: said, kept, and billed by nobody else."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from controltower.canonical.records import Project, TimeEntry
from controltower.canonical.wire import to_json
from controltower.processes import between_companies
from controltower.processes import time_to_cost_reporting as reporting
from controltower.processes.definition import Entity, Facts, Learn

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
PROJECT = Project(source_id="a0P", name="Rail review", entity="LF-DE", currency="EUR")


def recorded(employer: str, *, closed: frozenset[str] = frozenset()) -> Learn:
    company = Entity(
        "LF-DE", "Larkfield GmbH", "DE", "EUR", "Europe/Berlin", timedelta(seconds=10),
        closed_periods=closed,
    )  # fmt: skip
    work = to_json(
        TimeEntry(
            source_id="t1",
            number="TC-1",
            project=PROJECT,
            project_id="a0P",
            entity="LF-DE",
            billable=False,
            hours=Decimal("7.5"),
            on=date(2026, 10, 30),
            employer=employer,
        )
    )
    learned = reporting.record_cost(
        Facts(
            correlation_id="ct-1",
            reference="CT-1",
            subject=work | {"entity": "LF-DE"},
            items=(work,),
            results={},
            entities={"LF-DE": company},
            decisions={},
            now=NOW,
        )
    )
    assert isinstance(learned, Learn)
    return learned


def test_another_company_s_people_are_flagged() -> None:
    learned = recorded("LF-UK")
    assert learned.values["between_companies"] == {"LF-UK": "7.5"}
    assert learned.text == "Between companies: 7.5 hours of LF-UK for LF-DE."


@pytest.mark.parametrize("employer", ["LF-DE", ""])
def test_one_s_own_people_and_those_nobody_knows_of_are_not(employer: str) -> None:
    learned = recorded(employer)
    assert "between_companies" not in learned.values
    assert learned.text == ""


def test_a_cost_of_a_closed_month_is_said_to_be_entered_after_it() -> None:
    assert "has closed 2026-10" in recorded("LF-DE", closed=frozenset({"2026-10"})).text


def test_hours_add_up_by_employing_company() -> None:
    rows = [
        {"hours": "2", "employer": "LF-UK"},
        {"hours": "3.5", "employer": "LF-UK"},
        {"hours": "1", "employer": "LF-US"},
        {"amount": "10", "employer": "LF-US"},
    ]
    assert between_companies.lent(rows, "LF-DE") == {"LF-UK": "5.5", "LF-US": "1"}
