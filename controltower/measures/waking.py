"""Causes that were put aside wake when there is more of them than somebody was ready to leave."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from controltower.incidents import triage
from controltower.incidents.models import Cause, DeadLetter
from controltower.incidents.timeline import TOWER
from controltower.measures import exposure
from controltower.measures.exposure import Stake


def wake(*, now: datetime) -> int:
    """Wake snoozed causes whose transactions or money have reached their limit; returns how many.

    Money is in the reporting currency, counted once along the chain, as pages show it.
    """
    limited = Q(wake_at_count__isnull=False) | Q(wake_at_value__isnull=False)
    causes = list(Cause.objects.snoozed(now).filter(limited))
    if not causes:
        return 0
    letters = exposure.priced(DeadLetter.objects.open().filter(cause__in=causes), "transaction__")
    found = exposure.stakes(letters, "cause", at="transaction__")
    woken = 0
    for cause in causes:
        if why := _why(cause, found.get((cause.pk,), Stake())):
            triage.wake(cause=cause, by=TOWER, now=now, reason=why)
            woken += 1
    return woken


def _why(cause: Cause, stake: Stake) -> str:
    if cause.wake_at_count is not None and stake.count >= cause.wake_at_count:
        return f"Awake again: {stake.count} are stuck, {cause.wake_at_count} was the limit."
    if cause.wake_at_value is not None and stake.amount >= cause.wake_at_value:
        currency = exposure.reporting_currency()
        stuck, limit = f"{stake.amount:,.2f}", f"{cause.wake_at_value:,.2f}"
        return f"Awake again: {currency} {stuck} are stuck, {limit} was the limit."
    return ""
