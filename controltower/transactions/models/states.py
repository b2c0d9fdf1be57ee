"""Where a transaction stands, and what it waits for."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from controltower.transactions.protocol import FINISHED, State


class TransactionState(models.TextChoices):
    ACCEPTED = "accepted", "Accepted"
    IN_PROGRESS = "in_progress", "Moving"
    WAITING = "waiting", "Waiting"
    DELIVERED = "delivered", "Delivered"
    VERIFIED = "verified", "Verified"
    DEAD_LETTERED = "dead_lettered", "Parked"
    RESOLVED_EXTERNALLY = "resolved_externally", "Resolved elsewhere"
    SUPERSEDED = "superseded", "Superseded"
    CANCELLED = "cancelled", "Cancelled"
    WRITTEN_OFF = "written_off", "Written off"


class WaitKind(models.TextChoices):
    SCHEDULE = "schedule", "Waits for its billing run"
    DEPENDENCY = "dependency", "Waits for another transaction"
    APPROVAL = "approval", "Waits for approval"
    CIRCUIT_OPEN = "circuit_open", "Waits for a system to come back"
    RATE_LIMIT = "rate_limit", "Waits for the system's limit"
    PERIOD_CLOSED = "period_closed", "Waits for a decision on a closed period"
    OWNER = "owner", "Waits for its owner"


TERMINAL = (
    TransactionState.VERIFIED,
    TransactionState.RESOLVED_EXTERNALLY,
    TransactionState.SUPERSEDED,
    TransactionState.CANCELLED,
    TransactionState.WRITTEN_OFF,
)

REACHED = (TransactionState.VERIFIED, TransactionState.RESOLVED_EXTERNALLY)
"""What it was begun for is done, by us or by hand elsewhere."""

STUCK = Q(state=TransactionState.DEAD_LETTERED) | Q(
    state=TransactionState.WAITING, wait__in=[WaitKind.PERIOD_CLOSED, WaitKind.OWNER]
)
"""Waiting for a person. An index holds exactly these: what asks for them says it in these words."""

LIVE = tuple(state for state in TransactionState if state not in TERMINAL)

UNDER_WAY = [state for state in State if state not in FINISHED | {State.CANCELLED}]
"""Steps of which something is still to come."""
