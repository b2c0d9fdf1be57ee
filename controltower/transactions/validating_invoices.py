"""Would the invoice for gathered work be accepted, before it is billed?

The steps of its process are played in thought, by the rules, contracts and mapping of this moment:
the work is checked, the client read in the CRM, and the company's ERP asked whether it would refuse
the draft.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from controltower.canonical.verdicts import Done, Kind, Rejected
from controltower.canonical.wire import to_json
from controltower.processes import time_and_expense_to_billing as billing
from controltower.processes.definition import Apart, Facts, Hold, Learn, Refuse, Result, Send, Skip
from controltower.systems import calls
from controltower.systems.models import System
from controltower.transactions import cases, sources, validating
from controltower.transactions.cases import Case
from controltower.transactions.facts import conclude
from controltower.transactions.models import Transaction
from controltower.transactions.validating import Question

CHECK, CLIENT, RELEASE, DRAFT = "check", "client", "billing-event", "draft"


class NotForeseeable(Exception):
    """There is no invoice to come of it; the text says why."""


@dataclass(slots=True)
class Answer(validating.Answer):
    """Besides: the invoice as it would be drafted, as far as that was reached. `untaxed` is in
    `currency`, None where nothing would be billed; `notes` say what of the work it would not
    bill."""

    untaxed: Decimal | None = None
    currency: str = ""
    on: date | None = None
    treatment: str = ""
    customer_number: str = ""
    erp: str = ""
    notes: list[str] = field(default_factory=list)


def validate(*, transaction: Transaction, now: datetime) -> Answer:
    """Ask rules and systems about the invoice of a transaction that gathers work, or has not
    drafted it yet. Raises NotForeseeable."""
    case = cases.read([transaction.pk], now=now)[transaction.pk]
    if transaction.process != billing.PROCESS.name:
        raise NotForeseeable("This is no billing of approved work.")
    if transaction.is_over or any(step.name == DRAFT and step.sent_at for step in case.steps):
        raise NotForeseeable("Its invoice was drafted already, or it is over.")
    answer, known = Answer(), case.facts()
    for ponder in (_checked, _with_client):
        pondered = ponder(answer, case, known)
        if pondered is None:
            return answer
        known = pondered
    _drafted(answer, case, known)
    return answer


def _checked(answer: Answer, case: Case, known: Facts) -> Facts | None:
    """With what the check of the work would find."""
    rule = case.definitions(known)[CHECK]
    match conclude(rule, sources.consulted(known, case, CHECK)):
        case Learn(values=values, text=text):
            answer.notes += [text] if text else []
            return _with(known, CHECK, Result("", to_json(dict(values))))
        case Apart(leaving=leaving):
            for one in leaving:
                answer.object(Kind.CONFLICT, f"{one.why} It would wait by itself.", "project")
        case Refuse() | Hold() as stop:
            _stopped(answer, stop)
    return None


def _with_client(answer: Answer, case: Case, known: Facts) -> Facts | None:
    """With the client as the CRM has it now."""
    rule = case.definitions(known)[CLIENT]
    prepared = conclude(rule, known)
    if not isinstance(prepared, Send):
        _stopped(answer, prepared)
        return None
    crm = _player(answer, case, rule.role, rule.entity)
    if crm is None:
        return None
    order = calls.Order("read_back", rule.entity, rule.verb, ref=prepared.ref)
    (verdict,) = validating.ask([Question(CLIENT, crm, order, reads=True)], case.now)
    if isinstance(verdict, Done):
        return _with(known, CLIENT, Result(verdict.ref, to_json(dict(verdict.values))))
    if isinstance(verdict, Rejected):
        answer.refused(crm, verdict)
    else:
        answer.unanswered.append(crm.title)
    return None


def _drafted(answer: Answer, case: Case, known: Facts) -> None:
    """Whether it may be released, and the ERP would take the draft."""
    released = conclude(case.definitions(known)[RELEASE], known)
    if isinstance(released, Refuse | Hold):
        _stopped(answer, released)
    rule = case.definitions(known)[DRAFT]
    prepared = conclude(rule, known)
    if not isinstance(prepared, Send):
        _stopped(answer, prepared)
        return
    invoice = prepared.record
    answer.untaxed, answer.currency = Decimal(invoice["untaxed"]), str(invoice["currency"])
    answer.on = date.fromisoformat(invoice["invoice_date"])
    answer.treatment, answer.customer_number = invoice["tax_treatment"], invoice["customer_code"]
    erp = _player(answer, case, rule.role, rule.entity)
    if erp is None:
        return
    answer.erp = erp.title
    sent = validating.mapped(answer, case.world, rule.mapping, invoice, erp)
    if not sent:
        return
    entity = case.transaction.entity
    order = calls.Order(
        "rehearse", rule.entity, rule.verb, record=sent, find=prepared.find,
        company=entity.code if entity else "",
    )  # fmt: skip
    (verdict,) = validating.ask([Question(DRAFT, erp, order)], case.now)
    if verdict is None:
        answer.unanswered.append(erp.title)
    elif isinstance(verdict, Rejected) and verdict.kind is not Kind.NOT_FOUND:
        answer.refused(erp, verdict)
    elif isinstance(verdict, Done):
        text = f"{erp.title} has it already as {verdict.ref}: it would be linked, not sent twice."
        answer.notes.append(text)


def _player(answer: Answer, case: Case, role: str, record: str) -> System | None:
    system = case.player(role, record)
    if system is None:
        answer.object(Kind.CONTRACT, f"No system of the firm plays the part “{role}” at present.")
    return system


def _stopped(answer: Answer, prepared: Any) -> None:
    """What a rule says instead of going on."""
    match prepared:
        case Refuse(kind=kind, text=text, field=name):
            answer.object(kind, text, name)
        case Hold(kind=kind, text=text):
            answer.object(kind, text)
        case Skip(reason=reason):
            answer.notes.append(reason)


def _with(known: Facts, step: str, result: Result) -> Facts:
    return replace(known, results={**known.results, step: result})
