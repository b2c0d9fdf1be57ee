"""Accounting periods as the ERP has them: a closed month holds work, a reopened one releases it.

The ERP is the truth. What was held for a month is released as one batch, oldest work first, as
soon as the ERP shows that month as open again. Of several ERPs the one is asked that keeps the
company's invoices now.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from django.db.models import QuerySet
from django.db.transaction import atomic

from controltower.canonical.verdicts import Done, Kind, Verdict
from controltower.firm.models import LegalEntity, Period
from controltower.processes.definition import Hold
from controltower.processes.month_end_close import recent_months
from controltower.systems.doors import opened
from controltower.systems.models import System
from controltower.systems.routing import Part
from controltower.transactions import bell, cases, engine
from controltower.transactions.cases import Case
from controltower.transactions.facts import conclude
from controltower.transactions.models import Step
from controltower.transactions.protocol import State
from controltower.transactions.world import entities, world

MONTHS_BACK = 2


def watch(*, now: datetime) -> int:
    """Ask the ERPs which of the recent months are open; returns how many changed."""
    changed = 0
    for system, questions in _questions(now).items():
        for (code, month), verdict in zip(
            questions, asyncio.run(_ask(system, questions)), strict=True
        ):
            if isinstance(verdict, Done):
                closed = verdict.values.get("state") != "open"
                changed += set_period(code=code, month=month, closed=closed, now=now)
                told = Period.objects.filter(entity__code=code, month=month)
                told.update(told_at=now, told_by=system.slug)
    for code in entities():
        release(code=code, now=now)
    return changed


def _questions(now: datetime) -> dict[System, list[tuple[str, str]]]:
    """What to ask each ERP that may be called: (entity, month) pairs."""
    found: dict[System, list[tuple[str, str]]] = {}
    around = world()
    able = set(System.objects.callable(now).filter(role="erp"))
    for code, entity in around.entities.items():
        part = Part("erp", around.legal[code].pk, "invoice", entity.today(now))
        erp = around.playing(part, ())
        if erp is None or erp not in able:
            continue
        months = recent_months(entity, now, MONTHS_BACK)
        if _held(code).exists():
            older = Period.objects.filter(entity__code=code, closed=True)
            months += older.values_list("month", flat=True)
        found.setdefault(erp, []).extend((code, month) for month in dict.fromkeys(months))
    return found


async def _ask(system: System, questions: Sequence[tuple[str, str]]) -> list[Verdict]:
    async with opened([system]) as doors:
        door = doors[system.pk]
        return list(
            await asyncio.gather(
                *(door.find("period", {"company": c, "date": f"{m}-01"}) for c, m in questions)
            )
        )


def set_period(*, code: str, month: str, closed: bool, now: datetime) -> bool:
    """Note a period's state; when it has opened, release what was held. True when it changed."""
    with atomic():
        entity = LegalEntity.objects.get(code=code)
        period, _ = Period.objects.select_for_update().get_or_create(entity=entity, month=month)
        if period.closed == closed:
            return False
        period.closed = closed
        period.save()
        bell.ring("tower", "exceptions")
    return True


def release(*, code: str, now: datetime) -> int:
    """Play what a closed period of the entity holds no longer anew, in the order of its age.

    Asked in every round and not only when a month opens: a release that was cut short goes on.
    """
    released = 0
    held = _held(code).order_by("transaction__started_at")
    for owner in dict.fromkeys(held.values_list("transaction_id", flat=True)):
        with cases.opened([owner], now=now) as found:
            case = found[owner]
            if _may_go_on(case):
                engine.reconsider(case, why="a period was reopened")
                released += 1
    return released


def _may_go_on(case: Case) -> bool:
    """Whether no period holds anything in the case any more."""
    held = [s for s in case.steps if s.state == State.HELD and s.kind == Kind.PERIOD_CLOSED]
    return bool(held) and not any(_still_closed(case, step) for step in held)


def _held(code: str) -> QuerySet[Step]:
    return Step.objects.filter(
        state=State.HELD, kind=Kind.PERIOD_CLOSED, transaction__entity__code=code
    )


def _still_closed(case: Case, step: Step) -> bool:
    """Whether the month that the ERP refused, or that the rule holds for, is still closed."""
    known = case.facts()
    if step.sent.get("invoice_date") and known.entity is not None:
        return str(step.sent["invoice_date"])[:7] in known.entity.closed_periods
    definition = case.definitions(known).get(step.name)
    return definition is None or isinstance(conclude(definition, known), Hold)
