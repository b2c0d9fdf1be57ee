"""A chain: every transaction under one correlation id that a person may see, one of them chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from controltower.firm.models import Person
from controltower.incidents import settling
from controltower.incidents.models import DeadLetter, Settlement
from controltower.processes.definition import Facts
from controltower.transactions import amending
from controltower.transactions.facts import known
from controltower.transactions.models import (
    Amendment,
    Attempt,
    ItemState,
    PlanState,
    ReplayItem,
    Step,
    Transaction,
)
from controltower.transactions.world import entities
from controltower.web import privacy, standing

MOST_PARTS = 100
MOST_DRAWN = 6
RELEASED = (PlanState.RUNNING, PlanState.PAUSED)


@dataclass(slots=True)
class Chain:
    """Every transaction of a correlation id that the person may see, newest first."""

    person: Person
    parts: list[Transaction]
    chosen: Transaction
    steps: dict[UUID, list[Step]] = field(default_factory=dict)
    attempts: dict[UUID, list[Attempt]] = field(default_factory=dict)
    letter: DeadLetter | None = None
    proposed: Settlement | None = None
    replay: ReplayItem | None = None
    editable: list[amending.Field] = field(default_factory=list)
    edited: Amendment | None = None
    mask: privacy.Mask = privacy.EVERYTHING

    @property
    def replaying(self) -> bool:
        """Whether a released replay has the stuck step; a plan alone holds nothing back."""
        return self.replay is not None and self.replay.plan.state in RELEASED

    @property
    def own(self) -> list[Step]:
        """The steps of the chosen transaction, in order."""
        return self.steps.get(self.chosen.pk, [])

    @property
    def trouble(self) -> Step | None:
        """The step that explains the chosen transaction's state."""
        return None if self.chosen.is_over else standing.trouble_in(self.own)

    def tries(self, step: Step) -> list[Attempt]:
        """Every call of a step, oldest first."""
        return self.attempts.get(step.pk, [])


def load(person: Person, correlation_id: str, part: str, now: datetime) -> Chain | None:
    """The chain, or None when nothing of it is there for this person. Seven queries,
    and four more for what may be edited of what is stuck."""
    visible = (
        Transaction.objects.visible_to(person)
        .filter(correlation_id=correlation_id)
        .select_related("entity")
    )
    parts = list(visible.order_by("-started_at", "-pk")[:MOST_PARTS])
    chosen = _choose(parts, part) or (visible.filter(reference=part).first() if part else None)
    if chosen is None:
        return None
    chain = Chain(person, parts, chosen, mask=privacy.of(chosen))
    drawn = drawn_parts(chain)
    steps = Step.objects.filter(transaction__in=[one.pk for one in drawn])
    for step in steps.select_related("system", "mapping_version__mapping"):
        chain.steps.setdefault(step.transaction_id, []).append(step)
    tried = [step.pk for own in chain.steps.values() for step in own]
    attempts = Attempt.objects.filter(step__in=tried)
    for attempt in attempts.defer("payload", "request", "response").select_related(
        "mapping_version"
    ):
        chain.attempts.setdefault(attempt.step_id, []).append(attempt)
    if trouble := chain.trouble:
        _load_what_is_done(chain, trouble, now)
    return chain


def _load_what_is_done(chain: Chain, trouble: Step, now: datetime) -> None:
    """Its letter, what people have proposed or planned for it, and what may be edited."""
    letters = DeadLetter.objects.filter(step=trouble).annotate(proposal=settling.PROPOSAL)
    letter: Any = letters.select_related("cause__owner", "cause__system").first()
    if letter is not None and letter.proposal:
        chain.proposed = settling.proposed(letter.proposal)
    chain.letter = letter
    chain.replay = (
        ReplayItem.objects.filter(step=trouble, state__in=[ItemState.WAITING, ItemState.SENT])
        .filter(Q(plan__state__in=RELEASED) | Q(plan__expires_at__gt=now))
        .exclude(plan__ended_at__isnull=False)
        .select_related("plan")
        .order_by("-pk")
        .first()
    )
    if trouble.state in standing.STUCK and not standing.in_doubt(trouble):
        trouble.transaction = chain.chosen
        chain.editable = amending.offered(trouble, _facts(chain, now))
        chain.edited = amending.open_amendment(trouble) if chain.editable else None


def _facts(chain: Chain, now: datetime) -> Facts:
    records = list(chain.chosen.items.values_list("record", flat=True))
    return known(chain.chosen, chain.own, records, entities(), now)


def _choose(parts: Sequence[Transaction], part: str) -> Transaction | None:
    """The one that is asked for; else what is stuck, else the newest."""
    if part:
        return next((one for one in parts if one.reference == part), None)
    return next((one for one in parts if standing.is_stuck(one)), parts[0] if parts else None)


def drawn_parts(chain: Chain) -> list[Transaction]:
    """The parts that the journey shows, oldest first: the deal, the chosen one, the newest."""
    first = chain.parts[-1:]
    others = [one for one in chain.parts[:-1] if one.exposure != "unpaid cost"]
    kept = {one.pk: one for one in [chain.chosen, *first, *others[: MOST_DRAWN - 1]]}
    return sorted(kept.values(), key=lambda one: (one.started_at, str(one.pk)))
