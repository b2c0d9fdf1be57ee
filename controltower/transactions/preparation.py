"""Prepare claimed steps: rule and pinned mapping say what to send, and the intents are committed.

A rule may refuse, skip or hold a step; what may be in the target already stays in doubt then. A
set that cannot be kept is prepared one by one: no step's trouble holds up the others.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError

from controltower.canonical.money import NotAnAmount
from controltower.canonical.rules import apply
from controltower.canonical.verdicts import Effect, Kind
from controltower.mappings.models import MappingVersion
from controltower.processes import editing
from controltower.processes.definition import Prepared, Refuse, Send, StepDefinition
from controltower.systems import calls
from controltower.transactions import (
    attempts,
    cases,
    engine,
    findings,
    references,
    residency,
    sets,
    tried,
)
from controltower.transactions.cases import Case
from controltower.transactions.claiming import LEASE, Claim, give_back
from controltower.transactions.facts import conclude
from controltower.transactions.folding import fold
from controltower.transactions.intent import Draft, Intent
from controltower.transactions.models import Attempt, Step
from controltower.transactions.ordering import in_order
from controltower.transactions.protocol import (
    CLAIMABLE,
    MOST_DEATHS,
    REPEATABLE,
    Purpose,
    State,
    Tried,
    patience,
    purpose_of,
)
from controltower.transactions.resolver import (
    aged,
    beyond_asking,
    in_doubt,
    may_be_there,
    unheard,
)
from controltower.transactions.tried import Past
from controltower.transactions.world import World

log = logging.getLogger(__name__)
DIED = "The worker stopped before the answer came."
MAYBE_SENT = "This may have been sent after the backup was taken, and its target cannot be asked."
SOON, A_WHILE = timedelta(seconds=0.2), timedelta(seconds=1)


def prepare(claims: Sequence[Claim], *, now: datetime, around: World | None = None) -> list[Intent]:
    """Decide what to send and commit the intents, of as many steps as rules and order allow."""
    if not claims:
        return []
    try:
        return _prepare(claims, now, around)
    except cases.AWAY:
        raise
    except Exception as error:  # noqa: BLE001 - one step's trouble must not hold up the others
        if len(claims) > 1:
            return [intent for one in claims for intent in prepare([one], now=now)]
        _trouble(claims[0], error, now)
        return []


def _prepare(claims: Sequence[Claim], now: datetime, around: World | None) -> list[Intent]:
    owners = {one.transaction_id for one in claims}
    with cases.opened(owners, now=now, around=around, patient=False) as found:
        past = tried.before([one.step_id for one in claims if one.fence > 1])
        drafts = []
        for one in claims:
            case = found.get(one.transaction_id)
            step = _still_ours(case, one) if case else None
            before = past.get(one.step_id, tried.NOTHING)
            if case and step and (draft := _draft(case, step, before, one.until)):
                drafts.append(draft)
        intents = [_commit_intent(draft) for draft in in_order(drafts)]
    give_back([one for one in claims if one.transaction_id not in found], after=SOON)
    return intents


def read_back(case: Case, step: Step, after: Intent, *, lease: datetime | None) -> Intent | None:
    """The intent to read back what a call has confirmed just now, under that call's claim and for
    the rest of its lease: it belongs into the commit that settles the call."""
    draft = _draft(case, step, after.past, after.until)
    if draft is None:
        return None
    step.lease_until = lease
    return _commit_intent(draft)


def _still_ours(case: Case, mine: Claim) -> Step | None:
    """The step as it is once its transaction is ours; None when it has moved since the claim."""
    if case.transaction.is_over:
        return None
    for step in case.steps:
        if step.id == mine.step_id:
            ours = step.fence == mine.fence and step.lease_until is not None
            return step if ours and step.state in CLAIMABLE else None
    return None


def _trouble(mine: Claim, error: Exception, now: datetime) -> None:
    """A step that cannot be prepared at all is set aside; one that only came at the wrong moment
    is taken up again."""
    if isinstance(error, (IntegrityError, sets.Moved)):
        give_back([mine], after=A_WHILE)
        return
    log.exception("a step could not be prepared", extra={"step": str(mine.step_id)})
    with cases.opened([mine.transaction_id], now=now) as found:
        case = found[mine.transaction_id]
        step = _still_ours(case, mine)
        if step is not None:
            text = (
                f"This step would write a number that is none: {error}."
                if isinstance(error, NotAnAmount)
                else f"The tower itself could not prepare this step ({type(error).__name__})."
            )
            engine.stop(case, step, _refusal(step, Refuse(Kind.CONTRACT, text)))
            fold(case)


def _refusal(step: Step, refuse: Refuse) -> Refuse:
    """Whatever we refuse: what may be in the target already stays in doubt."""
    return replace(refuse, kind=Kind.UNKNOWN) if _in_doubt(step) else refuse


def _in_doubt(step: Step) -> bool:
    return in_doubt(State(step.state), step.kind, sent=step.sent_at is not None)


def _draft(case: Case, step: Step, past: Past, until: float) -> Draft | None:
    known = case.facts()
    definition = case.definitions(known)[step.name]
    effect = step.effect = aged(Effect(step.effect), key_lives=_key_lives(case, step, past))
    purpose = purpose_of(State(step.state), effect, step.kind)
    barred = residency.refusal(case, step) if purpose is Purpose.SEND else None
    prepared = barred or conclude(definition, known)
    if isinstance(prepared, Send) and past.edits:
        prepared = replace(prepared, record=editing.edited(prepared.record, past.edits))
    if not isinstance(prepared, Send) and _in_doubt(step):
        prepared = Send(record=step.sent, ref=step.ref)
    if _has_stopped_workers(case, step, past):
        prepared = Refuse(unheard(effect), "Three workers stopped while asking about it.")
    before = purpose is Purpose.SEND and effect not in REPEATABLE and case.is_from_before()
    if before and beyond_asking(effect) and not _found_absent(case, step):
        prepared = Refuse(Kind.UNKNOWN, MAYBE_SENT)
    record = _record(case, step, definition, prepared, purpose)
    if not isinstance(prepared, Send) or isinstance(record, Refuse):
        engine.stop(case, step, _refusal(step, record) if isinstance(record, Refuse) else prepared)
        engine.advance(case)
        return None
    transaction, given = case.transaction, _number_given(step, purpose)
    order = calls.Order(
        purpose=purpose.value,
        entity=step.entity,
        verb=step.verb,
        ref=given or prepared.ref or step.ref,
        record=record,
        find=None if given else prepared.find,
        company=transaction.entity.code if transaction.entity else "",
        key=references.idempotency_key(transaction.reference, step.name, step.generation),
        probe_first=definition.probe_first
        or may_be_there(effect, sent=before or step.sent_at is not None),
    )
    return Draft(case, step, past, until, order, prepared, definition)


def _found_absent(case: Case, step: Step) -> bool:
    """Whether a person has looked since the books came from a backup."""
    point = case.world.recovery
    return point is not None and findings.absent_since(step, point.began_at)


def _number_given(step: Step, purpose: Purpose) -> str:
    """What cannot be looked up is asked for under the number that a person found."""
    if purpose is not Purpose.PROBE or not beyond_asking(Effect(step.effect)):
        return ""
    return findings.number_given(step)


def _key_lives(case: Case, step: Step, past: Past) -> bool:
    """Whether the target still knows the step's key, and will until this call has ended: counted
    from the key's first use, less a lease and the time for which a request may be under way. Books
    from a backup do not know the first use."""
    if step.effect != Effect.KEYED or step.system is None:
        return True
    operation = calls.operation(step.system, step.entity, step.verb)
    if operation.key_for is None:
        return True
    if past.key_since is None:
        return not case.is_from_before()
    return case.now < past.key_since + operation.key_for - operation.quarantine - LEASE


def _has_stopped_workers(case: Case, step: Step, past: Past) -> bool:
    """An attempt left open by a worker that died is closed and counted; whether it is enough."""
    if past.left:
        Attempt.objects.filter(step=step, state=Tried.SENDING).update(
            state=Tried.UNKNOWN,
            ended_at=case.now,
            text=DIED,
        )
        step.deaths += 1
    return step.deaths >= MOST_DEATHS


def _record(
    case: Case, step: Step, definition: StepDefinition, prepared: Prepared, purpose: Purpose
) -> dict[str, Any] | Refuse:
    """What goes with the call: only a send needs the target's own words."""
    if not isinstance(prepared, Send) or purpose is Purpose.PROBE:
        return {}
    if purpose is Purpose.READ_BACK:
        return dict(step.values)
    return _mapped(case, step, definition, prepared)


def _mapped(
    case: Case, step: Step, definition: StepDefinition, prepared: Send
) -> dict[str, Any] | Refuse:
    """The target's record by the mapping version pinned at the first intent."""
    if not definition.mapping:
        return dict(prepared.record)
    if step.mapping_version_id is not None:
        version = case.world.version(step.mapping_version_id)
    else:
        assert step.system is not None
        try:
            version = case.world.active_version(definition.mapping, step.system)
            step.mapping_version = version
        except MappingVersion.DoesNotExist as missing:
            return Refuse(Kind.CONTRACT, str(missing))
    applied = apply(version.rules, prepared.record)
    if applied.gaps:
        gap = applied.gaps[0]
        text = f"{gap.text} (Mapping {version.mapping.title} v{version.number}.)"
        return Refuse(Kind.REFERENCE_MISSING, text, gap.field)
    return applied.record


def _commit_intent(draft: Draft) -> Intent:
    """The intent of a call, kept with its case as an attempt and where the step is then."""
    case, step, past = draft.case, draft.step, draft.past
    assert step.system is not None
    system = step.system.within(patience(step.system.deadline, past.late))
    came_from = State(step.state)
    if draft.sends:
        _begin_to_send(step, draft)
    step.changed_at = case.now
    attempt = attempts.intended(draft, system)
    case.attempts.append(attempt)
    return Intent(
        step_id=step.id,
        transaction_id=case.transaction.id,
        fence=step.fence,
        attempt_id=attempt.id,
        system=system,
        order=draft.order,
        definition=draft.definition,
        came_from=came_from,
        past=past.with_one_more(case.now, sends=draft.sends),
        until=draft.until,
    )


def _begin_to_send(step: Step, draft: Draft) -> None:
    """What is sent, under which key and in whose turn, is known before it leaves."""
    step.state, step.sent_at = State.SENDING, draft.case.now
    step.probes = step.absences = 0
    step.sent = dict(draft.prepared.record)
    step.idempotency_key, step.ordering_key = draft.order.key, draft.prepared.ordering
