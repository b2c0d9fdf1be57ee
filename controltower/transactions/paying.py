"""What payroll is to be told of each worker and month is a fact of the tower's own, told to its
inbox once the month's cut-off is over in the employing company's calendar.

All approved hours and expenses of the month are added up from the inbox, as often as one likes:
what was told before is taken off, and only a difference is told, under a number of its own. So
nothing is told twice, and what is corrected later follows as an adjustment.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models.fields.json import KT
from django.db.models.functions import Left

from controltower.canonical.events import (
    EXPENSE_APPROVED,
    PAY_INPUT_DUE,
    TIMESHEET_APPROVED,
    BusinessKey,
    CanonicalEvent,
)
from controltower.canonical.identity import first_id
from controltower.canonical.records import PayInput
from controltower.canonical.wire import to_json
from controltower.processes.definition import Entity
from controltower.systems.models import System
from controltower.transactions import intake
from controltower.transactions.models import InboundEvent
from controltower.transactions.world import World, world

ROLE = "payroll"
MONTHS = 3
"""For so many months back a change is still an adjustment; later ones are payroll's own matter."""
WORK = (TIMESHEET_APPROVED, EXPENSE_APPROVED)
AHEAD = timedelta(days=92)
"""So much earlier than the day that it is dated to may work be approved: a week's time stands under
its last day, and leave and journeys are approved months ahead."""
ARRIVING = timedelta(minutes=10)
"""For so long an event may be in the inbox before it is read."""
AGAIN = timedelta(hours=1)
APPROVED = """
SELECT coalesce(record->>'resource_number', ''),
       sum((record->>'hours')::numeric) FILTER (WHERE record ? 'hours'),
       sum((record->>'amount')::numeric) FILTER (WHERE NOT record ? 'hours'),
       coalesce(string_agg(DISTINCT record->>'currency', ', ')
                FILTER (WHERE NOT record ? 'hours'), '')
FROM (SELECT DISTINCT ON (event.source, event.subject) event.record
      FROM transactions_inboundevent event
      WHERE event.id >= %(since)s AND event.state = 'accepted'
        AND event.type = ANY(%(types)s) AND event.record ? 'resource_number'
      ORDER BY event.source, event.subject, event.version DESC, event.id DESC) latest
WHERE record->>'approved' = 'true' AND record->>'on' BETWEEN %(first)s AND %(last)s
  AND coalesce(nullif(record->>'employer', ''), record->>'entity') = %(entity)s
GROUP BY 1 ORDER BY 1
"""
"""By employee number: hours of time, and amounts of expenses, as each was told last: what is sent
already keeps its first version elsewhere.
Several currencies are no currency, which the process refuses."""


@dataclass(frozen=True, slots=True)
class Sums:
    """Hours and expenses of one worker in a month."""

    hours: Decimal = Decimal(0)
    expenses: Decimal = Decimal(0)

    def without(self, other: Sums) -> Sums:
        """What is more, or less, than the other."""
        return Sums(self.hours - other.hours, self.expenses - other.expenses)


@dataclass(slots=True)
class Looked:
    """When each month of a company was last added up, in one process. What a month's work adds up
    to changes only when some of it arrives; once an hour it is looked at all the same, for work
    that was moved into another month."""

    at: dict[tuple[str, date], datetime] = field(default_factory=dict)

    def is_due(self, key: tuple[str, date], touched: Collection[Any], now: datetime) -> bool:
        """Whether a month must be added up now; it is noted that it was."""
        before = self.at.get(key)
        if before is not None and now - before < AGAIN and key not in touched:
            return False
        self.at[key] = now
        return True


def tell(*, now: datetime, around: World | None = None, looked: Looked | None = None) -> int:
    """Tell what payroll does not know yet of the months that are cut off; returns how many. Where
    no one provider is known, nobody listens. With what was `looked` at before, months to which
    nothing has come since are left out."""
    known = around or world()
    providers = known.able(ROLE)
    if len(providers) != 1:
        return 0
    looked = looked or Looked()
    touched = _touched(now - ARRIVING)
    events = [
        event
        for entity in known.entities.values()
        for month in months_over(entity, now)
        if looked.is_due((entity.code, month), touched, now)
        for event in _due(providers[0], entity, month, now)
    ]
    facts = [
        (json.dumps(to_json(event.record), sort_keys=True).encode(), event) for event in events
    ]
    return len(intake.receive(facts=facts, signature="polled", now=now).stored) if facts else 0


def _touched(since: datetime) -> set[tuple[str, date]]:
    """The companies and months of the work that has arrived since."""
    rows = InboundEvent.objects.filter(id__gte=first_id(since), type__in=WORK, record__has_key="on")
    told = rows.values_list(Left(KT("record__on"), 7), KT("record__entity"), KT("record__employer"))
    return {
        (entity or "", date.fromisoformat(f"{month}-01"))
        for month, *both in told.order_by().distinct()
        for entity in both
        if month
    }


def months_over(entity: Entity, now: datetime) -> Iterator[date]:
    """The first days of the latest months whose cut-off has passed, the latest first."""
    month = entity.today(now).replace(day=1)
    for _ in range(MONTHS):
        month = (month - timedelta(days=1)).replace(day=1)
        calendar = entity.calendar
        if calendar.at(calendar.month_end(month), calendar.month_time) <= now:
            yield month


def _due(provider: System, entity: Entity, month: date, now: datetime) -> Iterator[CanonicalEvent]:
    period, source = f"{month:%Y-%m}", f"{provider.connection}/{PAY_INPUT_DUE}"
    told, numbers = _told(source, entity.code, period)
    found = dict(_approved(entity.code, month))
    for number in sorted(found.keys() | told.keys()):
        sums, currency = found.get(number, (Sums(), ""))
        left = sums.without(told.get(number, Sums()))
        if left != Sums():
            turn = numbers.get(number, 0) + 1
            yield _event(source, entity, period, number, left, currency, turn, now)


def _approved(entity: str, month: date) -> Iterator[tuple[str, tuple[Sums, str]]]:
    last = (month + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    asked: dict[str, Any] = {
        "entity": entity, "first": str(month), "last": str(last), "since": earliest(month),
        "types": list(WORK),
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(APPROVED, asked)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    for number, hours, expenses, currency in rows:
        yield number, (Sums(hours or Decimal(0), expenses or Decimal(0)), currency)


def earliest(first: date) -> UUID:
    """The least name of an event that may tell of work dated to that day, or to a later one."""
    return first_id(datetime.combine(first, time.min, tzinfo=UTC) - AHEAD)


def _told(source: str, entity: str, period: str) -> tuple[dict[str, Sums], dict[str, int]]:
    """By employee number, what was told of a month so far, and how often."""
    sums: dict[str, Sums] = {}
    numbers: dict[str, int] = {}
    before = InboundEvent.objects.filter(
        source=source, subject__startswith=f"pay_input:{entity}:{period}:", type=PAY_INPUT_DUE
    )
    for record in before.values_list("record", flat=True):
        number, had = record["number"], sums.get(record["number"], Sums())
        hours, expenses = Decimal(record["hours"]), Decimal(record["expenses"])
        sums[number] = Sums(had.hours + hours, had.expenses + expenses)
        numbers[number] = numbers.get(number, 0) + 1
    return sums, numbers


def _event(
    source: str, entity: Entity, period: str, number: str, sums: Sums, currency: str,
    turn: int, now: datetime,
) -> CanonicalEvent:  # fmt: skip
    named = f"{entity.code}:{period}:{number}:{turn}"
    record = PayInput(
        source_id=named,
        entity=entity.code,
        number=number,
        period=period,
        hours=sums.hours,
        expenses=sums.expenses,
        currency=currency if sums.expenses else "",
        adjustment=turn > 1,
    )
    return CanonicalEvent(
        id=f"pay_input:{named}",
        type=PAY_INPUT_DUE,
        source=source,
        subject=f"pay_input:{named}",
        time=now,
        version=f"{turn:06d}",
        record=record,
        keys=(BusinessKey("pay input", f"{number} {period}"),),
    )
