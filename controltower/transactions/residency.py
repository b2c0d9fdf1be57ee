"""A record that is tied to a region is sent nowhere else."""

from __future__ import annotations

from controltower.canonical.verdicts import Effect, Kind
from controltower.processes.definition import Refuse
from controltower.transactions.cases import Case
from controltower.transactions.models import Step


def refusal(case: Case, step: Step) -> Refuse | None:
    """Why a step may not give its company's records to its system; None when it may.

    Reading takes nothing there. Where nobody has said where a system keeps what it is given, it
    gets nothing of a company whose records must stay; and nothing of which it is not known whether
    it belongs to such a company.
    """
    entity, system = case.transaction.entity, step.system
    if system is None or step.effect == Effect.READ:
        return None
    concerned = case.world.legal.values() if entity is None else [entity]
    tied = next((one for one in concerned if one.residency not in {"", system.region}), None)
    if tied is None:
        return None
    where = f"keeps its data in {system.region}" if system.region else "has no region on record"
    text = f"{tied.name}'s records may not leave {tied.residency}; {system.title} {where}."
    if entity is None:
        text = (
            f"Nobody knows whether this is {tied.name}'s, whose records may not leave "
            f"{tied.residency}; {system.title} {where}."
        )
    return Refuse(Kind.PERMISSION, text)
