"""A record that is tied to a region is sent nowhere else."""

from __future__ import annotations

from controltower.canonical.verdicts import Effect, Kind
from controltower.processes.definition import Refuse
from controltower.transactions.cases import Case
from controltower.transactions.models import Step


def refusal(case: Case, step: Step) -> Refuse | None:
    """Why a step may not give its company's records to its system; None when it may.

    Reading takes nothing there. Where nobody has said where a system keeps what it is given, it
    gets nothing of a company whose records must stay.
    """
    entity, system = case.transaction.entity, step.system
    if entity is None or system is None or step.effect == Effect.READ:
        return None
    if entity.residency in {"", system.region}:
        return None
    where = f"keeps its data in {system.region}" if system.region else "has no region on record"
    text = f"{entity.name}'s records may not leave {entity.residency}; {system.title} {where}."
    return Refuse(Kind.PERMISSION, text)
