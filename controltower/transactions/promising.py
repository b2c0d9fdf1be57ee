"""By when a transaction is due: its process's promise as agreed upon, on its entity's calendar.

The promise is pinned to the transaction when it begins, so that a later version changes nothing
that is under way. While a closed period or a day that is still to come keeps it waiting, or a
person has paused it for a client (`pausing.py`), its clock stands still: it has no due time then,
and gets one again with all the slack that was left. A person's pause moves the clock's beginning by
as long as it lasted, so that how long something took does not count it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from controltower.canonical.calendar import Calendar
from controltower.canonical.promise import Promise
from controltower.firm import calendars, governing, promised
from controltower.firm.models import LegalEntity
from controltower.processes import catalogue
from controltower.processes.definition import Opening, Process
from controltower.processes.quote_to_cash import WATCHED
from controltower.transactions.models import Transaction, WaitKind

PAUSES = frozenset({WaitKind.PERIOD_CLOSED, WaitKind.SCHEDULE})
LEFT, HELD = "left", "held"
"""In a pinned promise: the seconds of its own time that a pause has kept, and since when a person
holds its clock."""
EXPECTED = tuple(milestone for milestone in WATCHED if milestone.missing)
"""The milestones that somebody waits for."""
SEEDED = "As the process was defined."


def defined() -> dict[str, Promise]:
    """What the definitions promise, by what it is about."""
    found = {process.name: Promise.of(process.promise) for process in catalogue.PROCESSES}
    for milestone in EXPECTED:
        found[f"{promised.MILESTONE}{milestone.name}"] = milestone.within.promise
    return found


def write_down(*, now: datetime) -> None:
    """Make what the definitions promise, and the usual calendars, first versions that can be
    changed. What was written down before stays."""
    known = set(promised.agreed())
    for about, promise in defined().items():
        if about not in known:
            governing.write_down(
                subject=f"{promised.KIND}:{about}", content=promised.written(promise),
                reason=SEEDED, now=now,
            )  # fmt: skip
    for entity in LegalEntity.objects.all():
        governing.write_down(
            subject=f"{calendars.KIND}:{entity.code}", content=calendars.usual(entity),
            reason="The country's usual days.", now=now,
        )  # fmt: skip


def begin(
    transaction: Transaction,
    process: Process,
    opening: Opening,
    agreed: Mapping[str, Promise],
    calendar: Calendar,
) -> None:
    """Pin the promise in force and say by when it ends; without one, the definition's holds."""
    transaction.due_at = opening.due
    if opening.due is None:
        return
    transaction.clock_from = opening.due - (opening.promise or process.promise)
    promise = agreed.get(process.name)
    if promise is not None and opening.promise is None:
        transaction.promise = promised.written(promise)
        transaction.due_at = promise.due(transaction.clock_from, calendar)
    _warn(transaction, calendar)


def follow(transaction: Transaction, now: datetime, calendar: Calendar) -> None:
    """Stop the promise's clock when a pause begins, and let it go on when that has ended."""
    said, due = transaction.promise, transaction.due_at
    if not said:
        return
    promise = promised.read(said)
    if transaction.is_over and HELD in said:
        let_go(transaction, now, calendar)
    elif transaction.wait in PAUSES or HELD in said:
        if due is not None and due > now:
            left = promise.left(now, due, calendar)
            transaction.promise = {**said, LEFT: left.total_seconds()}
            transaction.due_at = None
    elif LEFT in said:
        left = timedelta(seconds=said[LEFT])
        transaction.promise = promised.written(promise)
        transaction.due_at = promise.resumed(now, left, calendar)
    _warn(transaction, calendar)


def _warn(transaction: Transaction, calendar: Calendar) -> None:
    """Say from when on its promise is at risk; nothing while its clock stands still."""
    due, start = transaction.due_at, transaction.clock_from
    if due is None or start is None:
        transaction.warns_at = None
        return
    said = transaction.promise
    promise = promised.read(said) if said else Promise.of(due - start)
    transaction.warns_at = promise.warns(start, due, calendar)


def hold(transaction: Transaction, now: datetime, calendar: Calendar) -> None:
    """A person stops the clock. What has a due time but no promise of its own gets the one that
    its due time says."""
    said = transaction.promise
    if not said:
        assert transaction.due_at is not None
        length = transaction.due_at - (transaction.clock_from or transaction.started_at)
        said = promised.written(Promise.of(length))
    transaction.promise = {**said, HELD: now.isoformat()}
    follow(transaction, now, calendar)


def let_go(transaction: Transaction, now: datetime, calendar: Calendar) -> None:
    """The clock goes on, unless a closed period stops it as well."""
    said = dict(transaction.promise)
    since = said.pop(HELD, None)
    if since is None:
        return
    if transaction.clock_from is not None:
        transaction.clock_from += now - datetime.fromisoformat(since)
    transaction.promise = said
    follow(transaction, now, calendar)


def is_held(transaction: Transaction) -> bool:
    """Whether a person holds its clock."""
    return HELD in transaction.promise


def paused(transaction: Transaction) -> timedelta | None:
    """How much is left of a promise whose clock stands still; None while it runs."""
    said = transaction.promise
    return timedelta(seconds=said[LEFT]) if LEFT in said else None
