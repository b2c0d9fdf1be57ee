"""A newer version of a fact that we have: it counts as long as nothing was sent that rests on it.

Afterwards it is only noted, since what was posted is corrected by a new act.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db.models import Q

from controltower.canonical.verdicts import Effect, Kind
from controltower.firm.models import LegalEntity
from controltower.processes.definition import Opening
from controltower.transactions import engine
from controltower.transactions.models import InboundEvent, Item, Transaction, TransactionState
from controltower.transactions.protocol import State


def has_written(transaction: Transaction) -> bool:
    """Whether anything that rests on the facts is, or may be, in a target. A proven refusal has
    written nothing."""
    may_be_there = Q(state__in=[State.SENDING, State.UNKNOWN, State.ACKED, State.VERIFIED])
    return (
        transaction.steps.exclude(effect=Effect.READ)
        .filter(sent_at__isnull=False)
        .filter(may_be_there | Q(kind=Kind.UNKNOWN))
        .exists()
    )


def belongs_elsewhere(transaction: Transaction, opening: Opening) -> bool:
    """Whether the corrected fact is of another invoice than the other facts gathered here."""
    if opening.group == transaction.group:
        return False
    return transaction.gathering or transaction.items.count() > 1


def take_out(item: Item, was_worth: str, *, why: str, now: datetime) -> None:
    """The fact leaves its transaction; one that holds nothing any more is superseded."""
    transaction = item.transaction
    item.delete()
    transaction.amount -= Decimal(was_worth)
    transaction.save(update_fields=["amount"])
    engine.note(transaction, "corrected", why, now=now)
    if transaction.items.exists():
        _play_anew(transaction, now)
        return
    text = "Nothing is left in it: what it held was corrected at its source."
    engine.end(transaction, state=TransactionState.SUPERSEDED, text=text, actor="", now=now)


def replace(
    item: Item, event: InboundEvent, opening: Opening, was_worth: str, now: datetime
) -> None:
    """The new version takes the old one's place, and every step is played on it from the start."""
    transaction = item.transaction
    item.record, item.version, item.event = event.record, event.version, event
    item.save(update_fields=["record", "version", "event"])
    transaction.amount += Decimal(opening.amount) - Decimal(was_worth)
    if transaction.items.count() == 1:
        transaction.subject = {**transaction.subject, **event.record, "entity": opening.entity}
        transaction.entity = LegalEntity.objects.filter(code=opening.entity).first()
        transaction.currency = opening.currency[:10]
        transaction.title = opening.title[:200]
        transaction.counterparty = opening.counterparty[:200]
    transaction.save()
    engine.note(transaction, "corrected", f"Corrected in {event.source}: taken up.", now=now)
    _play_anew(transaction, now)


def _play_anew(transaction: Transaction, now: datetime) -> None:
    if not transaction.gathering:
        engine.restart(transaction, now=now)
