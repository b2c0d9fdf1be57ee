"""The signals of a month's end: where each company's month stands, and what it still waits for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Case, QuerySet, Sum, Value, When

from controltower.firm.models import LegalEntity, Period, Surge
from controltower.firm.rights import entities_of
from controltower.incidents.models import Cause, DeadLetter
from controltower.measures import causes
from controltower.measures.exposure import Parts, Scope, Stake, priced, stakes, transactions, within
from controltower.measures.models import Figure, Kind
from controltower.processes.definition import Entity
from controltower.processes.month_end_close import (
    Close,
    Standing,
    close_of,
    recent_months,
)
from controltower.transactions.models import Transaction, WaitKind
from controltower.transactions.models.journey import TransactionQuerySet
from controltower.transactions.models.states import STUCK
from controltower.transactions.world import entities

MONTHS_BACK = 2
SHOWN_AFTER = timedelta(days=5)
SHOWN_OPEN = timedelta(days=28)
"""For how long after its cut-off a complete month is still shown, closed in the ERP or not."""
UNTOLD = timedelta(minutes=5)
"""After so long without a word from the ERP its last one may be out of date."""

PERSON, DOOR, RUN, OWN = "person", "door", "run", "own"
"""What moves what is not done: a person, a system that comes back, its billing run, itself."""
MOVED_BY = Case(
    When(STUCK, then=Value(PERSON)),
    When(wait__in=[WaitKind.CIRCUIT_OPEN, WaitKind.RATE_LIMIT], then=Value(DOOR)),
    When(wait=WaitKind.SCHEDULE, then=Value(RUN)),
    default=Value(OWN),
)


@dataclass(frozen=True, slots=True)
class MonthLine:
    """A company's month: where it stands by the ERP's word (`told_by` at `told_at`, "" when none
    has spoken), what is not done in it, by what moves that (PERSON, …), and its surge."""

    entity: Entity
    close: Close
    standing: Standing
    told_by: str
    told_at: datetime | None
    held: Stake
    moved_by: Mapping[str, Stake]
    surge: Surge | None

    @property
    def is_closed(self) -> bool:
        """Whether the ERP has shut it."""
        return self.standing is Standing.CLOSED

    def is_untold(self, now: datetime) -> bool:
        """Whether the ERP has not been heard for a while, or never."""
        return self.told_at is None or self.told_at < now - UNTOLD


def undone(scope: Scope) -> QuerySet[Transaction]:
    """What belongs to a month and is not done, priced."""
    return priced(transactions(scope).live().exclude(month=""))


def moved(rows: TransactionQuerySet, by: str) -> TransactionQuerySet:
    """Those of the rows that belong to a month and that this moves (PERSON, …)."""
    return rows.live().exclude(month="").annotate(moved_by=MOVED_BY).filter(moved_by=by)


@dataclass(frozen=True, slots=True)
class Blocker:
    """A cause that keeps people from being done with a company's month."""

    cause: Cause
    entity: str
    month: str
    stake: Stake


def blockers(scope: Scope, limit: int, letters: Parts | None = None) -> Sequence[Blocker]:
    """What blocks months by cause, most money first; `letters` are the open ones, where they were
    asked for already."""
    if letters is None:
        owned = DeadLetter.objects.open().exclude(transaction__month="")
        letters = causes.held(within(scope, owned), causes.MONTHLY)
    found = letters.by(*causes.MONTHLY)
    named = [(key, stake) for key, stake in found.items() if all(key)]
    most = sorted(named, key=lambda pair: (-pair[1].amount, -pair[1].count, pair[0]))
    known = Cause.objects.in_bulk([cause for (cause, *_rest), _stake in most[:limit]])
    return [
        Blocker(known[cause], entity, month, stake)
        for (cause, entity, month), stake in most[:limit]
    ]


MONTH = ("entity__code", "month", "moved_by")


def lines(scope: Scope, now: datetime, live: Parts | None = None) -> Sequence[MonthLine]:
    """The months that are to be closed, by company, oldest first; `live` is what is under way,
    where that was asked for already."""
    if live is None:
        live = Parts(MONTH, stakes(undone(scope).annotate(moved_by=MOVED_BY), *MONTH))
    found = live.by(*MONTH)
    told = {(row.entity.code, row.month): row for row in Period.objects.select_related("entity")}
    surges = {
        (row.entity.code, row.month): row
        for row in Surge.objects.under_way(now).select_related("entity", "by")
    }
    shown = []
    for entity in _seen(scope):
        for month in reversed(recent_months(entity, now, MONTHS_BACK)):
            key = (entity.code, month)
            parts = {by: stake for (*of, by), stake in found.items() if tuple(of) == key}
            line = _line(entity, month, told.get(key), parts, surges.get(key), now)
            if line.held.count or not _is_past(line, now):
                shown.append(line)
    return shown


def _is_past(line: MonthLine, now: datetime) -> bool:
    """Whether a month that nothing is left of needs no more looking at."""
    closed = line.standing is Standing.CLOSED
    return now > line.close.cut_off + (SHOWN_AFTER if closed else SHOWN_OPEN)


def cut_offs(scope: Scope, begins: datetime, ends: datetime) -> Sequence[tuple[str, str]]:
    """The companies and months that are cut off between two moments."""
    return [
        (entity.code, month)
        for entity in _seen(scope)
        for month in recent_months(entity, ends, 1)
        if begins <= close_of(entity, month).cut_off <= ends
    ]


def _seen(scope: Scope) -> Sequence[Entity]:
    codes = entities_of(scope.person)
    return [
        one
        for code, one in entities().items()
        if (codes is None or code in codes) and scope.entity in {"", code}
    ]


def _line(
    entity: Entity,
    month: str,
    period: Period | None,
    parts: Mapping[str, Stake],
    surge: Surge | None,
    now: datetime,
) -> MonthLine:
    held, close = Stake(), close_of(entity, month)
    for stake in parts.values():
        held.add(stake)
    return MonthLine(
        entity=entity,
        close=close,
        standing=close.standing(closed=bool(period and period.closed), now=now),
        told_by=period.told_by if period else "",
        told_at=period.told_at if period else None,
        held=held,
        moved_by=parts,
        surge=surge,
    )


@dataclass(frozen=True, slots=True)
class Booked:
    """How many invoices and credit notes of a month were posted and read back by the day of its
    cut-off (UTC), and after it."""

    before: int
    after: int


def booked(months: Sequence[MonthLine]) -> Sequence[tuple[MonthLine, Booked]]:
    """What is in the books of each of the months."""
    named = {line.close.month for line in months}
    keys = dict(LegalEntity.objects.values_list("code", "pk"))
    found: dict[tuple[int, str], list[tuple[datetime, int]]] = {}
    rows = Figure.objects.filter(kind=Kind.BILLED, month__in=named).order_by()
    for entity, month, day, papers in rows.values_list("entity", "month", "at").annotate(
        papers=Sum("items")
    ):
        found.setdefault((entity, month), []).append((day, papers))
    told = []
    for line in months:
        days = found.get((keys[line.entity.code], line.close.month), [])
        before = sum(papers for day, papers in days if day <= line.close.cut_off)
        told.append((line, Booked(before, sum(papers for _day, papers in days) - before)))
    return told


def surges(scope: Scope, now: datetime) -> QuerySet[Surge]:
    """The surges under way that the person may see."""
    rows = Surge.objects.under_way(now).select_related("entity", "by")
    codes = [entity.code for entity in _seen(scope)]
    return rows.filter(entity__in=LegalEntity.objects.filter(code__in=codes))
