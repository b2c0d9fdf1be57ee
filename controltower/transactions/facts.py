"""What the pure process rules are given to think with, and what they say."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from controltower.canonical.verdicts import Kind
from controltower.processes import catalogue
from controltower.processes.definition import (
    Entity,
    Facts,
    Prepared,
    Refuse,
    Result,
    StepDefinition,
)
from controltower.transactions.models import Step, Transaction
from controltower.transactions.protocol import State
from controltower.transactions.world import entities

log = logging.getLogger(__name__)
TELLING = (State.VERIFIED, State.ACKED)
"""States in which a step's result is known."""


def facts(transaction: Transaction, now: datetime) -> Facts:
    """Everything known of a transaction, read from the database."""
    steps = Step.objects.filter(transaction=transaction, state__in=TELLING)
    records = transaction.items.values_list("record", flat=True)
    return known(transaction, steps, list(records), entities(), now)


def known(
    transaction: Transaction,
    steps: Iterable[Step],
    records: list[Mapping[str, Any]],
    firm: Mapping[str, Entity],
    now: datetime,
) -> Facts:
    """Everything known of a transaction, as its process sees it."""
    return Facts(
        correlation_id=transaction.correlation_id,
        reference=transaction.reference,
        subject=transaction.subject,
        items=records,
        results={s.name: Result(s.ref, s.values) for s in steps if s.state in TELLING},
        entities=firm,
        decisions=transaction.decisions,
        now=now,
    )


def definitions(transaction: Transaction, given: Facts) -> dict[str, StepDefinition]:
    """The steps of what the transaction plays, by name."""
    played = catalogue.workflow(transaction.process)
    return {step.name: step for step in played.steps(given)}


def conclude(definition: StepDefinition, given: Facts) -> Prepared:
    """What the step's rule says. A rule that fails is a defect of ours: it refuses its own step,
    in words, and stops nothing else."""
    try:
        return definition.prepare(given)
    except Exception as error:
        log.exception("a rule failed", extra={"step": definition.name})
        name = type(error).__name__
        return Refuse(Kind.CONTRACT, f"The tower's own rule for this step failed ({name}).")
