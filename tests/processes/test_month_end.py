"""By when a month must be complete: by the company's own working days, holidays and zone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from controltower.canonical.calendar import Calendar
from controltower.processes import catalogue, month_end_close
from controltower.processes.definition import Entity, month_of
from controltower.processes.month_end_close import Standing, close_of, recent_months

IN_BERLIN, IN_NEW_YORK = Calendar("Europe/Berlin", country="DE"), Calendar("America/New_York")
BERLIN = Entity(
    "LF-DE", "Larkfield GmbH", "DE", "EUR", "Europe/Berlin", timedelta(hours=4), calendar=IN_BERLIN
)
NEW_YORK = replace(BERLIN, code="LF-US", zone="America/New_York", calendar=IN_NEW_YORK)


def test_a_cut_off_is_at_the_company_s_own_hour() -> None:
    berlin, new_york = close_of(BERLIN, "2026-10"), close_of(NEW_YORK, "2026-10")
    assert berlin.cut_off == datetime(2026, 11, 4, 17, 0, tzinfo=UTC)
    assert new_york.cut_off == datetime(2026, 11, 4, 23, 0, tzinfo=UTC)
    days = replace(IN_BERLIN, month_day=1, month_time=time(9, 30))
    early = replace(BERLIN, calendar=days)
    assert close_of(early, "2026-10").cut_off == datetime(2026, 11, 2, 8, 30, tzinfo=UTC)


def test_the_firm_s_own_days_off_move_the_cut_off() -> None:
    own = replace(IN_BERLIN, own_days=frozenset({date(2026, 11, 3)}))
    close = close_of(replace(BERLIN, calendar=own), "2026-10")
    assert close.cut_off == datetime(2026, 11, 5, 17, 0, tzinfo=UTC)


def test_a_surge_is_three_working_days_to_either_side_whole_days() -> None:
    close = close_of(BERLIN, "2026-10")
    assert close.surges_from == datetime(2026, 10, 29, 23, 0, tzinfo=UTC)
    assert close.surges_until == datetime(2026, 11, 9, 23, 0, tzinfo=UTC)
    assert close.surges_from < close.cut_off < close.surges_until


def test_where_a_month_stands() -> None:
    close = close_of(BERLIN, "2026-10")
    before, moment = close.surges_from - timedelta(seconds=1), timedelta(seconds=1)
    standing = close.standing
    assert standing(closed=False, now=before) is Standing.OPEN
    assert standing(closed=False, now=close.surges_from) is Standing.CLOSING
    assert standing(closed=False, now=close.cut_off - moment) is Standing.CLOSING
    assert standing(closed=False, now=close.cut_off) is Standing.OVERDUE
    assert standing(closed=True, now=close.cut_off) is Standing.CLOSED
    assert standing(closed=True, now=before) is Standing.CLOSED


def test_the_present_month_is_the_company_s_own() -> None:
    eve = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    assert recent_months(BERLIN, eve, 1) == ["2027-01", "2026-12"]
    assert recent_months(NEW_YORK, eve, 2) == ["2026-12", "2026-11", "2026-10"]


@pytest.mark.parametrize(
    ("on", "month"),
    [(date(2026, 2, 28), "2026-02"), (date(1026, 2, 28), ""), (None, "")],
    ids=str,
)
def test_the_month_of_a_day(on: date | None, month: str) -> None:
    assert month_of(on) == month


def test_each_milestone_is_watched_by_one() -> None:
    names = [milestone.name for watch in catalogue.WATCHES for milestone in watch.milestones]
    assert len(names) == len(set(names))
    watch, milestone = catalogue.watched("before-cut-off")
    assert (watch, milestone) == (month_end_close.WATCH, month_end_close.BEFORE_CUT_OFF)
    with pytest.raises(KeyError):
        catalogue.watched("nothing")
