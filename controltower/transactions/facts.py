"""What the pure process rules are given to think with."""

from __future__ import annotations

import logging
from datetime import datetime

from controltower.canonical.verdicts import Kind
from controltower.firm.models import LegalEntity, Period
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

log = logging.getLogger(__name__)


def entities() -> dict[str, Entity]:
    """The firm's legal entities with their closed months."""
    closed: dict[int, set[str]] = {}
    for entity_id, month in Period.objects.filter(closed=True).values_list("entity_id", "month"):
        closed.setdefault(entity_id, set()).add(month)
    return {
        row.code: Entity(
            code=row.code,
            name=row.name,
            country=row.country,
            currency=row.currency,
            zone=row.zone,
            gather_for=row.gather_for,
            closed_periods=frozenset(closed.get(row.pk, ())),
        )
        for row in LegalEntity.objects.all()
    }


def facts(transaction: Transaction, now: datetime) -> Facts:
    """Everything known of a transaction, as its process sees it."""
    results = {
        step.name: Result(step.ref, step.values)
        for step in Step.objects.filter(
            transaction=transaction, state__in=[State.VERIFIED, State.ACKED]
        )
    }
    return Facts(
        correlation_id=transaction.correlation_id,
        reference=transaction.reference,
        subject=transaction.subject,
        items=list(transaction.items.values_list("record", flat=True)),
        results=results,
        entities=entities(),
        decisions=transaction.decisions,
        now=now,
    )


def definitions(transaction: Transaction, known: Facts) -> dict[str, StepDefinition]:
    """The steps of the transaction's process by name."""
    process = catalogue.named(transaction.process)
    return {step.name: step for step in process.steps(known)}


def conclude(definition: StepDefinition, known: Facts) -> Prepared:
    """What the step's rule says. A rule that fails is a defect of ours: it refuses its own step,
    in words, and stops nothing else."""
    try:
        return definition.prepare(known)
    except Exception as error:
        log.exception("a rule failed", extra={"step": definition.name})
        name = type(error).__name__
        return Refuse(Kind.CONTRACT, f"The tower's own rule for this step failed ({name}).")
