"""Surges: around a cut-off, feeds are read more often and the month's work is played first.

The calendar begins one three working days before each cut-off and ends it three after; a controller
may begin one at any time, with a reason, and end either kind early. Every beginning and end is
audited. What a surge does is done elsewhere: `claiming.BEFORE_OTHERS` and `polling.interval`.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from django.db import IntegrityError
from django.db.transaction import atomic

from controltower.firm import audit
from controltower.firm.models import LegalEntity, Person, Surge
from controltower.firm.rights import Right, may, who_grants
from controltower.processes.month_end_close import LONGEST_SURGE, close_of, recent_months
from controltower.transactions import bell
from controltower.transactions.world import entities

TOWER = "tower"
BY_CALENDAR = "The cut-off of {month} is on {day:%d %B %Y}."
OVER = "Its time is over."


class NotAllowed(Exception):
    """This person may not do this; the text says who may."""


class Impossible(Exception):
    """It cannot be begun or ended so; the text says why. Nothing was changed."""


def begin(
    *,
    entity: LegalEntity,
    month: str,
    lasts: timedelta,
    reason: str,
    by: Person,
    now: datetime,
) -> Surge:
    """A person's surge, which ends by itself. Raises NotAllowed, Impossible."""
    _require(by, "begin surge", entity, month, now)
    if not reason.strip():
        raise Impossible("Say why. Nothing was changed.")
    if not timedelta(0) < lasts <= LONGEST_SURGE:
        raise Impossible(f"A surge lasts up to {LONGEST_SURGE.days} days. Nothing was changed.")
    return _begin(entity, month, now, now + lasts, reason, by)


def end(*, surge: Surge, reason: str, by: Person, now: datetime) -> None:
    """End a surge before its time. Raises NotAllowed, Impossible."""
    _require(by, "end surge", surge.entity, surge.month, now)
    if not reason.strip():
        raise Impossible("Say why. Nothing was changed.")
    if not _end(surge, now, reason, by):
        raise Impossible("It has ended meanwhile. Nothing was changed.")


def follow(*, now: datetime) -> int:
    """Begin and end what the calendar says; returns how many surges changed."""
    over = Surge.objects.filter(ended_at__isnull=True, ends_at__lte=now).select_related("entity")
    changed = sum(_end(surge, now, OVER, None) for surge in over)
    legal = {row.code: row for row in LegalEntity.objects.all()}
    known = set(
        Surge.objects.filter(by__isnull=True).values_list("entity__code", "month").distinct()
    )
    for code, entity in entities().items():
        for month in recent_months(entity, now, 1):
            close = close_of(entity, month)
            due = close.surges_from <= now < close.surges_until
            if due and (code, month) not in known and month not in entity.closed_periods:
                reason = BY_CALENDAR.format(month=month, day=close.cut_off)
                with suppress(Impossible):
                    _begin(legal[code], month, now, close.surges_until, reason, None)
                    changed += 1
    return changed


def _begin(
    entity: LegalEntity,
    month: str,
    now: datetime,
    ends: datetime,
    reason: str,
    by: Person | None,
) -> Surge:
    """One that the calendar begins takes the place of a person's, which is over then."""
    with atomic():
        standing = Surge.objects.filter(entity=entity, month=month, ended_at__isnull=True).first()
        if standing is not None and by is None:
            _end(standing, now, "The calendar's own has begun.", None)
        elif standing is not None:
            raise Impossible(f"A surge of {month} is under way. Nothing was changed.")
        try:
            with atomic():
                surge = Surge.objects.create(
                    entity=entity, month=month, began_at=now, ends_at=ends, by=by,
                    reason=reason[:300],
                )  # fmt: skip
        except IntegrityError:
            raise Impossible(f"A surge of {month} is under way. Nothing was changed.") from None
        detail = {"reason": reason, "until": ends.isoformat()}
        _record(by, "begin surge", entity, month, now, detail)
        bell.ring("tower", "systems")
    return surge


def _end(surge: Surge, now: datetime, reason: str, by: Person | None) -> bool:
    with atomic():
        standing = Surge.objects.filter(pk=surge.pk, ended_at__isnull=True)
        if not standing.update(ended_at=now, ended_by=by, end_reason=reason[:300]):
            return False
        _record(by, "end surge", surge.entity, surge.month, now, {"reason": reason})
        bell.ring("tower", "systems")
    return True


def _record(
    by: Person | None,
    verb: str,
    entity: LegalEntity,
    month: str,
    now: datetime,
    detail: dict[str, str],
    *,
    allowed: bool = True,
) -> None:
    audit.record(
        actor=by or TOWER, verb=verb, subject=f"{entity.code} {month}", allowed=allowed, now=now,
        entity=entity.code, detail=detail,
    )  # fmt: skip


def _require(by: Person, verb: str, entity: LegalEntity, month: str, now: datetime) -> None:
    if not may(by, Right.DECIDE_PERIOD, entity.code):
        _record(by, verb, entity, month, now, {}, allowed=False)
        raise NotAllowed(f"Only the {who_grants(Right.DECIDE_PERIOD)} may do this.")
