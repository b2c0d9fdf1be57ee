"""How much of what people could have worked was approved as worked, of the last four weeks, and
how long after a week that is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from statistics import median
from zoneinfo import ZoneInfo

from django.utils.translation import ngettext

from controltower.measures import utilised
from controltower.measures.exposure import Scope, transactions
from controltower.measures.kpis.margin import FEWEST
from controltower.measures.kpis.measure import Reading, Window, share
from controltower.measures.promises import DAYS
from controltower.measures.utilised import A_DAY, LENGTH, People, Worked, Worker
from controltower.transactions.models.journey import TransactionQuerySet

SUNDAY = 6


@dataclass(frozen=True, slots=True)
class Time:
    """Who could work in the last nine weeks, and what was approved of them: four whole weeks until
    the thirtieth day from now, and the days since."""

    people: People
    worked: Sequence[Worked]
    first: date
    today: date


def read(window: Window) -> Reading:
    """The share of the last four weeks; of each earlier day that of the four weeks until then, as
    far back as any time is known. Of fewer than five people nothing is told: it would be how
    somebody works."""
    time = window.once(_time)
    records, note = window.once(_records), _note(time.people)
    if len(time.people.counted) < FEWEST:
        return Reading(records=records, note=note)
    worked: dict[date, Decimal] = {}
    for one in time.worked:
        worked[one.on] = worked.get(one.on, Decimal(0)) + one.hours
    could = utilised.capacity(time.people.counted, time.first, time.today)
    known = min(worked, default=time.today)
    days = [
        _until(worked, could, day, since=time.first) if day >= known else None
        for day in _every(time.today)
    ]
    return Reading(days[-1], days[0], days[1:], records, note)


def freshness(window: Window) -> Reading:
    """How long after its end a week's time is here: the median of each person's last four whole
    weeks, and the same of each earlier day."""
    time = window.once(_time)
    records, note = window.once(_records), _note(time.people)
    if len(time.people.counted) < FEWEST:
        return Reading(records=records, note=note)
    told: dict[tuple[str, date], datetime] = {}
    for one in time.worked:
        key = one.name, one.on + timedelta(days=SUNDAY - one.on.weekday())
        told[key] = min(told.get(key, one.told_at), one.told_at)
    known = min((one.on for one in time.worked), default=time.today)
    ends = {day: day - timedelta(days=day.weekday() + 1) for day in _every(time.today)}
    people = time.people.counted
    medians = {end: _median(_ages(people, told, end, known, window)) for end in set(ends.values())}
    days = [medians[end] for end in ends.values()]
    return Reading(days[-1], days[0], days[1:], records, note)


def _ages(
    people: Sequence[Worker],
    told: Mapping[tuple[str, date], datetime],
    end: date,
    known: date,
    window: Window,
) -> Iterator[float]:
    """How long after its end each person's time of each of the four weeks until a Sunday was
    here, in seconds; of no week before any time was `known`."""
    for sunday in (end - timedelta(weeks=ago) for ago in range(utilised.WEEKS)):
        over = datetime.combine(sunday + A_DAY, datetime.min.time(), tzinfo=window.here)
        for one in people:
            if sunday >= known and one.is_there(sunday):
                here = told.get((one.name, sunday), window.now)
                yield max((here - over).total_seconds(), 0.0)


def _median(ages: Iterable[float]) -> float | None:
    found = list(ages)
    return median(found) if found else None


def _time(window: Window) -> Time:
    scope, today = window.scope, _today(window.scope, window.now)
    people = utilised.people(scope, today)
    first = today - DAYS * A_DAY - LENGTH - timedelta(weeks=1)
    enough = len(people.counted) >= FEWEST
    worked = utilised.approved(scope, people.names, first, today) if enough else ()
    return Time(people, worked, first, today)


def _every(today: date) -> list[date]:
    """The day before the last thirty, and these, oldest first."""
    return [today - ago * A_DAY for ago in range(DAYS, -1, -1)]


def _until(
    worked: Mapping[date, Decimal], could: Mapping[date, Decimal], day: date, since: date
) -> float | None:
    first = max(day - LENGTH + A_DAY, since)
    every = [first + timedelta(days=number) for number in range((day - first).days + 1)]
    hours = sum((worked.get(one, Decimal(0)) for one in every), Decimal(0))
    return share(float(hours), float(sum((could[one] for one in every), Decimal(0))))


def _today(scope: Scope, now: datetime) -> date:
    return now.astimezone(ZoneInfo(scope.person.zone)).date()


def _records(window: Window) -> int:
    return behind(transactions(window.scope), window.scope, window.now).count()


def behind(rows: TransactionQuerySet, scope: Scope, now: datetime) -> TransactionQuerySet:
    """Those of the rows that hold the approved time of the last four weeks."""
    today = _today(scope, now)
    names = utilised.people(scope, today).names
    return utilised.holding(rows, names, today - LENGTH + A_DAY, today)


def _note(people: People) -> str:
    counted, left_out = len(people.counted), people.left_out
    if counted < FEWEST:
        words = ngettext(
            "Of %(n)d person nothing is told: it would be how somebody works.",
            "Of %(n)d people nothing is told: it would be how somebody works.",
            counted,
        )
        return words % {"n": counted}
    if not left_out:
        return ""
    words = ngettext(
        "Without %(n)d person of whom no HR system says how many hours a week they are employed "
        "for, or who shares a name.",
        "Without %(n)d people of whom no HR system says how many hours a week they are employed "
        "for, or who share a name.",
        left_out,
    )
    return words % {"n": left_out}
