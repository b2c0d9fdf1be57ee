"""What happens to an approved version by date, and at its end: approved ⇄ scheduled → active;
deprecated → retired. Who may put a version in use may do all of it."""

from __future__ import annotations

from datetime import datetime

from django.db.transaction import atomic

from controltower.firm import audit
from controltower.firm.models import Person
from controltower.firm.rights import Right, may
from controltower.mappings.models import Mapping, MappingVersion, VersionState
from controltower.mappings.versions import NotAllowed, WrongState, put_in_force, why_not_yet

CLOCK = "tower"
"""Whom the audit trail names where a date has come."""


def schedule(*, version: MappingVersion, at: datetime, by: Person, now: datetime) -> None:
    """approved → scheduled: in use from `at` on, by itself. Raises NotAllowed (recorded) and
    WrongState, also for a date that has passed."""
    if at <= now:
        raise WrongState("The date has passed. Nothing was scheduled.")
    _move(version, VersionState.APPROVED, VersionState.SCHEDULED, "schedule mapping", by, now, at)


def call_off(*, version: MappingVersion, by: Person, now: datetime) -> None:
    """scheduled → approved: the date does not hold any more. Raises NotAllowed and WrongState."""
    _move(version, VersionState.SCHEDULED, VersionState.APPROVED, "unschedule mapping", by, now)


def retire(*, version: MappingVersion, by: Person, now: datetime) -> None:
    """deprecated → retired: nobody rolls back to it any more. Raises NotAllowed and WrongState."""
    _move(
        version, VersionState.DEPRECATED, VersionState.RETIRED, "retire mapping", by, now,
        version.active_from,
    )  # fmt: skip


def take_effect(*, now: datetime) -> int:
    """Put in use what was scheduled for now or earlier, each mapping's in the order of their
    dates; returns how many."""
    due = MappingVersion.objects.filter(state=VersionState.SCHEDULED, active_from__lte=now)
    count = 0
    for pk, mapping in list(due.order_by("active_from", "pk").values_list("pk", "mapping")):
        with atomic():
            Mapping.objects.select_for_update().get(pk=mapping)
            row = due.filter(pk=pk).select_related("mapping").first()
            if row is not None:
                count += _begin(row, now)
    return count


def _begin(row: MappingVersion, now: datetime) -> bool:
    """scheduled → active; back to approved where a second approval is missing by now."""
    why = why_not_yet(row)
    if why:
        row.state, row.active_from = VersionState.APPROVED, None
        row.save(update_fields=["state", "active_from"])
    else:
        put_in_force(row, now)
    audit.record(
        actor=CLOCK, verb="activate mapping", subject=str(row), allowed=not why, now=now,
        detail={"why": why} if why else {},
    )  # fmt: skip
    return not why


def _move(
    version: MappingVersion,
    origin: VersionState,
    target: VersionState,
    verb: str,
    by: Person,
    now: datetime,
    active_from: datetime | None = None,
) -> None:
    if not may(by, Right.APPROVE_MAPPING):
        audit.record(actor=by, verb=verb, subject=str(version), allowed=False, now=now)
        raise NotAllowed("No right to put mappings in use.")
    with atomic():
        Mapping.objects.select_for_update().get(pk=version.mapping_id)
        rows = MappingVersion.objects.filter(pk=version.pk, state=origin)
        if not rows.update(state=target, active_from=active_from):
            raise WrongState(f"{version} cannot become {target.label.lower()} now.")
        detail = {"from": active_from.isoformat()} if active_from else {}
        audit.record(
            actor=by, verb=verb, subject=str(version), allowed=True, now=now, detail=detail
        )
