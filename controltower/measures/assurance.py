"""Looks at the invariants every minute, keeps what it found, and opens incidents.

A look goes over what was made or ended since the last one (and a little before), so that its cost
does not grow with the tables. Once a day, and while a rule is broken, it is asked of everything.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from time import monotonic

from django.db import connection
from django.db.transaction import atomic

from controltower.incidents import watch
from controltower.measures.checks.finding import Found, Invariant, Span
from controltower.measures.invariants import INVARIANTS
from controltower.measures.models import Check
from controltower.systems.models import System
from controltower.transactions import bell

log = logging.getLogger(__name__)
OVERLAP = timedelta(minutes=10)
MOST_SECONDS = "60s"
"""No statement may take longer; a whole look that does is tried again a day later, and says so."""
WHOLE_EVERY = timedelta(days=1)
LOCK = 7_203_003


def look(*, now: datetime, whole: bool = False) -> bool:
    """Ask all invariants and keep the answers; False when another worker is at it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            return False
        try:
            for invariant in INVARIANTS:
                _look(invariant, now, whole)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
    bell.ring("assurance")
    return True


def _look(invariant: Invariant, now: datetime, whole: bool) -> None:
    check, _made = Check.objects.get_or_create(code=invariant.code)
    since = None if whole or _wants_all(check, now) else check.looked_at
    began = monotonic()
    try:
        with atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [MOST_SECONDS])
            found = invariant.check(Span(now, since and since - OVERLAP, check.position))
    except Exception as error:
        log.exception("an invariant could not be asked", extra={"subject": invariant.code})
        check.trouble = type(error).__name__
        check.whole_at = now if since is None else check.whole_at
        check.save(update_fields=["trouble", "whole_at"])
        return
    if since is None:
        check.whole_at, check.trouble = now, ""
    check.looked_at = now
    check.milliseconds = round((monotonic() - began) * 1000)
    check.rows, check.breaches = found.rows, list(found.breaches)
    if found.breaches:
        check.last_breach_at = now
    else:
        check.position = found.position
    check.save()
    _tell(invariant, found, now)


def _wants_all(check: Check, now: datetime) -> bool:
    """At first, once a day, and while the rule is broken: what broke it may be old."""
    if check.breaches or check.whole_at is None:
        return True
    return now - check.whole_at > WHOLE_EVERY


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
