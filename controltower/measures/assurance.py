"""Looks at the invariants every minute, keeps what it found, and opens incidents.

A look goes over what was made, moved or verified since the last one (and a little before), and over
one slice of everything older: its cost does not grow with the tables, and pass by pass the whole
books are asked again.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from time import monotonic
from uuid import UUID

from django.db import connection
from django.db.transaction import atomic

from controltower.incidents import watch
from controltower.measures.checks.finding import FIRST, Found, Invariant, Slice, Span, id_at
from controltower.measures.invariants import INVARIANTS
from controltower.measures.models import Check
from controltower.systems.models import System
from controltower.transactions import bell

log = logging.getLogger(__name__)
OVERLAP = timedelta(minutes=3)
"""A row may show up so much later than its time says: longer than an answer is kept in memory while
the database is away, and than a lease lasts. What comes later still, the pass over the books finds.
Each change is asked about as often as minutes lie in it."""
MOST_SECONDS = "60s"
"""No statement may take longer; the page says so when one has."""
WITHIN_BOUNDS = """
SELECT set_config('statement_timeout', %s, true), set_config('enable_seqscan', 'off', true)
"""
"""A look is at a slice. A planner that takes look-ups for dear reads all steps there ever were
instead: four seconds a statement over a million transactions, each minute."""
AT_ONCE = 10_000
"""Rows of a slice: the books are asked again row by row, so many a minute, from end to end."""
NEXT = """
SELECT id FROM {table} WHERE id > %s AND id <= %s ORDER BY id LIMIT 1 OFFSET %s
"""
LOCK = 7_203_003


def look(*, now: datetime) -> bool:
    """Ask all invariants and keep the answers; False when another worker is at it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            return False
        try:
            for invariant in INVARIANTS:
                _look(invariant, now)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
    bell.ring("assurance")
    return True


def _look(invariant: Invariant, now: datetime) -> None:
    check, _made = Check.objects.get_or_create(code=invariant.code)
    if not check.position:
        check.began_at = now
    began = monotonic()
    try:
        with atomic(), connection.cursor() as cursor:
            cursor.execute(WITHIN_BOUNDS, [MOST_SECONDS])
            found = _ask(invariant, check, now)
    except Exception as error:
        log.exception("an invariant could not be asked", extra={"subject": invariant.code})
        check.trouble = type(error).__name__
        check.save(update_fields=["trouble"])
        return
    check.looked_at, check.trouble = now, ""
    check.milliseconds = round((monotonic() - began) * 1000)
    check.rows, check.breaches = found.rows, list(found.breaches)
    if found.breaches:
        check.last_breach_at = now
    else:
        check.held_at, check.position = now, found.position
        if not found.position and not invariant.lately:
            check.whole_at = now
    check.save()
    _tell(invariant, found, now)


def _ask(invariant: Invariant, check: Check, now: datetime) -> Found:
    """What has happened since the rule held, and the next slice of what is older. While the rule
    is broken neither moves on, so that what broke it is asked again."""
    begun = check.began_at or now
    since, end = (check.held_at or begun) - OVERLAP, id_at(begun - OVERLAP)
    if not invariant.table:
        return invariant.check(Span(now, since, position=check.position))
    part = _slice(invariant.table, check.position, end)
    lately = invariant.check(Span(now, since))
    older = invariant.check(Span(now, slice=part))
    position = "" if part.upto == end else str(part.upto)
    return lately.and_also(replace(older, position=position))


def _slice(table: str, position: str, end: UUID) -> Slice:
    """The next rows of the pass, found along the primary key; what is younger than its end belongs
    to what has happened lately."""
    after = UUID(position) if position else FIRST
    with connection.cursor() as cursor:
        cursor.execute(NEXT.format(table=table), [after, end, AT_ONCE - 1])
        row = cursor.fetchone()
    return Slice(after, row[0] if row else end)


def _tell(invariant: Invariant, found: Found, now: datetime) -> None:
    if found.breaches:
        halted = list(System.objects.filter(pk__in=found.systems)) if invariant.halts else []
        watch.report(
            subject=invariant.code,
            title=f"Broken: {invariant.title.lower()}",
            affected=found.breaches,
            halt=halted,
            now=now,
        )
    else:
        watch.holds(subject=invariant.code, now=now)
