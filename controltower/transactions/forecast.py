"""What would happen if a stuck step were played now, asked of rules, mapping and target."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from controltower.canonical.rules import apply
from controltower.canonical.verdicts import Done, Kind, Rejected, Verdict
from controltower.mappings import versions
from controltower.mappings.models import MappingVersion
from controltower.processes.definition import (
    Apart,
    Facts,
    Hold,
    Learn,
    Refuse,
    Send,
    Skip,
    StepDefinition,
)
from controltower.systems import calls
from controltower.systems.doors import opened
from controltower.systems.models import System
from controltower.transactions import cases, sources
from controltower.transactions.facts import conclude, definitions
from controltower.transactions.models import Forecast, ItemState, ReplayItem, Step

FAILS = "It would fail again: "


def fill(items: Sequence[ReplayItem], *, mapping_choice: str, now: datetime) -> None:
    """Set forecast, reason and difference on each item; nothing is sent or saved here."""
    questions: list[tuple[ReplayItem, System, calls.Order]] = []
    found = cases.read({item.transaction_id for item in items}, now=now)
    for place, fresh in sources.fresh(items, found).items():
        item = items[place]
        order = _by_rules(item, fresh, mapping_choice)
        if order is not None and item.step.system is not None:
            questions.append((item, item.step.system, order))
    if questions:
        answers = asyncio.run(_ask(questions))
        for (item, _, order), verdict in zip(questions, answers, strict=True):
            _by_target(item, order, verdict)
    for item in items:
        if item.forecast == Forecast.WOULD_FAIL:
            item.state = ItemState.EXCLUDED
            item.text = item.why


def _by_rules(item: ReplayItem, known: Facts, mapping_choice: str) -> calls.Order | None:
    """The question to ask the target, or None when the rules alone decide."""
    step = item.step
    definition = definitions(item.transaction, known)[step.name]
    prepared = conclude(definition, known)
    match prepared:
        case Refuse(text=text) | Hold(text=text):
            item.forecast, item.why = Forecast.WOULD_FAIL, FAILS + text
            return None
        case Skip(reason=reason):
            item.forecast, item.why = Forecast.NO_OP, reason
            return None
        case Learn() | Apart():
            item.forecast, item.why = Forecast.UPDATE, "The check passes now; the next steps play."
            return None
    return _question(item, step, definition, prepared, mapping_choice)


def _question(
    item: ReplayItem, step: Step, definition: StepDefinition, prepared: Send, mapping_choice: str
) -> calls.Order | None:
    record: dict[str, Any] = dict(prepared.record)
    if definition.mapping:
        version = step.mapping_version
        if mapping_choice == "now" or version is None:
            assert step.system is not None
            try:
                version = versions.active(definition.mapping, step.system.slug)
            except MappingVersion.DoesNotExist:
                item.forecast = Forecast.WOULD_FAIL
                item.why = f"{FAILS}no version of “{definition.mapping}” is in force."
                return None
        applied = apply(version.rules, prepared.record)
        if applied.gaps:
            item.forecast, item.why = Forecast.WOULD_FAIL, FAILS + applied.gaps[0].text
            return None
        item.difference = _difference(step, version, applied.record)
        record = applied.record
    entity = item.transaction.entity
    return calls.Order(
        purpose="rehearse",
        entity=step.entity,
        verb=step.verb,
        ref=prepared.ref or step.ref,
        record=record,
        find=prepared.find,
        company=entity.code if entity else "",
        key=step.idempotency_key,
    )


def _difference(step: Step, version: MappingVersion, record: dict[str, Any]) -> list[list[str]]:
    """Field by field, what would be sent now against what was sent last."""
    last = step.attempts.filter(purpose="send").order_by("-number").first()
    before = last.payload if last else {}
    rows = []
    if last and last.mapping_version_id not in {None, version.pk} and last.mapping_version:
        was = f"v{last.mapping_version.number}"
        rows.append(["Mapping version", was, f"v{version.number}"])
    for name, value in record.items():
        if before and str(before.get(name)) != str(value) and not isinstance(value, list):
            rows.append([name, str(before.get(name, "")), str(value)])
    return rows


async def _ask(questions: Sequence[tuple[ReplayItem, System, calls.Order]]) -> list[Verdict]:
    systems = {system.pk: system for _, system, _ in questions}
    async with opened(list(systems.values())) as doors:
        return list(
            await asyncio.gather(
                *(doors[system.pk].rehearse(order) for _, system, order in questions)
            )
        )


def _by_target(item: ReplayItem, order: calls.Order, verdict: Verdict) -> None:
    acts = order.verb not in {"upsert", "get"}
    match verdict:
        case Done(ref=ref) if acts or order.verb == "get":
            item.forecast, item.why = Forecast.UPDATE, f"{ref} is there and will be taken further."
        case Done(ref=ref):
            item.forecast = Forecast.ALREADY_THERE
            item.why = f"The target already has it as {ref}: it will be linked, not sent twice."
        case Rejected(kind=Kind.NOT_FOUND) if not acts and order.verb != "get":
            item.forecast = Forecast.CREATE
            item.why = "The target has never seen our reference: one record will be created."
        case _:
            item.forecast = Forecast.WOULD_FAIL
            item.why = FAILS + str(getattr(verdict, "text", "the target gave no answer."))
