"""After a restore: which facts were gathered on which invoice, by the invoices' own lines.

What falls together depends on when a billing run closed, so that facts read again may be gathered
otherwise than before. Facts that an invoice carries already become its transaction again, under
its reference; the others stay together. Only work of which nothing was written is regrouped.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from controltower.canonical.verdicts import Done, Kind, Rejected, Verdict
from controltower.processes import catalogue
from controltower.processes.definition import Process, Trace
from controltower.systems.doors import opened
from controltower.systems.models import System
from controltower.transactions import beginning, cases, correction, engine, recovery
from controltower.transactions.beginning import Part
from controltower.transactions.cases import Case
from controltower.transactions.models import Item, Transaction
from controltower.transactions.stored import canonical, reference_of

log = logging.getLogger(__name__)


class NoAnswer(Exception):
    """The target could not say; it is asked again at the next beat."""


@dataclass(frozen=True, slots=True)
class Group:
    """Facts that belong together; `reference` is that of their invoice, "" when there is none."""

    reference: str
    items: tuple[Item, ...]


def compare(*, now: datetime) -> None:
    """Regroup what is gathered and not written yet; then the recovery is over."""
    under_way = recovery.current()
    if under_way is None or not recovery.progress(under_way, now).is_caught_up:
        return
    gathered = Transaction.objects.live().exclude(group="").order_by("started_at")
    try:
        for pk in list(gathered.values_list("pk", flat=True)):
            _compare(pk, now)
    except NoAnswer as away:
        log.warning("gathered work not compared: %s", away)
        return
    recovery.finish(under_way, now=now)


def _compare(pk: UUID, now: datetime) -> None:
    case = cases.read([pk], now=now)[pk]
    process = catalogue.named(case.transaction.process)
    if process.trace is None or not case.items or correction.has_written(case):
        return
    references = _invoices_of(case, process.trace)
    if not references:
        return
    with cases.opened([pk], now=now) as found:
        for fresh in regroup(found[pk], process, references):
            found[fresh.transaction.pk] = fresh


def _invoices_of(case: Case, trace: Trace) -> dict[str, str]:
    """The reference of the record that carries a fact, by the fact's mark."""
    system, entity = case.player(trace.role, trace.entity), case.transaction.entity
    if system is None or entity is None:
        return {}
    marks = [trace.mark(item.record) for item in case.items]
    (any_of_them,) = _ask(system, trace.entity, [{"company": entity.code, "facts": marks}])
    if _is_absent(any_of_them):
        return {}
    questions = [{"company": entity.code, "fact": mark} for mark in marks]
    answers = _ask(system, trace.entity, questions)
    return {
        mark: str(answer.values["reference"])
        for mark, answer in zip(marks, answers, strict=True)
        if isinstance(answer, Done)
    }


def _ask(system: System, entity: str, questions: Sequence[Mapping[str, Any]]) -> list[Verdict]:
    """Raises NoAnswer when the system cannot be asked."""

    async def asked() -> list[Verdict]:
        async with opened([system]) as doors:
            door = doors[system.pk]
            return await asyncio.gather(*(door.find(entity, one) for one in questions))

    answers = asyncio.run(asked())
    for answer in answers:
        if not isinstance(answer, (Done, Rejected)):
            raise NoAnswer(str(getattr(answer, "text", "")))
    return answers


def _is_absent(verdict: Verdict) -> bool:
    return isinstance(verdict, Rejected) and verdict.kind is Kind.NOT_FOUND


def grouped(items: Sequence[Item], trace: Trace, references: Mapping[str, str]) -> list[Group]:
    """The facts by the invoice that carries them; those that none carries come last."""
    by_reference: dict[str, list[Item]] = {}
    for item in items:
        by_reference.setdefault(references.get(trace.mark(item.record), ""), []).append(item)
    rest = by_reference.pop("", [])
    groups = [Group(reference, tuple(found)) for reference, found in by_reference.items()]
    return groups + ([Group("", tuple(rest))] if rest else [])


def regroup(case: Case, process: Process, references: Mapping[str, str]) -> Iterator[Case]:
    """Leave in the case what belongs to it, and begin what is another invoice's anew."""
    assert process.trace is not None
    own = case.transaction.reference
    groups = [group for group in grouped(case.items, process.trace, references)
              if group.reference == own or not _is_taken(group.reference)]  # fmt: skip
    if not groups:
        return
    staying = next((one for one in groups if one.reference == own), groups[-1])
    for group in groups:
        if group is not staying:
            yield _apart(case, process, group)
    if staying.reference:
        _adopt(case, staying.reference)


def _is_taken(reference: str) -> bool:
    """An invoice of a transaction that our books know: what looks like a part of it is shown to a
    person when it is drafted, and not sent."""
    return bool(reference) and Transaction.objects.filter(reference=reference).exists()


def _apart(case: Case, process: Process, group: Group) -> Case:
    parts = []
    for item in group.items:
        event, fact = item.event, canonical(item.event)
        opening = process.open(fact, case.world.entities, case.now)
        why = f"{event.subject} is not on the same invoice as the rest: it is billed by itself."
        correction.take_out(case, item, opening.amount, why=why)
        parts.append(Part(opening, event, fact))
    name = group.reference or reference_of(parts[0].event, process)
    return beginning.begin_with(process, parts, reference=name, around=case.world, now=case.now)


def _adopt(case: Case, reference: str) -> None:
    """The case is what has made that invoice: it takes its name, and gathers nothing else."""
    case.transaction.reference = reference
    case.note("recognised", f"The target has the invoice of {reference} with these facts already.")
    if case.transaction.gathering:
        engine.close_gathering(case)
