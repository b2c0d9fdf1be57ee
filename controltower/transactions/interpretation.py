"""From stored events to transactions: which process each starts, joins or corrects.

Events that begin a transaction of their own, the many of a surge, are read as one set. What joins
or corrects something is read one by one behind it.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from enum import Enum
from uuid import UUID

from django.db import IntegrityError
from django.db.models import F
from django.db.transaction import atomic

from controltower.canonical.events import CanonicalEvent
from controltower.processes import catalogue, quote_to_cash
from controltower.processes.definition import Opening, Process
from controltower.transactions import (
    beginning,
    cases,
    correction,
    echoes,
    expecting,
    joining,
    references,
    sets,
    taking_up,
)
from controltower.transactions.cases import Case
from controltower.transactions.models import EventState, InboundEvent, Item, Transaction
from controltower.transactions.stored import canonical, reference_of
from controltower.transactions.world import World, entities, world

log = logging.getLogger(__name__)


def interpret_due(*, limit: int, now: datetime, around: World | None = None) -> int:
    """Interpret received events, oldest first; returns how many were taken up. A death is counted
    before the work, so that an event which kills its worker three times is set aside."""
    claimed = taking_up.claim(limit=limit, now=now)
    begun = _begin_many(claimed, now, around or world()) if claimed else ()
    for event_id in claimed:
        if event_id not in begun:
            _alone(event_id, now)
    return len(claimed)


def interpret(event_id: UUID, *, now: datetime) -> None:
    """received → accepted / superseded / quarantined, for one event that is due."""
    mine = InboundEvent.objects.filter(id=event_id, state=EventState.RECEIVED, due_at__lte=now)
    if mine.update(deaths=F("deaths") + 1, due_at=now + taking_up.FOR):
        _alone(event_id, now)


def _begin_many(claimed: Sequence[UUID], now: datetime, around: World) -> Collection[UUID]:
    """Begin a transaction for each event that has nothing to do with any other; returns which
    were. When the set cannot be kept, nothing of it is."""
    try:
        with cases.opened([], now=now, around=around) as begun:
            done: dict[UUID, dict[str, str]] = {}
            for event in taking_up.unrelated(claimed):
                fact = canonical(event)
                process = catalogue.started_by(fact)
                opening = process.open(fact, around.entities, now) if process else None
                if process is None or opening is None or opening.group:
                    continue
                if echoes.why_nothing_follows(event):
                    continue
                if quote_to_cash.proof_of(fact):
                    continue
                name = references.reference(event.source, event.subject, process.name)
                case = beginning.begin(
                    process, opening, event, fact, reference=name, around=around, now=now
                )
                begun[case.transaction.pk] = case
                done[event.pk] = {"state": EventState.ACCEPTED}
            sets.update(InboundEvent, done)
        return done
    except cases.AWAY:
        raise
    except Exception:  # noqa: BLE001 - each is read alone then, and its own trouble is told there
        return ()


def _alone(event_id: UUID, now: datetime) -> None:
    """Interpret one event; whatever goes wrong is its own trouble."""
    mine = InboundEvent.objects.filter(id=event_id, state=EventState.RECEIVED)
    try:
        with atomic():
            event = mine.select_for_update(skip_locked=True).defer("raw").first()
            if event is None:
                return
            if not taking_up.in_turn([event]):
                mine.update(due_at=now + timedelta(seconds=1), deaths=F("deaths") - 1)
                return
            if event.deaths > taking_up.MOST_DEATHS:
                _close(event, EventState.QUARANTINED, "It stopped its worker three times.")
                return
            _interpret(event, now)
    except cases.AWAY:
        raise
    except (IntegrityError, sets.Moved):
        mine.update(due_at=now + timedelta(seconds=1))
    except Exception as error:
        log.exception("event could not be interpreted", extra={"event": str(event_id)})
        mine.update(
            state=EventState.QUARANTINED,
            reason=f"It could not be interpreted ({type(error).__name__}). Nothing was sent.",
        )


def _interpret(event: InboundEvent, now: datetime) -> None:
    fact = canonical(event)
    if _is_older(event):
        _close(event, EventState.SUPERSEDED, "A newer version of this record is here already.")
        return
    if nothing := echoes.why_nothing_follows(event):
        _close(event, EventState.ACCEPTED, nothing)
        return
    proof = quote_to_cash.proof_of(fact)
    proven = expecting.prove(proof, event, around=world(), now=now) if proof else ""
    process = catalogue.started_by(fact)
    known = _known(event, fact, process)
    for item in known:
        becomes = _correct(item, event, fact, now)
        if becomes is Becomes.SETTLED:
            return
        if becomes is Becomes.TAKEN_BACK:
            process = catalogue.named(catalogue.named(item.process).taken_back_by)
    if process is None:
        _begin_nothing(event, proven, was_known=bool(known))
        return
    opening = process.open(fact, entities(), now)
    if not _join_gathering(process, opening, event, fact, now):
        _begin(process, opening, event, fact, now)
    _close(event, EventState.ACCEPTED, "")


def _begin_nothing(event: InboundEvent, proven: str, *, was_known: bool) -> None:
    """No transaction takes the fact up, nor what was told of the same record before."""
    if was_known:
        correction.tell_what_became(event, "Changed at its source since: nothing follows now.")
    _close(event, EventState.ACCEPTED, proven or "Nothing follows from it.")


def _begin(
    process: Process, opening: Opening, event: InboundEvent, fact: CanonicalEvent, now: datetime
) -> None:
    around = world()
    with cases.opened([], now=now, around=around) as begun:
        name = reference_of(event, process)
        case = beginning.begin(
            process, opening, event, fact, reference=name, around=around, now=now
        )
        begun[case.transaction.pk] = case


class Becomes(Enum):
    """What a newer version of a fact we have comes to."""

    SETTLED = "that was all of it"
    FREE = "it must find another home"
    TAKEN_BACK = "what may be in a target is approved no longer"


def _known(event: InboundEvent, fact: CanonicalEvent, starts: Process | None) -> list[Item]:
    """Where we have the fact and its newer version counts; first where it is taken back already."""
    known = Item.objects.filter(source=event.source, source_id=fact.record.source_id)
    same = starts.name if starts else ""
    counts = [one for one in known if one.process == same or _has_changed_its_nature(one, fact)]
    return sorted(counts, key=lambda item: item.process not in catalogue.TAKING_BACK)


def _has_changed_its_nature(item: Item, fact: CanonicalEvent) -> bool:
    """What is billed already was billed by us or by hand, unless its approval is taken back, or
    given again."""
    if not getattr(fact.record, "billed", False) or not catalogue.is_approved(fact):
        return True
    return item.process in catalogue.TAKING_BACK and not catalogue.named(item.process).accepts(fact)


def _is_older(event: InboundEvent) -> bool:
    return (
        InboundEvent.objects.filter(
            source=event.source,
            subject=event.subject,
            type=event.type,
            version__gt=event.version,
            state=EventState.ACCEPTED,
        )
        .exclude(pk=event.pk)
        .exists()
    )


def _join_gathering(
    process: Process, opening: Opening, event: InboundEvent, fact: CanonicalEvent, now: datetime
) -> bool:
    """Whether a transaction that still gathers has taken the fact in."""
    if not opening.group:
        return False
    gathering = Transaction.objects.filter(
        process=process.name, group=opening.group, gathering=True
    ).values_list("pk", flat=True)
    with cases.opened(list(gathering), now=now) as found:
        for case in found.values():
            if case.transaction.gathering:
                joining.join(case, process, opening, event, fact)
                return True
    return False


def _correct(item: Item, event: InboundEvent, fact: CanonicalEvent, now: datetime) -> Becomes:
    """A newer version of a fact we have."""
    with cases.opened([item.transaction_id], now=now) as found:
        case = found[item.transaction_id]
        had = next((one for one in case.items if one.pk == item.pk), None)
        if had is None:
            raise sets.Moved("the fact has moved to another transaction")
        if had.version > event.version:
            _close(event, EventState.SUPERSEDED, "A newer version of this record is here already.")
            return Becomes.SETTLED
        transaction = case.transaction
        process = catalogue.named(transaction.process)
        if transaction.is_over or correction.has_written(case):
            return _correct_later(case, process, had, event, fact)
        opening = process.open(fact, case.world.entities, now)
        before = process.open(canonical(had.event), case.world.entities, now).amount
        gone = not process.accepts(fact) or correction.is_called_off(case, had, fact)
        if gone or correction.belongs_elsewhere(case, opening):
            text = f"{event.subject} was changed in {event.source} and belongs elsewhere now."
            correction.take_out(case, had, before, why=text)
            return Becomes.FREE
        correction.replace(case, had, event, opening, before)
        _close(event, EventState.ACCEPTED, "")
        return Becomes.SETTLED


def _counts(process: Process, had: Item, event: InboundEvent) -> bool:
    return process.terms is None or process.terms(had.record) != process.terms(event.record)


def _correct_later(
    case: Case, process: Process, had: Item, event: InboundEvent, fact: CanonicalEvent
) -> Becomes:
    """What rests on the fact may be in a target: it is carried through anew, or taken back by a
    new act, or only noted."""
    taken_back = bool(process.taken_back_by) and not catalogue.is_approved(fact)
    if process.every_change and _counts(process, had, event):
        correction.hand_on(case, had)
        return Becomes.TAKEN_BACK if taken_back else Becomes.FREE
    text = f"{event.subject} was changed in {event.source} after this had been sent."
    case.note("changed_later", text)
    if taken_back and process.taken_back_by != process.name:
        return Becomes.TAKEN_BACK
    _close(event, EventState.ACCEPTED, text)
    return Becomes.SETTLED


def _close(event: InboundEvent, state: EventState, reason: str) -> None:
    event.state, event.reason = state, reason[:400]
    event.save(update_fields=["state", "reason"])
