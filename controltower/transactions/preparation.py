"""Prepare a claimed step: rule and pinned mapping say what to send, and the intent is committed.

A rule may refuse, skip or hold the step; what may be in the target already stays in doubt then.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, OperationalError
from django.db.models import Max
from django.db.transaction import atomic

from controltower.canonical.verdicts import Effect, Kind
from controltower.mappings import versions
from controltower.mappings.apply import apply
from controltower.mappings.models import MappingVersion
from controltower.processes.definition import Prepared, Refuse, Send, StepDefinition
from controltower.systems import calls
from controltower.transactions import engine, references
from controltower.transactions.facts import conclude, definitions, facts
from controltower.transactions.folding import fold
from controltower.transactions.intent import Intent
from controltower.transactions.models import Attempt, Step, Transaction
from controltower.transactions.protocol import (
    CLAIMABLE,
    MOST_DEATHS,
    REPEATABLE,
    Purpose,
    State,
    Tried,
    purpose_of,
)

log = logging.getLogger(__name__)


def prepare(step_id: UUID, now: datetime) -> Intent | None:
    """Decide what to send and commit the intent; None when a rule or the key's order forbids.

    A step that cannot be prepared at all is set aside: it must not hold up the others.
    """
    try:
        with atomic():
            transaction, step = _locked(step_id)
            if step.state not in CLAIMABLE or step.lease_until is None or transaction.is_over:
                return None
            return _intend(transaction, step, now)
    except OperationalError:
        raise
    except Exception as error:
        if not isinstance(error, IntegrityError):
            log.exception("a step could not be prepared", extra={"step": str(step_id)})
            _set_aside(step_id, type(error).__name__, now)
            return None
        Step.objects.filter(pk=step_id, state__in=CLAIMABLE).update(
            due_at=now + timedelta(seconds=1), lease_until=None
        )
        return None


def _locked(step_id: UUID) -> tuple[Transaction, Step]:
    """The step as it is once its transaction is ours."""
    owner = Step.objects.values_list("transaction_id", flat=True).get(pk=step_id)
    transaction = Transaction.objects.select_for_update().get(pk=owner)
    steps = Step.objects.select_related("system", "mapping_version__mapping")
    return transaction, steps.get(pk=step_id)


def _set_aside(step_id: UUID, why: str, now: datetime) -> None:
    with atomic():
        transaction, step = _locked(step_id)
        text = f"The tower itself could not prepare this step ({why})."
        engine.stop(transaction, step, _refusal(step, Refuse(Kind.CONTRACT, text)), now=now)
        fold(transaction, list(transaction.steps.select_related("system")), now)


def _refusal(step: Step, refuse: Refuse) -> Refuse:
    """Whatever we refuse: what may be in the target already stays in doubt."""
    return refuse if step.state == State.SCHEDULED else replace(refuse, kind=Kind.UNKNOWN)


def _intend(transaction: Transaction, step: Step, now: datetime) -> Intent | None:
    known = facts(transaction, now)
    definition = definitions(transaction, known)[step.name]
    purpose = purpose_of(State(step.state), Effect(step.effect))
    prepared = conclude(definition, known)
    if not isinstance(prepared, Send) and step.state != State.SCHEDULED:
        prepared = Send(record=step.sent, ref=step.ref)
    if _has_stopped_workers(step, now):
        prepared = Refuse(Kind.UNKNOWN, "Three workers stopped while asking about it.")
    record = _record(step, definition, prepared, purpose)
    if not isinstance(prepared, Send) or isinstance(record, Refuse):
        stopped = _refusal(step, record) if isinstance(record, Refuse) else prepared
        engine.stop(transaction, step, stopped, now=now)
        engine.advance(transaction, now=now)
        return None
    order = calls.Order(
        purpose=purpose.value,
        entity=step.entity,
        verb=step.verb,
        ref=prepared.ref or step.ref,
        record=record,
        find=prepared.find,
        company=transaction.entity.code if transaction.entity else "",
        key=references.idempotency_key(transaction.reference, step.name, step.generation),
        probe_first=definition.probe_first or _may_be_there(step),
    )
    return _commit_intent(step, order, prepared, definition, now)


def _may_be_there(step: Step) -> bool:
    """Sent before to a target without keys: looked for before it is sent again."""
    return step.sent_at is not None and Effect(step.effect) not in REPEATABLE


def _has_stopped_workers(step: Step, now: datetime) -> bool:
    """An attempt left open by a worker that died is closed and counted; whether it is enough."""
    left = step.attempts.filter(state=Tried.SENDING).update(
        state=Tried.UNKNOWN, ended_at=now, text="The worker stopped before the answer came."
    )
    step.deaths += int(left > 0)
    return step.deaths >= MOST_DEATHS


def _record(
    step: Step, definition: StepDefinition, prepared: Prepared, purpose: Purpose
) -> dict[str, object] | Refuse:
    """What goes with the call: only a send needs the target's own words."""
    if not isinstance(prepared, Send) or purpose is Purpose.PROBE:
        return {}
    return step.values if purpose is Purpose.READ_BACK else _mapped(step, definition, prepared)


def _mapped(step: Step, definition: StepDefinition, prepared: Send) -> dict[str, object] | Refuse:
    """The target's record by the mapping version pinned at the first intent."""
    if not definition.mapping:
        return dict(prepared.record)
    if step.mapping_version is None:
        try:
            step.mapping_version = versions.active(definition.mapping)
        except MappingVersion.DoesNotExist:
            text = f"No version of the mapping “{definition.mapping}” is in force."
            return Refuse(Kind.CONTRACT, text)
    applied = apply(step.mapping_version.rules, prepared.record)
    if applied.gaps:
        gap = applied.gaps[0]
        text = f"{gap.text} (Mapping {step.mapping_version.mapping.title} "
        return Refuse(Kind.REFERENCE_MISSING, f"{text}v{step.mapping_version.number}.)", gap.field)
    return applied.record


def _commit_intent(
    step: Step, order: calls.Order, prepared: Send, definition: StepDefinition, now: datetime
) -> Intent:
    assert step.system is not None
    came_from = State(step.state)
    if order.purpose == Purpose.SEND:
        step.state, step.sent_at = State.SENDING, now
        step.sent = dict(prepared.record)
        step.idempotency_key, step.ordering_key = order.key, prepared.ordering
    step.changed_at = now
    step.save()
    last = step.attempts.aggregate(last=Max("number"))["last"] or 0
    payload = json.dumps(order.record, sort_keys=True, default=str)
    attempt = Attempt.objects.create(
        step=step,
        number=last + 1,
        purpose=order.purpose,
        state=Tried.SENDING,
        fence=step.fence,
        generation=step.generation,
        idempotency_key=order.key,
        mapping_version=step.mapping_version,
        traceparent=f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01",
        payload=order.record if order.purpose == Purpose.SEND else {},
        payload_digest=hashlib.sha256(payload.encode()).hexdigest(),
        started_at=now,
        deadline_at=now + step.system.deadline,
    )
    return Intent(step.pk, step.fence, attempt.pk, step.system, order, definition, came_from)
