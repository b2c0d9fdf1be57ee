"""Would something be accepted? Answered while a person waits; nothing is written.

The rules of the firm are asked first, then the systems, all at once. Who does not answer within the
deadline, or may not be called, is named: then nobody knows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from controltower.canonical.rules import apply
from controltower.canonical.verdicts import Done, Kind, Rejected, Verdict
from controltower.mappings.models import MappingVersion
from controltower.systems import calls
from controltower.systems.doors import opened
from controltower.systems.models import System
from controltower.transactions.world import World

DEADLINE = timedelta(seconds=5)
"""How long a person waits at most for all systems together."""


@dataclass(frozen=True, slots=True)
class Objection:
    """Why it would not be accepted: of which kind, in words, and for which field."""

    kind: str
    text: str
    field: str = ""


@dataclass(slots=True, kw_only=True)
class Answer:
    """What speaks against it, and which systems did not answer."""

    objections: list[Objection] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)

    def object(self, kind: str, text: str, to: str = "") -> None:
        """Something speaks against it, in a field where that is known."""
        self.objections.append(Objection(kind, text, to))

    def refused(self, system: System, verdict: Rejected) -> None:
        """A system would not take it."""
        name = verdict.fields[0].field if verdict.fields else ""
        self.object(verdict.kind, f"{system.title}: {verdict.text}", name)


@dataclass(frozen=True, slots=True)
class Question:
    """What a system is asked; `reads` is a look at a record, else a rehearsal of a write."""

    name: str
    system: System
    order: calls.Order
    reads: bool = False


def ask(questions: Sequence[Question], now: datetime) -> list[Verdict | None]:
    """What each system says, asked all at once within the deadline; None of whoever is away, late,
    or not sure, and of whoever may not be called, such as one that a person holds back."""
    named = [one.system.pk for one in questions]
    return asyncio.run(_ask(questions, list(System.objects.callable(now).filter(pk__in=named))))


async def _ask(questions: Sequence[Question], able: Sequence[System]) -> list[Verdict | None]:
    async with opened(able) as doors:
        waiting = [_one(doors.get(one.system.pk), one) for one in questions]
        return list(await asyncio.gather(*waiting))


async def _one(door: calls.Door | None, question: Question) -> Verdict | None:
    if door is None:
        return None
    asked = door.perform(question.order) if question.reads else door.rehearse(question.order)
    try:
        verdict = await asyncio.wait_for(asked, DEADLINE.total_seconds())
    except (TimeoutError, calls.TooLate):
        return None
    return verdict if isinstance(verdict, Done | Rejected) else None


def mapped(
    answer: Answer, around: World, mapping: str, record: Mapping[str, Any], system: System
) -> dict[str, Any]:
    """The record in the target's words by the version in force; {} where something objects."""
    try:
        version = around.active_version(mapping, system)
    except MappingVersion.DoesNotExist as missing:
        answer.object(Kind.CONTRACT, str(missing))
        return {}
    applied = apply(version.rules, record)
    for gap in applied.gaps:
        answer.object(Kind.REFERENCE_MISSING, gap.text, gap.field)
    return {} if applied.gaps else applied.record
