"""A transaction begins with a fact, or a fact joins one that still gathers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from controltower.canonical.events import CanonicalEvent
from controltower.processes.definition import Opening, Process
from controltower.transactions import engine, joining
from controltower.transactions.cases import Case
from controltower.transactions.models import InboundEvent
from controltower.transactions.world import World


def begin(
    process: Process,
    opening: Opening,
    event: InboundEvent,
    fact: CanonicalEvent,
    *,
    reference: str,
    around: World,
    now: datetime,
) -> Case:
    """A new case with its first fact: it plays at once, unless it gathers first."""
    transaction = joining.made(process, opening, event, reference, around, now)
    case = Case(transaction, [], [], around, now)
    case.note("accepted", f"{process.title} began: {opening.title}.")
    joining.join(case, process, opening, event, fact)
    if not transaction.gathering:
        engine.start(case)
    return case


@dataclass(frozen=True, slots=True)
class Part:
    """A fact with its event and what its process reads in it."""

    opening: Opening
    event: InboundEvent
    fact: CanonicalEvent


def begin_with(
    process: Process, parts: Sequence[Part], *, reference: str, around: World, now: datetime
) -> Case:
    """A new case with facts that belong together already: it gathers nothing else."""
    first = replace(parts[0].opening, group="", gather_until=None)
    transaction = joining.made(process, first, parts[0].event, reference, around, now)
    transaction.group = parts[0].opening.group
    case = Case(transaction, [], [], around, now)
    case.note("accepted", f"{process.title} began: {first.title}.")
    for part in parts:
        joining.join(case, process, part.opening, part.event, part.fact)
    engine.start(case)
    return case
