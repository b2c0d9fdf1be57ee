"""The clock of promises: days on which clocks change, holidays, ends of months, five zones."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from controltower.canonical.calendar import (
    AROUND_THE_CLOCK,
    Calendar,
    NeverOpen,
    public_holidays,
    spoken_month,
)
from controltower.canonical.promise import Counted, Promise

ZONES = {
    "Europe/Berlin": "DE",
    "Europe/London": "GB",
    "America/New_York": "US",
    "Australia/Lord_Howe": "AU",
    "Asia/Beirut": "",
}
"""Lord Howe changes its clocks by half an hour, Beirut at midnight."""
START = datetime(2024, 1, 1, tzinfo=UTC)
moments = some.timedeltas(timedelta(), timedelta(days=1826)).map(lambda since: START + since)
lengths = some.timedeltas(timedelta(), timedelta(hours=200))
zones = some.sampled_from(sorted(ZONES))
hours = some.tuples(some.integers(0, 23), some.integers(0, 24)).filter(lambda two: two[0] < two[1])


@some.composite
def calendars(draw: some.DrawFn) -> Calendar:
    zone, (opens, closes) = draw(zones), draw(hours)
    return Calendar(
        zone=zone,
        opens=time(opens),
        closes=time(closes % 24),
        weekdays=draw(some.frozensets(some.integers(0, 6), min_size=1)),
        country=ZONES[zone],
        own_days=draw(some.frozensets(some.dates(date(2024, 1, 1), date(2028, 1, 1)), max_size=9)),
    )


@given(calendars(), moments, lengths)
def test_what_is_added_has_passed(calendar: Calendar, start: datetime, length: timedelta) -> None:
    end = calendar.after(start, length)
    assert end >= start
    assert calendar.between(start, end) == length
    if length:
        before = end - timedelta(microseconds=1)
        assert calendar.between(start, before) < length


@given(calendars(), moments, lengths, lengths)
def test_it_does_not_matter_where_time_is_cut(
    calendar: Calendar, start: datetime, one: timedelta, other: timedelta
) -> None:
    middle, end = start + one, start + one + other
    whole = calendar.between(start, end)
    assert calendar.between(start, middle) + calendar.between(middle, end) == whole
    assert timedelta() <= whole <= end - start
    assert calendar.between(end, start) == -whole


@given(zones, moments, lengths)
def test_around_the_clock_is_elapsed_time(zone: str, start: datetime, length: timedelta) -> None:
    always = Calendar(zone, time(), time(), frozenset(range(7)))
    for calendar in (always, AROUND_THE_CLOCK):
        assert calendar.after(start, length) == start + length
        assert calendar.between(start, start + length) == length


@given(calendars(), moments, some.integers(0, 9))
def test_days_end_at_midnight_and_follow_each_other(
    calendar: Calendar, start: datetime, days: int
) -> None:
    end = calendar.end_of_day(start, days, working=True)
    last = (end.astimezone(ZoneInfo(calendar.zone)) - timedelta(microseconds=1)).date()
    assert start < end
    assert days == 0 or calendar.works_on(last)
    assert end < calendar.end_of_day(start, days + 1, working=True)
    assert calendar.end_of_day(start, days, working=False) <= end


@given(calendars(), moments, lengths, lengths)
def test_a_pause_takes_nothing_from_a_promise(
    calendar: Calendar, start: datetime, before: timedelta, pause: timedelta
) -> None:
    for counted in (Counted.ELAPSED, Counted.WORKING):
        promise = Promise(counted, 20_000)
        due = promise.due(start, calendar)
        left = promise.left(start + before, due, calendar)
        resumed = promise.resumed(start + before + pause, left, calendar)
        assert promise.left(start + before + pause, resumed, calendar) == left
        assert resumed >= due


def office(zone: str = "Europe/Berlin", country: str = "DE", **more: object) -> Calendar:
    return Calendar(zone, time(9), time(17), country=country, **more)  # type: ignore[arg-type]


def at(text: str, zone: str = "Europe/Berlin") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("calendar", "start", "working_hours", "end"),
    [
        (office(), at("2026-11-20T16:00"), 4, at("2026-11-23T12:00")),
        (office(), at("2026-12-24T16:00"), 2, at("2026-12-28T10:00")),
        (office(), at("2026-10-02T16:30"), 1, at("2026-10-05T09:30")),
        (office(), at("2026-01-30T16:00"), 8, at("2026-02-02T16:00")),
        (office(), at("2028-02-29T16:00"), 8, at("2028-03-01T16:00")),
        (
            office("America/New_York", "US"),
            at("2026-11-25T16:00", "America/New_York"),
            2,
            at("2026-11-27T10:00", "America/New_York"),
        ),
        (
            office("Europe/London", "GB", own_days=frozenset({date(2026, 11, 23)})),
            at("2026-11-20T16:00", "Europe/London"),
            2,
            at("2026-11-24T10:00", "Europe/London"),
        ),
    ],
    ids=["weekend", "christmas", "unity day", "month end", "leap day", "thanksgiving", "own day"],
)
def test_hours_that_people_would_count(
    calendar: Calendar, start: datetime, working_hours: int, end: datetime
) -> None:
    assert calendar.after(start, timedelta(hours=working_hours)) == end


@pytest.mark.parametrize(
    ("night", "length"), [("2026-03-29", 7), ("2026-10-25", 9)], ids=["spring", "autumn"]
)
def test_a_night_shift_over_the_change_of_clocks_is_as_long_as_it_was(
    night: str, length: int
) -> None:
    """In Berlin the hour from two to three is left out in spring and comes twice in autumn."""
    nights = Calendar("Europe/Berlin", time(0), time(8), frozenset(range(7)))
    opens, closes = nights.hours(date.fromisoformat(night))
    assert closes - opens == timedelta(hours=length)
    assert nights.between(opens, closes) == timedelta(hours=length)


def test_what_comes_after_the_cut_off_is_of_the_next_working_day() -> None:
    calendar = office(cut_off=time(15))
    before, after = at("2026-11-20T15:00"), at("2026-11-20T15:01")
    assert calendar.end_of_day(before, 0, working=True) == at("2026-11-21T00:00")
    assert calendar.end_of_day(after, 0, working=True) == at("2026-11-24T00:00")
    assert calendar.end_of_day(before, 1, working=True) == at("2026-11-24T00:00")


def test_a_firm_that_never_works_is_told_so() -> None:
    for closed in (Calendar(weekdays=frozenset()), Calendar(opens=time(9), closes=time(9))):
        with pytest.raises(NeverOpen):
            closed.after(datetime(2026, 1, 1, tzinfo=UTC), timedelta(hours=1))


def test_a_warning_comes_before_the_end() -> None:
    start = at("2026-11-20T16:00")
    promise = Promise(Counted.WORKING, 8 * 60, warn_at=75)
    due = promise.due(start, office())
    assert due == at("2026-11-23T16:00")
    assert promise.warns(start, due, office()) == at("2026-11-23T14:00")
    assert promise.left(at("2026-11-23T17:30"), due, office()) == -timedelta(hours=1)


@pytest.mark.parametrize(
    ("country", "month", "third"),
    [
        ("DE", date(2026, 11, 1), date(2026, 12, 3)),
        ("DE", date(2025, 12, 17), date(2026, 1, 6)),
        ("DE", date(2026, 4, 1), date(2026, 5, 6)),
        ("GB", date(2026, 4, 1), date(2026, 5, 6)),
        ("US", date(2026, 6, 1), date(2026, 7, 6)),
        ("", date(2026, 4, 1), date(2026, 5, 5)),
    ],
    ids=str,
)
def test_a_month_ends_on_the_third_working_day_of_the_next(
    country: str, month: date, third: date
) -> None:
    assert Calendar(country=country).month_end(month) == third


def test_working_days_are_counted_back_over_a_year_s_end() -> None:
    """Before the 5th of January: the 2nd, then the 31st, 30th and 29th of December."""
    days = Calendar(country="DE")
    assert days.moved(date(2026, 1, 5), -4) == date(2025, 12, 29)
    assert days.moved(date(2026, 1, 3), 0) == date(2026, 1, 3)


@given(calendars(), some.dates(date(2024, 1, 1), date(2028, 1, 1)), some.integers(1, 20))
def test_working_days_there_and_back(calendar: Calendar, day: date, by: int) -> None:
    on = calendar.moved(day, 1)
    assert calendar.moved(calendar.moved(on, by), -by) == on


def test_a_years_holidays_are_worked_out_once() -> None:
    """A promise asks for each day that it counts."""
    assert public_holidays("DE", "BE", 2026) is public_holidays("DE", "BE", 2026)


@pytest.mark.parametrize(
    ("period", "spoken"),
    [("2026-11", "November 2026"), ("2026-13", "2026-13"), ("2026-W14", "2026-W14"), ("", "")],
)
def test_a_month_is_spoken_and_what_is_none_is_said_as_it_is(period: str, spoken: str) -> None:
    assert spoken_month(period) == spoken
