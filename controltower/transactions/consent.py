"""Who may act on a transaction, and when a second person must agree."""

from __future__ import annotations

from datetime import datetime

from controltower.firm import audit
from controltower.firm.limits import second_person_above
from controltower.firm.models import Person
from controltower.firm.rates import in_reporting_currency
from controltower.firm.rights import Right, may, who_grants
from controltower.transactions.models import Transaction


class NotAllowed(Exception):
    """This person may not do this; the text says who may."""


def needs_second_person(transaction: Transaction) -> bool:
    """Whether so much money is at stake (or nobody knows how much) that another person must
    confirm."""
    worth = in_reporting_currency(transaction.amount, transaction.currency)
    code = transaction.entity.code if transaction.entity else None
    return worth is None or worth > second_person_above([code])


def require(by: Person, right: Right, verb: str, transaction: Transaction, now: datetime) -> None:
    """Raises NotAllowed, and keeps the attempt in the audit trail."""
    if not may(by, right, transaction.entity.code if transaction.entity else None):
        deny(by, verb, transaction, now)
        raise NotAllowed(f"Only the {who_grants(right)} may do this.")


def deny(by: Person, verb: str, transaction: Transaction, now: datetime) -> None:
    """Keep in the audit trail that somebody tried."""
    audit.record(actor=by, verb=verb, subject=transaction.reference, allowed=False, now=now)
