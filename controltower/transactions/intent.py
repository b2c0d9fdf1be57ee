"""What is handed from the claim to the settlement of one call."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from controltower.canonical.verdicts import Quota, Verdict
from controltower.processes.definition import StepDefinition
from controltower.systems import calls
from controltower.systems.models import System
from controltower.transactions.protocol import State


@dataclass(frozen=True, slots=True)
class Intent:
    """A call about to be made, already committed as an attempt."""

    step_id: UUID
    transaction_id: UUID
    fence: int
    attempt_id: UUID
    system: System
    order: calls.Order
    definition: StepDefinition
    came_from: State


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of it. Without a verdict, the call was not begun: the time was too short."""

    intent: Intent
    verdict: Verdict | None
    milliseconds: int = 0
    quota: Quota = field(default_factory=Quota)
