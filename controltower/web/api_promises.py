"""How a transaction stands to its promise, as the API tells it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from django.db.models import Prefetch
from django.utils import timezone
from ninja import Schema

from controltower.transactions import promising
from controltower.transactions.models import Awaited, Pause, Transaction, TransactionState
from controltower.web import privacy, standing


class PauseOut(Schema):
    """Why the clock of a promise stands still, and until when at most."""

    awaits: Awaited
    note: str
    evidence: str
    by: str
    at: datetime
    until: datetime


class PromiseOut(Schema):
    """How a transaction stands to its promise. Times that it was paused are in no figure."""

    state: Literal["on_track", "at_risk", "breached", "paused", "met", "void"]
    paused: PauseOut | None = None


def held() -> Prefetch[str]:
    """What `promise_of` needs of each transaction: the pause that holds its clock now."""
    return Prefetch("pauses", Pause.objects.open().select_related("by"))


def promise_of(one: Transaction) -> PromiseOut:
    """Met, broken or void once it is verified or has ended otherwise; else as the clock stands."""
    pause = next(iter(one.pauses.all()), None)
    if one.is_over:
        if one.state != TransactionState.VERIFIED or one.due_at is None or one.ended_at is None:
            return PromiseOut(state="void")
        return PromiseOut(state="met" if one.ended_at <= one.due_at else "breached")
    if one.due_at is not None:
        now = timezone.now()
        if one.due_at < now:
            return PromiseOut(state="breached")
        return PromiseOut(state="at_risk" if standing.is_at_risk(one, now) else "on_track")
    if pause is None:
        return PromiseOut(state="paused" if promising.paused(one) is not None else "void")
    told = PauseOut(
        awaits=Awaited(pause.awaits), note=privacy.masked_text(pause.note),
        evidence=pause.evidence, by=pause.by.username, at=pause.at, until=pause.until,
    )  # fmt: skip
    return PromiseOut(state="paused", paused=told)
