"""What is handed from the preparation to the settlement of one call."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from controltower.canonical.verdicts import Quota, Verdict
from controltower.processes.definition import Send, StepDefinition
from controltower.systems import calls
from controltower.systems.models import System
from controltower.transactions.cases import Case
from controltower.transactions.models import Step
from controltower.transactions.protocol import Purpose, State
from controltower.transactions.tried import Past


class Draft(NamedTuple):
    """A call that the rules allow, before its intent is written: `until` when (monotonic seconds)
    its step is ours."""

    case: Case
    step: Step
    past: Past
    until: float
    order: calls.Order
    prepared: Send
    definition: StepDefinition

    @property
    def sends(self) -> bool:
        """Whether it writes, rather than asks."""
        return self.order.purpose == Purpose.SEND


class Intent(NamedTuple):
    """A call about to be made, already committed as an attempt, which `past` counts. It must have
    ended `until` then (monotonic seconds)."""

    step_id: UUID
    transaction_id: UUID
    fence: int
    attempt_id: UUID
    system: System
    order: calls.Order
    definition: StepDefinition
    came_from: State
    past: Past
    until: float


class Answered(NamedTuple):
    """What came of it. Without a verdict, the call was not begun: the time was too short."""

    intent: Intent
    verdict: Verdict | None
    milliseconds: int = 0
    quota: Quota = Quota()
