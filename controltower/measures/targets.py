"""Targets: what the firm wants a measure to be. Setting one needs a right and a reason."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from django.db.transaction import atomic

from controltower.firm import audit
from controltower.firm.models import Person
from controltower.firm.rights import Right, may, who_grants
from controltower.measures.kpis.measure import Measure
from controltower.measures.models import Target

VERB = "set target"


class NotAllowed(Exception):
    """The person may not set targets; the text says who may."""


class ReasonMissing(Exception):
    """A target is set for a reason."""


def in_force() -> Mapping[str, Target]:
    """The newest target of each measure that has one."""
    newest = Target.objects.order_by("measure", "-set_at", "-id").distinct("measure")
    return {target.measure: target for target in newest.select_related("set_by")}


def set_target(
    *, measure: Measure, value: Decimal, reason: str, by: Person, now: datetime
) -> Target:
    """Put a target in force, in the unit of the measure's readings; the audit trail keeps it,
    refusals too. Raises NotAllowed and ReasonMissing."""
    detail = {"value": str(value), "reason": reason}
    if not may(by, Right.ADMINISTER):
        audit.record(
            actor=by, verb=VERB, subject=measure.name, allowed=False, now=now, detail=detail
        )
        raise NotAllowed(f"Only the {who_grants(Right.ADMINISTER)} may do this.")
    if not reason.strip():
        raise ReasonMissing
    with atomic():
        made = Target.objects.create(
            measure=measure.name, value=value, reason=reason[:300], set_by=by, set_at=now
        )
        audit.record(
            actor=by, verb=VERB, subject=measure.name, allowed=True, now=now, detail=detail
        )
    return made


def is_met(measure: Measure, value: float | None, target: Decimal | None) -> bool | None:
    """Whether a reading meets a target; None where one of them is missing."""
    if value is None or target is None:
        return None
    return value <= target if measure.less else value >= target
