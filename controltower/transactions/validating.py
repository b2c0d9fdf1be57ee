"""Would a customer's record be accepted? Answered while a person waits; nothing is written.

The rules of the firm are asked first: legal entity, tax, period, mapping. Then the CRM, whether
somebody like it is known, and the company's ERP, whether it would refuse. Who does not answer
within the deadline is named: then nobody knows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from controltower.canonical.rules import apply
from controltower.canonical.verdicts import Done, Kind, Rejected, Verdict
from controltower.mappings.models import MappingVersion
from controltower.processes import clients, opportunity_to_project, tax
from controltower.processes.definition import Entity, Refuse
from controltower.systems import calls
from controltower.systems.doors import opened
from controltower.systems.models import Circuit, System
from controltower.systems.routing import Part
from controltower.transactions import books
from controltower.transactions.world import World, world

DEADLINE = timedelta(seconds=5)
"""How long a person waits at most for all systems together."""


@dataclass(frozen=True, slots=True)
class Objection:
    """Why the record would not be accepted: of which kind, in words, and for which field."""

    kind: str
    text: str
    field: str = ""


@dataclass(slots=True)
class Answer:
    """What speaks against the record; which systems did not answer; the tax treatment of sales to
    them, and the number under which the ERP has them already ("" for none)."""

    objections: list[Objection] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    treatment: str = ""
    customer_number: str = ""


def validate(*, record: Mapping[str, Any], on: date | None, now: datetime) -> Answer:
    """Ask rules and systems about a record of canonical fields. `on` is the accounting day of the
    first invoice, today where None."""
    around, answer = world(), Answer()
    entity = around.entities.get(record["entity"])
    if entity is None:
        text = f"The firm has no legal entity {record['entity']}."
        answer.objections.append(Objection(Kind.REFERENCE_MISSING, text, "entity"))
        return answer
    day = on or entity.today(now)
    _by_rules(answer, record, entity, day)
    questions = _questions(answer, around, record, entity, day)
    for (name, system, _), verdict in zip(questions, asyncio.run(_ask(questions)), strict=True):
        if verdict is None:
            answer.unanswered.append(system.title)
        elif name == "alike":
            _by_likeness(answer, record, system, verdict)
        else:
            _by_erp(answer, system, verdict)
    return answer


def _by_rules(answer: Answer, record: Mapping[str, Any], entity: Entity, day: date) -> None:
    found = tax.treatment(entity, record["country"], record["vat_number"])
    if isinstance(found, Refuse):
        answer.objections.append(Objection(found.kind, found.text, found.field))
    else:
        answer.treatment = found
    if f"{day:%Y-%m}" in entity.closed_periods:
        text = f"{day:%Y-%m} is closed in the books of {entity.name}."
        answer.objections.append(Objection(Kind.PERIOD_CLOSED, text, "on"))


Question = tuple[str, System, calls.Order]


def _questions(
    answer: Answer, around: World, record: Mapping[str, Any], entity: Entity, day: date
) -> list[Question]:
    """Of the CRM, who is alike; of the company's ERP, whether it would refuse."""
    found: list[Question] = []
    company = around.legal[entity.code].pk
    if crm := around.playing(Part("crm", company, "customer", day), ()):
        order = calls.Order("probe", "relations", "upsert", find=dict(record))
        found.append(("alike", crm, order))
    if erp := around.playing(Part("erp", company, "customer", day), ()):
        wanted = _as_customer(answer, around, record, erp)
        key = {name: wanted[name] for name in ("code", "name", "vat_number", "company")}
        if mapped := _mapped(answer, around, wanted, erp):
            found.append(
                ("erp", erp, calls.Order("send", "customer", "upsert", record=mapped, find=key))
            )
    return found


def _as_customer(
    answer: Answer, around: World, record: Mapping[str, Any], erp: System
) -> dict[str, Any]:
    """As the first deal would send it."""
    code = record["erp_code"] or opportunity_to_project.customer_code(record["source_id"])
    extra = {"code": code, "company": record["entity"], "tax_treatment": answer.treatment}
    return {**record, **extra}


def _mapped(
    answer: Answer, around: World, record: Mapping[str, Any], erp: System
) -> dict[str, Any]:
    try:
        version = around.active_version(opportunity_to_project.CREATE_CUSTOMER.mapping, erp)
    except MappingVersion.DoesNotExist:
        text = "No mapping of customers is in force."
        answer.objections.append(Objection(Kind.CONTRACT, text))
        return {}
    applied = apply(version.rules, record)
    for gap in applied.gaps:
        answer.objections.append(Objection(Kind.REFERENCE_MISSING, gap.text, gap.field))
    return {} if applied.gaps else applied.record


async def _ask(questions: Sequence[Question]) -> list[Verdict | None]:
    """All at once, within the deadline; None of whoever is away or late."""
    systems = [system for _, system, _ in questions if system.circuit != Circuit.OPEN]
    async with opened(systems) as doors:
        waiting = [_one(doors.get(system.pk), name, order) for name, system, order in questions]
        return list(await asyncio.gather(*waiting))


async def _one(door: calls.Door | None, name: str, order: calls.Order) -> Verdict | None:
    if door is None:
        return None
    asked = door.perform(order) if name == "alike" else door.rehearse(order)
    try:
        verdict = await asyncio.wait_for(asked, DEADLINE.total_seconds())
    except (TimeoutError, calls.TooLate):
        return None
    return verdict if isinstance(verdict, Done | Rejected) else None


def _by_likeness(
    answer: Answer, record: Mapping[str, Any], system: System, verdict: Verdict
) -> None:
    """Who is like it, save whom a data owner has kept apart from it."""
    if not isinstance(verdict, Done):
        answer.unanswered.append(system.title)
        return
    known = books.decided(record["source_id"]) if record["source_id"] else {}
    for other in clients.lookalikes(record, (), verdict.values["alike"]):
        if str(other["source_id"]) not in known:
            text = f"{system.title} has {other['name']} already ({', '.join(other['why'])})."
            answer.objections.append(Objection(Kind.DUPLICATE, text, "name"))


def _by_erp(answer: Answer, system: System, verdict: Verdict) -> None:
    if isinstance(verdict, Done):
        answer.customer_number = str(verdict.values.get("code") or "")
    elif isinstance(verdict, Rejected) and verdict.kind is not Kind.NOT_FOUND:
        name = verdict.fields[0].field if verdict.fields else ""
        answer.objections.append(Objection(verdict.kind, f"{system.title}: {verdict.text}", name))
