"""By when a month must be complete: by the company's own working days, holidays and zone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from controltower.processes import catalogue, month_end_close, working_days
from controltower.processes.definition import Entity, month_of
from controltower.processes.month_end_close import Standing, close_of, recent_months

BERLIN = Entity("LF-DE", "Larkfield GmbH", "DE", "EUR", "Europe/Berlin", timedelta(hours=4))
NEW_YORK = replace(BERLIN, code="LF-US", country="US", zone="America/New_York")


@pytest.mark.parametrize(
    ("country", "month", "third"),
    [
        ("DE", date(2026, 12, 1), date(2026, 12, 3)),
        ("DE", date(2026, 1, 17), date(2026, 1, 6)),
        ("DE", date(2026, 5, 1), date(2026, 5, 6)),
        ("GB", date(2026, 5, 1), date(2026, 5, 6)),
        ("US", date(2026, 7, 1), date(2026, 7, 6)),
        ("XX", date(2026, 5, 1), date(2026, 5, 5)),
    ],
    ids=str,
)
def test_the_third_working_day_knows_weekends_and_holidays(
    country: str, month: date, third: date
) -> None:
    assert working_days.first_working(month, 3, country) == third


def test_working_days_are_counted_back_over_a_year_s_end() -> None:
    """Before the 5th of January: the 2nd, then the 31st, 30th and 29th of December."""
    assert working_days.moved(date(2026, 1, 5), -4, "DE") == date(2025, 12, 29)
    assert working_days.moved(date(2026, 1, 5), 0, "DE") == date(2026, 1, 5)


def test_a_cut_off_is_at_the_company_s_own_hour() -> None:
    berlin, new_york = close_of(BERLIN, "2026-10"), close_of(NEW_YORK, "2026-10")
    assert berlin.cut_off == datetime(2026, 11, 4, 17, 0, tzinfo=UTC)
    assert new_york.cut_off == datetime(2026, 11, 4, 23, 0, tzinfo=UTC)
    early = replace(BERLIN, cut_off_day=1, cut_off_time=time(9, 30))
    assert close_of(early, "2026-10").cut_off == datetime(2026, 11, 2, 8, 30, tzinfo=UTC)


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
