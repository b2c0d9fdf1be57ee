"""The spine's records: events in, transactions with steps and attempts, replay plans."""

from controltower.transactions.models.amendments import Amendment
from controltower.transactions.models.events import BodyRemoved, EventState, InboundEvent, Removal
from controltower.transactions.models.evidence import Attempt, Delivery, TimelineEntry
from controltower.transactions.models.expectations import Expectation
from controltower.transactions.models.findings import Finding
from controltower.transactions.models.items import Item
from controltower.transactions.models.journey import Step, Transaction
from controltower.transactions.models.names import BusinessKey, Words
from controltower.transactions.models.pauses import Awaited, Ended, Pause
from controltower.transactions.models.replay import (
    Forecast,
    ItemState,
    PlanState,
    ReplayItem,
    ReplayPlan,
)
from controltower.transactions.models.states import REACHED, TERMINAL, TransactionState, WaitKind
from controltower.transactions.models.telling import Listening, Untold

__all__ = [
    "REACHED",
    "TERMINAL",
    "Amendment",
    "Attempt",
    "Awaited",
    "BodyRemoved",
    "BusinessKey",
    "Delivery",
    "Ended",
    "EventState",
    "Expectation",
    "Finding",
    "Forecast",
    "InboundEvent",
    "Item",
    "ItemState",
    "Listening",
    "Pause",
    "PlanState",
    "Removal",
    "ReplayItem",
    "ReplayPlan",
    "Step",
    "TimelineEntry",
    "Transaction",
    "TransactionState",
    "Untold",
    "WaitKind",
    "Words",
]
