"""A newer version of a fact that we have: it counts as long as nothing was sent that rests on it.

Afterwards it is only noted, since what was posted is corrected by a new act.
"""

from __future__ import annotations

from decimal import Decimal

from controltower.canonical.events import CanonicalEvent
from controltower.canonical.verdicts import Effect, Kind
from controltower.processes import catalogue
from controltower.processes.definition import Opening
from controltower.transactions import engine
from controltower.transactions.cases import Case
from controltower.transactions.models import (
    EventState,
    InboundEvent,
    Item,
    Step,
    Transaction,
    TransactionState,
)
from controltower.transactions.protocol import MAY_BE_THERE, State
from controltower.transactions.stored import earliest_of

UNDER_WAY = MAY_BE_THERE - {State.VERIFIED}


def has_written(case: Case) -> bool:
    """Whether anything that rests on the facts is, or may be, in a target. A proven refusal has
    written nothing."""
    return any(map(_may_be_there, case.steps))


def _may_be_there(step: Step) -> bool:
    sent = step.effect != Effect.READ and step.sent_at is not None
    told = bool(step.ref) or step.kind == Kind.UNKNOWN
    return sent and (told or State(step.state) in MAY_BE_THERE)


def belongs_elsewhere(case: Case, opening: Opening) -> bool:
    """Whether the corrected fact is of another invoice than the other facts gathered here."""
    if opening.group == case.transaction.group:
        return False
    return case.transaction.gathering or len(case.items) > 1


def is_called_off(case: Case, item: Item, fact: CanonicalEvent) -> bool:
    """Whether the approval of a fact is taken back that nothing was ever carried through of."""
    if catalogue.is_approved(fact) or not item.record.get("approved", True):
        return False
    earlier = Transaction.objects.filter(
        process=item.process, correlation_id=case.transaction.correlation_id,
        subject__source_id=item.source_id,
    )  # fmt: skip
    return not earlier.exclude(pk=case.transaction.pk).exists()


def take_out(case: Case, item: Item, was_worth: str, *, why: str) -> None:
    """The fact leaves its transaction; one that holds nothing any more is superseded."""
    case.items.remove(item)
    item.delete()
    tell_what_became(item.event, why)
    case.transaction.amount -= Decimal(was_worth)
    case.note("corrected", why)
    if case.items:
        _begin_anew(case)
        return
    text = "Nothing is left in it: what it held was corrected at its source."
    engine.end(case, state=TransactionState.SUPERSEDED, text=text, actor="")


def tell_what_became(event: InboundEvent, why: str) -> None:
    """Whatever was told of a record that no transaction holds any more says so."""
    told = InboundEvent.objects.filter(source=event.source, subject=event.subject)
    told.filter(state=EventState.ACCEPTED, reason="").update(reason=why[:400])


def hand_on(case: Case, item: Item) -> None:
    """The record's change is another transaction's. What was carried through stays as it is, what
    is under way is ended by its answer, and what waits is over."""
    case.items.remove(item)
    item.delete()
    text = f"Changed in {item.source} since: carried on by a new transaction."
    if case.transaction.is_over or any(State(step.state) in UNDER_WAY for step in case.steps):
        case.note("changed_later", text)
    else:
        engine.end(case, state=TransactionState.SUPERSEDED, text=text, actor="")


def replace(case: Case, item: Item, event: InboundEvent, opening: Opening, was_worth: str) -> None:
    """The new version takes the old one's place, and every step is played on it from the start."""
    transaction = case.transaction
    item.record, item.version, item.event = event.record, event.version, event
    item.save(update_fields=["record", "version", "event"])
    transaction.amount += Decimal(opening.amount) - Decimal(was_worth)
    if len(case.items) == 1:
        transaction.subject = {**transaction.subject, **event.record, "entity": opening.entity}
        transaction.entity = case.world.legal.get(opening.entity)
        transaction.currency, transaction.month = opening.currency[:10], opening.month
        transaction.title = opening.title[:200]
        transaction.counterparty = opening.counterparty[:200]
    case.note("corrected", f"Corrected in {event.source}: taken up.")
    _begin_anew(case)


def _begin_anew(case: Case) -> None:
    process = catalogue.named(case.transaction.process)
    case.transaction.happened_at = earliest_of(case.items, process, case.world, case.now)
    if not case.transaction.gathering:
        engine.restart(case)
