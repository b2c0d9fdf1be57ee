"""Gathered work that a person has billed before its billing run is due."""

from __future__ import annotations

from datetime import datetime

from controltower.firm import audit
from controltower.firm.models import Person
from controltower.firm.rights import Right, may, who_grants
from controltower.transactions import cases, engine
from controltower.transactions.models import Transaction


class NotAllowed(Exception):
    """This person may not bill; the text says who may."""


def bill_now(*, transaction: Transaction, by: Person, now: datetime) -> bool:
    """waiting{schedule} → in progress, at a person's word. False when it is no longer gathering.

    Raises NotAllowed (recorded as a denial).
    """
    entity = transaction.entity.code if transaction.entity else None
    if not may(by, Right.REPLAY, entity):
        audit.record(
            actor=by, verb="bill now", subject=transaction.reference, allowed=False, now=now
        )
        raise NotAllowed(f"Only the {who_grants(Right.REPLAY)} may do this.")
    with cases.case_of(transaction, now=now) as case:
        if not case.transaction.gathering:
            return False
        engine.close_gathering(case, actor=by.username)
        audit.record(
            actor=by,
            verb="bill now",
            subject=transaction.reference,
            allowed=True,
            now=now,
            entity=entity or "",
        )
    return True
