"""Would a customer's record be accepted, before somebody keeps it?

The rules are asked: legal entity, tax, period, mapping. Then the CRM, whether somebody like it is
known, and the company's ERP, whether it would refuse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from controltower.canonical.verdicts import Done, Kind, Rejected, Verdict
from controltower.processes import clients, opportunity_to_project, tax
from controltower.processes.definition import Entity, Refuse
from controltower.systems import calls
from controltower.systems.models import System
from controltower.systems.routing import Part
from controltower.transactions import books, validating
from controltower.transactions.validating import Question
from controltower.transactions.world import World, world

ALIKE, TAKEN = "alike", "erp"


@dataclass(slots=True)
class Answer(validating.Answer):
    """Besides: the tax treatment of sales to them, and the number under which the ERP has them
    already ("" for none)."""

    treatment: str = ""
    customer_number: str = ""


def validate(*, record: Mapping[str, Any], on: date | None, now: datetime) -> Answer:
    """Ask rules and systems about a record of canonical fields. `on` is the accounting day of the
    first invoice, today where None."""
    around, answer = world(), Answer()
    entity = around.entities.get(record["entity"])
    if entity is None:
        text = f"The firm has no legal entity {record['entity']}."
        answer.object(Kind.REFERENCE_MISSING, text, "entity")
        return answer
    day = on or entity.today(now)
    _by_rules(answer, record, entity, day)
    questions = _questions(answer, around, record, entity, day)
    for question, verdict in zip(questions, validating.ask(questions, now), strict=True):
        if verdict is None:
            answer.unanswered.append(question.system.title)
        elif question.name == ALIKE:
            _by_likeness(answer, record, question.system, verdict)
        else:
            _by_erp(answer, question.system, verdict)
    return answer


def _by_rules(answer: Answer, record: Mapping[str, Any], entity: Entity, day: date) -> None:
    found = tax.treatment(entity, record["country"], record["vat_number"])
    if isinstance(found, Refuse):
        answer.object(found.kind, found.text, found.field)
    else:
        answer.treatment = found
    if f"{day:%Y-%m}" in entity.closed_periods:
        text = f"{day:%Y-%m} is closed in the books of {entity.name}."
        answer.object(Kind.PERIOD_CLOSED, text, "on")


def _questions(
    answer: Answer, around: World, record: Mapping[str, Any], entity: Entity, day: date
) -> list[Question]:
    """Of the CRM, who is alike; of the company's ERP, whether it would refuse."""
    found: list[Question] = []
    company = around.legal[entity.code].pk
    if crm := around.playing(Part("crm", company, "customer", day), ()):
        order = calls.Order("probe", "relations", "upsert", find=dict(record))
        found.append(Question(ALIKE, crm, order, reads=True))
    if erp := around.playing(Part("erp", company, "customer", day), ()):
        wanted = _as_customer(answer, record)
        key = {name: wanted[name] for name in ("code", "name", "vat_number", "company")}
        mapping = opportunity_to_project.CREATE_CUSTOMER.mapping
        if sent := validating.mapped(answer, around, mapping, wanted, erp):
            order = calls.Order("send", "customer", "upsert", record=sent, find=key)
            found.append(Question(TAKEN, erp, order))
    return found


def _as_customer(answer: Answer, record: Mapping[str, Any]) -> dict[str, Any]:
    """As the first deal would send it."""
    code = record["erp_code"] or opportunity_to_project.customer_code(record["source_id"])
    extra = {"code": code, "company": record["entity"], "tax_treatment": answer.treatment}
    return {**record, **extra}


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
            answer.object(Kind.DUPLICATE, text, "name")


def _by_erp(answer: Answer, system: System, verdict: Verdict) -> None:
    if isinstance(verdict, Done):
        answer.customer_number = str(verdict.values.get("code") or "")
    elif isinstance(verdict, Rejected) and verdict.kind is not Kind.NOT_FOUND:
        answer.refused(system, verdict)
