"""What a target's answer teaches: the record's id, values and names, the proof of its effect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from controltower.canonical.contracts import told
from controltower.canonical.verdicts import Done, Effect, Kind, Verdict
from controltower.canonical.wire import to_json
from controltower.firm.models import Period
from controltower.transactions import sets
from controltower.transactions.cases import Case
from controltower.transactions.intent import Answered
from controltower.transactions.models import Delivery, Step
from controltower.transactions.protocol import Move, Purpose, State

NUMBERED = {
    "invoice": "number",
    "supplier_invoice": "number",
    "billing_event": "number",
    "customer": "code",
    "supplier": "code",
}
"""Where a target's answer carries the number that people use."""
Proofs = dict[tuple[int, str, int], str]
"""The record that each (system, key, generation) is known to have made."""


def proofs(answers: Sequence[Answered]) -> Proofs:
    """What is known already of the keys that were confirmed just now."""
    keys = [a.intent.order.key for a in answers if isinstance(a.verdict, Done) and _writes(a)]
    if not keys:
        return {}
    known = sets.read(Delivery, "idempotency_key", keys, order="id")
    return {(one.system_id, one.idempotency_key, one.generation): one.ref for one in known}


def _writes(answered: Answered) -> bool:
    order = answered.intent.order
    return order.verb != "get" and order.purpose != Purpose.READ_BACK


def learn(case: Case, step: Step, verdict: Done, move: Move, known: Proofs) -> None:
    """Keep what the target said, and the proof that this key had this one effect."""
    step.ref = verdict.ref or step.ref
    step.values = {**step.values, **_as_dict(verdict.values)}
    if step.effect == Effect.READ:
        return
    _name(case, step)
    if move.to is not State.ACKED or step.system_id is None:
        return
    key = (step.system_id, step.idempotency_key, step.generation)
    if key not in known:
        known[key] = step.ref
        proof = sets.made(
            Delivery,
            system_id=step.system_id,
            idempotency_key=step.idempotency_key,
            generation=step.generation,
            ref=step.ref,
            at=case.now,
        )
        case.proofs.append(proof)
    elif known[key] != step.ref:
        step.state, step.kind = State.PARKED, Kind.DUPLICATE
        step.text = f"Two records answer to one key: {known[key]} and {step.ref}."


def _name(case: Case, step: Step) -> None:
    """Whatever the target calls the record finds the transaction from now on: its number, and
    the target's own id of what was created."""
    kind = step.entity.replace("_", " ")
    if number := step.values.get(NUMBERED.get(step.entity, "")):
        case.name(kind, str(number))
    if step.verb == "upsert" and step.entity in {"project", "milestone", "billing_event"}:
        case.name(kind, step.ref)


def _as_dict(values: Mapping[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = to_json(dict(values))
    return plain


def learn_closed_period(case: Case, step: Step) -> None:
    """The target refused because the month is closed: so it is, for everybody."""
    if case.transaction.entity and step.sent.get("invoice_date"):
        month = str(step.sent["invoice_date"])[:7]
        Period.objects.update_or_create(
            entity=case.transaction.entity, month=month, defaults={"closed": True}
        )
        case.world.outdated = True


def first_field(verdict: Verdict) -> str:
    """The field that a refusal names first, or that is not as agreed; or ""."""
    fields = getattr(verdict, "fields", ())
    drift = told(str(getattr(verdict, "text", "")))
    return (str(fields[0].field) if fields else drift.place if drift else "")[:80]
