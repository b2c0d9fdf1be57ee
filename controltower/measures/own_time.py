"""How long things took in the time that their promise is counted in: working hours, days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from controltower.canonical.calendar import Calendar
from controltower.canonical.promise import Counted
from controltower.firm import calendars, promised
from controltower.firm.models import LegalEntity
from controltower.measures import walks
from controltower.measures.exposure import Scope
from controltower.transactions.models import TransactionState


def taken(scope: Scope, process: str, counted: Counted) -> Sequence[timedelta]:
    """How long those of the latest took that have been verified under a promise counted so, the
    shortest first. A pause of the promise's clock is no part of it."""
    days = _calendars()
    rows = walks.latest(scope, process).filter(
        state=TransactionState.VERIFIED, promise__counted=counted, due_at__isnull=False
    )
    found = []
    for one in rows.select_related("entity"):
        assert one.ended_at is not None
        assert one.due_at is not None
        promise = promised.read(one.promise)
        code = one.entity.code if one.entity else ""
        left = promise.left(one.ended_at, one.due_at, days.get(code) or Calendar())
        found.append(max(promise.length - left, timedelta()))
    return sorted(found)


def _calendars() -> Mapping[str, Calendar]:
    return calendars.of_entities({row.code: row for row in LegalEntity.objects.all()})


def below(lengths: Sequence[timedelta], share: float) -> timedelta | None:
    """The length that this share (0 to 1) of them stays below; None of none."""
    return lengths[min(int(len(lengths) * share), len(lengths) - 1)] if lengths else None
