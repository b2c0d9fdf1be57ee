"""Availability: how many hours of a span somebody has for a place, and what takes the others.

By the contract's weekly hours, the company's calendar, approved leave, and what the person is
scheduled for elsewhere. Why somebody is on leave is nobody's business here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from controltower.canonical.calendar import Calendar
from controltower.canonical.verdicts import Kind
from controltower.processes.definition import Entity, Refuse

SCHEDULED = "Scheduled"
HORIZON = timedelta(days=28)
"""How far ahead leave is weighed for a place without an end."""
NOTHING = Decimal(0)
_TENTH, _HUNDREDTH = Decimal("0.1"), Decimal("0.01")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Availability:
    """What somebody has of a span. `days` are its working days and `away` those of them that are
    leave altogether; `day_hours` a day's hours by contract, zero where nobody knows; `leave` and
    `placed` the hours that are gone, `placed` by other places."""

    days: Sequence[date]
    away: Sequence[date]
    day_hours: Decimal
    leave: Decimal
    placed: Decimal

    @property
    def hours(self) -> Decimal:
        """How many are left, less than zero where more is promised than there is."""
        return self.day_hours * len(self.days) - self.leave - self.placed


def span_of(place: Row) -> tuple[date, date] | None:
    """The first and the last day on which a place is weighed; None where it has no beginning."""
    first, last = _day(place.get("from_date")), _day(place.get("to_date"))
    return (first, last or first + HORIZON) if first else None


def of(
    place: Row, worker: Row, *, places: Sequence[Row], absences: Sequence[Row], calendar: Calendar
) -> Availability:
    """What the worker has of the place's span, beside other `places` and `absences`."""
    span = span_of(place)
    days = _working_days(span, calendar) if span else []
    day_hours = Decimal(str(worker.get("weekly_hours") or 0)) / max(len(calendar.weekdays), 1)
    leave = _leave(absences, day_hours, calendar)
    others = [one for one in places if one["source_id"] != place["source_id"]]
    return Availability(
        days=days,
        away=[day for day in days if leave.get(day, NOTHING) >= day_hours and day in leave],
        day_hours=day_hours,
        leave=_rounded(min(leave.get(day, NOTHING), day_hours) for day in days),
        placed=_rounded(_within(one, days, calendar) for one in others),
    )


def missing(place: Row, has: Availability, tolerated: Decimal) -> Decimal:
    """How many hours too few a place's person `has`, nothing up to what is tolerated. What is not
    planned in hours can only be seen to be impossible where leave takes every day of it."""
    wanted = Decimal(str(place.get("hours") or 0))
    if has.days and len(has.away) == len(has.days):
        return wanted or has.leave
    short = wanted - has.hours
    is_planned = wanted and has.day_hours and has.days and place.get("to_date")
    return short if is_planned and short > tolerated else NOTHING


def refusal(number: str, place: Row, has: Availability, entity: Entity) -> Refuse | None:
    """Why a place cannot be filled by whoever `has` that; None where it can."""
    short = missing(place, has, entity.staffing_tolerance)
    if not short:
        return None
    since, until, days = has.days[0], has.days[-1], len(has.days)
    if len(has.away) == days:
        text = f"{number} is on leave on each of the {days} working days from {since} to {until}."
        return Refuse(Kind.VALIDATION, text, "hours")
    wanted, tolerated = told(short + has.hours), told(entity.staffing_tolerance)
    text = (
        f"{number} has {told(has.hours)} of the {wanted} hours that the place asks for from"
        f" {since} to {until}: {told(short)} too few, {tolerated} are tolerated."
        f" {days} working days of {told(has.day_hours)} hours are {told(has.day_hours * days)};"
        f" leave takes {told(has.leave)}{_when(has.away)}, other places take {told(has.placed)}."
    )
    return Refuse(Kind.VALIDATION, text, "hours")


def told(hours: Decimal) -> str:
    """Hours as people say them: to a tenth, without empty digits."""
    rounded = hours.quantize(_TENTH, ROUND_HALF_UP)
    return f"{rounded:f}".removesuffix(".0")


def _rounded(hours: Iterable[Decimal]) -> Decimal:
    """Their sum to a hundredth: parts of an hour that do not divide evenly have no end."""
    return sum(hours, NOTHING).quantize(_HUNDREDTH, ROUND_HALF_UP)


def _when(away: Sequence[date]) -> str:
    if not away:
        return ""
    first, last = away[0], away[-1]
    return f" ({first})" if first == last else f" ({len(away)} days from {first} to {last})"


def _leave(
    absences: Sequence[Row], day_hours: Decimal, calendar: Calendar
) -> Mapping[date, Decimal]:
    """Hours of leave by working day. What is told in days takes them whole."""
    found: dict[date, Decimal] = {}
    for one in absences:
        first, last = _day(one["from_date"]), _day(one["to_date"])
        days = _working_days((first, last), calendar) if first and last else []
        hours = Decimal(str(one.get("hours") or 0))
        for day in days:
            found[day] = found.get(day, NOTHING) + (hours / len(days) if hours else day_hours)
    return found


def _within(place: Row, days: Sequence[date], calendar: Calendar) -> Decimal:
    """What another place takes of these days: its hours are spread evenly over its own. Only what
    is scheduled counts, and what nobody has planned in hours cannot."""
    span, hours = span_of(place), Decimal(str(place.get("hours") or 0))
    if place["status"] != SCHEDULED or not span or not hours or not place.get("to_date"):
        return NOTHING
    own = _working_days(span, calendar)
    return hours * len(set(own) & set(days)) / len(own) if own else NOTHING


def _working_days(span: tuple[date, date], calendar: Calendar) -> list[date]:
    first, last = span
    every = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [day for day in every if calendar.works_on(day)]


def _day(value: Any) -> date | None:
    return date.fromisoformat(str(value)) if value else None
