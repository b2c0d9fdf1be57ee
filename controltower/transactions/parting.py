"""Facts that cannot go on with the others leave their transaction, for one of their own.

Nothing was sent that rests on them: they are judged before. What leaves keeps the promise that was
given, and both sides say why and where the other one is.
"""

from __future__ import annotations

from dataclasses import replace

from controltower.processes import catalogue
from controltower.processes.definition import Apart, Process
from controltower.transactions import joining
from controltower.transactions.cases import Case
from controltower.transactions.models import Item
from controltower.transactions.stored import canonical, earliest_of, reference_of, worth_of


def part(case: Case, apart: Apart) -> list[Case]:
    """Begin a case for each group that leaves, none of which is played yet. The case itself comes
    to what stays. They are written together."""
    process = catalogue.named(case.transaction.process)
    groups = [([case.items[place] for place in one.places], one.why) for one in apart.leaving]
    begun = [_begun(case, process, items, why) for items, why in groups]
    case.transaction.amount = worth_of(case.items, process, case.world, case.now)
    case.transaction.happened_at = earliest_of(case.items, process, case.world, case.now)
    case.begun += begun
    return begun


def _begun(case: Case, process: Process, items: list[Item], why: str) -> Case:
    openings = [
        process.open(canonical(item.event), case.world.entities, case.now) for item in items
    ]
    first, reference = items[0].event, reference_of(items[0].event, process)
    alone = replace(openings[0], group="", gather_until=None)
    transaction = joining.made(process, alone, first, reference, case.world, case.now)
    whole = case.transaction
    transaction.group, transaction.promise = whole.group, dict(whole.promise)
    transaction.due_at, transaction.clock_from = whole.due_at, whole.clock_from
    fresh = Case(transaction, [], [], case.world, case.now)
    fresh.note("accepted", f"It was gathered in {whole.reference}, and goes on by itself. {why}")
    for item, opening in zip(items, openings, strict=True):
        case.items.remove(item)
        item.delete()
        joining.join(fresh, process, opening, item.event, canonical(item.event))
    worth = f"{transaction.amount:,} {transaction.currency}"
    case.note("corrected", f"{worth} go on by themselves as {reference}. {why}")
    return fresh
