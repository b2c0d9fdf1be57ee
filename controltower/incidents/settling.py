"""Ending what is stuck by a person's word alone: settled outside the tower, or written off.

Nothing is sent and nothing proves it, so that above the limit (or where nobody knows the worth) a
second person must agree, as for a replay. Below it one person's word with a reason is enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from django.db.models import OuterRef, Subquery
from django.db.transaction import atomic

from controltower.firm import audit
from controltower.firm.limits import second_person_above
from controltower.firm.models import Person
from controltower.firm.rates import rates
from controltower.firm.rights import Right, beyond, who_grants
from controltower.incidents import letters
from controltower.incidents.models import Cause, Settlement
from controltower.incidents.triage import NotAllowed, ReasonMissing
from controltower.transactions import bell, cases, engine
from controltower.transactions.models import Transaction, TransactionState

STANDS = frozenset({TransactionState.DEAD_LETTERED, TransactionState.WAITING})
"""What may still be ended when the second person agrees; else it has moved on."""
RESOLVED = TransactionState.RESOLVED_EXTERNALLY
_PROPOSED = Settlement.objects.filter(state=Settlement.State.PROPOSED)

PROPOSAL = Subquery(
    _PROPOSED.filter(transactions=OuterRef("transaction")).order_by().values("pk")[:1]
)
"""Of a letter: the key of what waits for a second person's word about its transaction."""


class NotDecidable(Exception):
    """There is nothing to decide here, or not any more; the text says why."""


def settle(
    *,
    transactions: Sequence[Transaction],
    reason: str,
    by: Person,
    now: datetime,
    discard: bool,
    cause: Cause | None = None,
) -> Settlement:
    """End stuck transactions that a person settled outside (or writes off), or propose it where a
    second person must agree.

    dead_lettered / waiting → resolved_externally / written_off. Raises NotAllowed, ReasonMissing,
    or NotDecidable when it is proposed already.
    """
    if not reason.strip():
        raise ReasonMissing
    _require(by, Right.RESOLVE, verb(discard=discard), transactions, now)
    with atomic():
        if _PROPOSED.filter(transactions__in=[one.pk for one in transactions]).exists():
            raise NotDecidable("Somebody has proposed it already; a second person must decide.")
        made = Settlement.objects.create(
            cause=cause, discard=discard, reason=reason[:300], worth=worth(transactions),
            proposed_by=by, proposed_at=now,
        )  # fmt: skip
        made.transactions.set(transactions)
        alone = not _needs_second_person(made, transactions)
        if not alone:
            _record(by, f"propose to {verb(discard=discard)}", transactions, now, reason=reason)
            bell.ring("exceptions", "tower")
    if alone:
        _carry_out(made, transactions, now)
    return made


def decide(*, settlement: Settlement, agree: bool, by: Person, now: datetime) -> Settlement:
    """The second person's word: end them, or leave them stuck. Who proposed it may take it back.

    Raises NotAllowed (also for who proposed it and agrees) or NotDecidable.
    """
    concerned = concerned_by(settlement)
    if by.pk == settlement.proposed_by_id and not agree:
        return _withdraw(settlement, concerned, by, now)
    what = f"{'agree to' if agree else 'refuse to'} {verb(discard=settlement.discard)}"
    _require(by, Right.APPROVE_REPLAY, what, concerned, now)
    if by.pk == settlement.proposed_by_id:
        _record(by, what, concerned, now, allowed=False)
        raise NotAllowed("Whoever proposed it may not agree to it: another person must.")
    with atomic():
        row = _waiting(settlement)
        row.state = Settlement.State.CARRIED_OUT if agree else Settlement.State.REFUSED
        row.decided_by, row.decided_at = by, now
        row.save()
        _record(by, what, concerned, now, reason=row.reason)
    if agree:
        _carry_out(row, [one for one in concerned if one.state in STANDS], now)
    bell.ring("exceptions", "tower")
    return row


def _waiting(settlement: Settlement) -> Settlement:
    """Its row, locked, as long as it waits. Raises NotDecidable."""
    row = Settlement.objects.select_for_update().get(pk=settlement.pk)
    if row.state != Settlement.State.PROPOSED:
        raise NotDecidable("This has been decided already.")
    return row


def _withdraw(
    settlement: Settlement, concerned: Sequence[Transaction], by: Person, now: datetime
) -> Settlement:
    """The proposal is taken back: all of it stays stuck. Raises NotDecidable."""
    with atomic():
        row = _waiting(settlement)
        row.state, row.decided_at = Settlement.State.REFUSED, now
        row.save()
        what = f"withdraw to {verb(discard=row.discard)}"
        _record(by, what, concerned, now, reason=row.reason)
        bell.ring("exceptions", "tower")
    return row


def verb(*, discard: bool) -> str:
    """What the audit trail calls it."""
    return "write off" if discard else "solve elsewhere"


def proposed(pk: int) -> Settlement:
    """What waits for a second person's word, with who proposed it."""
    return Settlement.objects.select_related("proposed_by").get(pk=pk)


def about(cause: Cause) -> Settlement | None:
    """What waits for a second person's word about a whole cause."""
    return _PROPOSED.filter(cause=cause).select_related("proposed_by").first()


def concerned_by(settlement: Settlement) -> list[Transaction]:
    """What it would end, as it stands."""
    return list(settlement.transactions.select_related("entity"))


def worth(transactions: Sequence[Transaction]) -> Decimal | None:
    """In the reporting currency; None as soon as nobody knows it of one."""
    known, sum_ = rates(), Decimal(0)
    for one in transactions:
        if one.amount and one.currency not in known:
            return None
        sum_ += one.amount * known.get(one.currency, Decimal(0))
    return sum_


def _needs_second_person(settlement: Settlement, transactions: Sequence[Transaction]) -> bool:
    codes = {one.entity.code if one.entity else None for one in transactions}
    return settlement.worth is None or settlement.worth > second_person_above(codes)


def _carry_out(settlement: Settlement, transactions: Sequence[Transaction], now: datetime) -> None:
    """One after the other, each with its own entry in the audit trail."""
    by, second = settlement.proposed_by, settlement.decided_by
    text = f"{by} settled this outside the tower: {settlement.reason}"
    if second is not None:
        text = f"{by} settled this outside the tower, agreed by {second}: {settlement.reason}"
    ends = TransactionState.WRITTEN_OFF if settlement.discard else RESOLVED
    for transaction in transactions:
        with cases.case_of(transaction, now=now) as case:
            if case.transaction.is_over:
                continue
            engine.end(case, state=ends, text=text, actor=by.username)
            what = verb(discard=settlement.discard)
            _record(by, what, [case.transaction], now, reason=settlement.reason)
            settlement.ended += 1
    settlement.state = Settlement.State.CARRIED_OUT
    settlement.save(update_fields=["state", "ended"])
    letters.catch_up(now=now)


def _require(
    by: Person, right: Right, what: str, transactions: Sequence[Transaction], now: datetime
) -> None:
    companies = {one.entity_id: one.entity for one in transactions}
    if beyond(by, right, companies.values()):
        _record(by, what, transactions, now, allowed=False)
        raise NotAllowed(f"Only the {who_grants(right)} may do this.")


def _record(
    by: Person, what: str, transactions: Sequence[Transaction], now: datetime,
    *, allowed: bool = True, reason: str = "",
) -> None:  # fmt: skip
    """In the audit trail, of each by its reference, with its amount."""
    for one in transactions:
        audit.record(
            actor=by, verb=what, subject=one.reference, allowed=allowed, now=now,
            entity=one.entity.code if one.entity else "",
            detail={"reason": reason, "amount": str(one.amount), "currency": one.currency},
        )  # fmt: skip
