"""Who works for the firm, for how many hours they could have worked, and how many were approved.

Who works there is what the HR systems told last of each person; a company's calendar says on which
days. Approved time names its person as the HR system does, since the PSA's people come from there;
a name that two people share, or that nobody has, is counted for nobody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import DecimalField, Min, Sum
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

from controltower.canonical.calendar import Calendar
from controltower.canonical.records import ResourceStatus
from controltower.firm import calendars
from controltower.firm.models import LegalEntity
from controltower.firm.rights import entities_of
from controltower.measures.exposure import Scope, transactions
from controltower.processes import (
    resource_master_sync,
    time_and_expense_to_billing,
    time_to_cost_reporting,
)
from controltower.transactions import paying
from controltower.transactions.models import Item, Transaction
from controltower.transactions.models.journey import TransactionQuerySet

A_DAY = timedelta(days=1)
WEEKS = 4
"""Whole weeks: each has as many of every weekday, on whichever of them weekly time is booked."""
LENGTH = timedelta(weeks=WEEKS)
OF_PEOPLE = resource_master_sync.PROCESS.name
OF_TIME = (time_and_expense_to_billing.PROCESS.name, time_to_cost_reporting.PROCESS.name)
TOLD = ("number", "source_id", "name", "entity", "status", "weekly_hours", "from_date", "to_date",
        "valid_from")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Worker:
    """Somebody a company employs for `hours` a week (0 where nobody says), from the first to the
    last day (both included, None where open)."""

    name: str
    entity: str
    hours: Decimal
    first: date | None
    last: date | None

    def is_there(self, day: date) -> bool:
        """Whether they are employed on a day."""
        return (self.first or day) <= day <= (self.last or day)


@dataclass(frozen=True, slots=True)
class People:
    """Whom a scope's companies employ: those of whom it is known how much they could work, and that
    time with their name is theirs; and how many others."""

    counted: Sequence[Worker]
    left_out: int

    @property
    def names(self) -> list[str]:
        """As approved time names them."""
        return [one.name for one in self.counted]


def people(scope: Scope, today: date) -> People:
    """Who works for the companies in the scope."""
    codes = {scope.entity} if scope.entity else entities_of(scope.person)
    everybody = _workers(today)
    names = Counter(one.name for one in everybody)
    mine = [one for one in everybody if codes is None or one.entity in codes]
    counted = [one for one in mine if one.hours > 0 and one.name and names[one.name] == 1]
    return People(counted, len(mine) - len(counted))


def _workers(today: date) -> list[Worker]:
    """Everybody, as they were told last; a change ahead of its day does not count while what was
    told before it is known."""
    told = Transaction.objects.filter(process=OF_PEOPLE).order_by("started_at", "pk")
    last: dict[str, dict[str, Any]] = {}
    for row in told.values_list(*(f"subject__{name}" for name in TOLD)).iterator():
        said = dict(zip(TOLD, row, strict=True))
        who = str(said["source_id"])
        if who not in last or (said["valid_from"] or "") <= today.isoformat():
            last.pop(who, None)
            last[who] = said
    known = {said["number"] or who: said for who, said in last.items()}
    there = (said for said in known.values() if said["status"] != ResourceStatus.REMOVED)
    return [_worker(said) for said in there]


def _worker(said: Mapping[str, Any]) -> Worker:
    return Worker(
        name=str(said["name"] or ""),
        entity=str(said["entity"] or ""),
        hours=Decimal(str(said["weekly_hours"] or 0)),
        first=_day(said["from_date"]),
        last=_day(said["to_date"]),
    )


def _day(written: str | None) -> date | None:
    return date.fromisoformat(written) if written else None


def capacity(found: Iterable[Worker], first: date, last: date) -> dict[date, Decimal]:
    """The hours that they could work on each day from the first to the last: a week's share on
    every working day of their company's calendar. Days off of their own are not taken off."""
    days = calendars.of_entities({row.code: row for row in LegalEntity.objects.all()})
    every = [first + A_DAY * number for number in range((last - first).days + 1)]
    hours = dict.fromkeys(every, Decimal(0))
    for one in found:
        calendar = days.get(one.entity) or Calendar()
        share = one.hours / len(calendar.weekdays)
        for day in every:
            if one.is_there(day) and calendar.works_on(day):
                hours[day] += share
    return hours


@dataclass(frozen=True, slots=True)
class Worked:
    """Somebody's approved hours that are dated to a day (a week's to its last), and when the first
    of them was here."""

    name: str
    on: date
    hours: Decimal
    told_at: datetime


def approved(scope: Scope, names: Iterable[str], first: date, last: date) -> list[Worked]:
    """What was approved of these people for the days from the first to the last."""
    told = _items(transactions(scope), names, first, last).annotate(
        on=KT("record__on"), who=KT("record__resource_name")
    )
    hours = Cast(KT("record__hours"), DecimalField(max_digits=20, decimal_places=6))
    rows = told.values_list("who", "on").annotate(
        worked=Sum(hours), told_at=Min("event__received_at")
    )
    return [Worked(who, date.fromisoformat(on), worked, at) for who, on, worked, at in rows]


def holding(
    rows: TransactionQuerySet, names: Iterable[str], first: date, last: date
) -> TransactionQuerySet:
    """Those of the rows that hold such time."""
    return rows.filter(pk__in=_items(rows, names, first, last).values("transaction"))


def _items(rows: TransactionQuerySet, names: Iterable[str], first: date, last: date) -> Any:
    """What was received long before it was worked is not looked at."""
    found = Item.objects.filter(
        transaction__in=rows.filter(process__in=OF_TIME).order_by().values("pk"),
        event_id__gte=paying.earliest(first),
        record__on__gte=first.isoformat(),
        record__on__lte=last.isoformat(),
        record__resource_name__in=list(names),
        record__has_key="hours",
    )
    return found.order_by()
