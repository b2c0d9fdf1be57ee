"""Planned downtimes: announced beforehand, kept by the tower.

While one is under way its system is paused: work queues, nothing is tried in vain, nobody is called
because of it. When it is over, the pause ends by itself and what waited goes out. A pause that a
person has begun is theirs: it is neither taken over nor ended. Who resumes a system in its downtime
is followed: it is not paused again.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q
from django.db.transaction import atomic

from controltower.firm import audit
from controltower.firm.models import Person
from controltower.firm.rights import Right, may, who_grants
from controltower.systems import upkeep
from controltower.systems.models import Downtime, System

LONGEST = timedelta(days=7)
FARTHEST = timedelta(days=366)
TOWER = "tower"


class NotAllowed(Exception):
    """This person may not do this; the text says who may."""


class Impossible(Exception):
    """It cannot be planned or ended so; the text says why. Nothing was changed."""


def plan(
    *, system: System, begins: datetime, ends: datetime, reason: str, by: Person, now: datetime
) -> Downtime:
    """Announce that a system will not answer from one moment to another. One that has begun already
    is taken up at once. Raises NotAllowed, Impossible."""
    _require(by, "plan downtime", system, now)
    _check(begins, ends, reason, now)
    with atomic():
        locked = System.objects.select_for_update().get(pk=system.pk)
        beside = locked.downtimes.open().filter(begins_at__lt=ends, ends_at__gt=begins).first()
        if beside is not None:
            raise Impossible(f"There is one already: {beside}. Nothing was changed.")
        made = Downtime.objects.create(
            system=locked, begins_at=begins, ends_at=ends, reason=reason.strip()[:300], by=by,
            announced_at=now,
        )  # fmt: skip
        _tell(made, "plan downtime", by, now)
    follow(now=now)
    made.refresh_from_db(fields=["begun_at"])
    return made


def end(*, downtime: Downtime, by: Person, now: datetime) -> None:
    """Call one off, or end it before its time. Raises NotAllowed, Impossible."""
    _require(by, "end downtime", downtime.system, now)
    with atomic():
        found = Downtime.objects.select_for_update(of=("self",)).select_related("system")
        if not _over(found.get(pk=downtime.pk), by, now):
            raise Impossible("It was over already. Nothing was changed.")


def follow(*, now: datetime) -> int:
    """Begin and end what is due; returns how many changed."""
    with atomic():
        open_ = Downtime.objects.open().select_related("system", "by")
        due = open_.filter(Q(begins_at__lte=now, begun_at__isnull=True) | Q(ends_at__lte=now))
        changed = 0
        for one in due.select_for_update(of=("self",), skip_locked=True):
            changed += _over(one, None, now) if one.ends_at <= now else _begin(one, now)
    return changed


def _check(begins: datetime, ends: datetime, reason: str, now: datetime) -> None:
    if not reason.strip():
        raise Impossible("Say why. Nothing was changed.")
    if ends <= begins:
        raise Impossible("It ends before it begins. Nothing was changed.")
    if ends <= now:
        raise Impossible("It is over already. Nothing was changed.")
    if ends - begins > LONGEST:
        raise Impossible(f"A downtime lasts up to {LONGEST.days} days. Nothing was changed.")
    if begins - now > FARTHEST:
        raise Impossible("It is more than a year ahead. Nothing was changed.")


def _begin(one: Downtime, now: datetime) -> bool:
    """Take it up: pause its system, unless somebody has."""
    Downtime.objects.filter(pk=one.pk).update(begun_at=now)
    System.objects.filter(pk=one.system.pk, paused_at__isnull=True).update(
        paused_at=now, paused_by=one.by, pause_reason=one.reason
    )
    _tell(one, "begin downtime", TOWER, now)
    return True


def _over(one: Downtime, by: Person | None, now: datetime) -> bool:
    """End it, and with it the pause that is its own. Whether it was open still."""
    if not Downtime.objects.open().filter(pk=one.pk).update(ended_at=now, ended_by=by):
        return False
    if one.begun_at is not None:
        own = System.objects.filter(pk=one.system.pk, paused_at=one.begun_at)
        upkeep.let_through(own, now=now)
    _tell(one, "end downtime", by or TOWER, now)
    return True


def _tell(one: Downtime, verb: str, by: Person | str, now: datetime) -> None:
    detail = {
        "from": one.begins_at.isoformat(), "until": one.ends_at.isoformat(), "reason": one.reason,
    }  # fmt: skip
    audit.record(actor=by, verb=verb, subject=one.system.slug, allowed=True, now=now, detail=detail)


def _require(by: Person, verb: str, system: System, now: datetime) -> None:
    if not may(by, Right.PAUSE_SYSTEM):
        audit.record(actor=by, verb=verb, subject=system.slug, allowed=False, now=now)
        raise NotAllowed(f"Only the {who_grants(Right.PAUSE_SYSTEM)} may do this.")
