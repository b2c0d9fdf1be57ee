"""Work that its contract held up is billed by itself, oldest first, once the contract has room for
it, or can be read; and what was billed above a contract needs nobody any more once it is agreed, or
credited."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Exists, OuterRef
from django.db.models.fields.json import KT

from controltower.processes import capped_work, contract_terms
from controltower.transactions import cases, contracts, engine
from controltower.transactions.cases import Case
from controltower.transactions.models import Expectation, Item, Step, Transaction
from controltower.transactions.protocol import State

_WAITS = (capped_work.CAP, contract_terms.UNREAD, capped_work.BILLED_ABOVE)


def release(*, now: datetime, since: datetime | None = None) -> int:
    """Take up what waits for room that is there now, such as by a change order, or for terms that
    have been corrected; returns how many transactions. With `since`, only those are looked at
    around whose contract something has happened since then."""
    waiting = Step.objects.filter(state=State.PARKED, field__in=_WAITS, system=None).order_by(
        "transaction__started_at"
    )
    if since is not None:
        waiting = waiting.filter(_something_happened(since))
    released = 0
    for owner in waiting.values_list("transaction_id", flat=True):
        with cases.opened([owner], now=now, patient=False) as found:
            for case in found.values():
                if why := _changed(case):
                    engine.reconsider(case, why=why)
                    released += 1
    return released


def _something_happened(since: datetime) -> Exists:
    """Another transaction of one of its contracts' chains has moved, or what was expected there
    has come."""
    theirs = {"correlation_id": OuterRef("chain")}
    others = Transaction.objects.exclude(pk=OuterRef("transaction"))
    moved = others.filter(**theirs, changed_at__gte=since)
    come = Expectation.objects.filter(**theirs, met_at__gte=since)
    contracts_of = Item.objects.filter(transaction=OuterRef("transaction"))
    chains = contracts_of.annotate(chain=KT("record__project__correlation_id"))
    return Exists(chains.filter(Exists(moved) | Exists(come)))


def _changed(case: Case) -> str:
    """What has come about that the case waits for, or ""."""
    waits = {step.field for step in case.steps if step.state == State.PARKED}.intersection(_WAITS)
    known = contracts.agreed(case)["contracts"].values() if waits else ()
    if capped_work.BILLED_ABOVE in waits:
        beyond = any(capped_work.above(one).minor for one in known)
        return "" if beyond else "no more is billed now than is agreed"
    if contract_terms.UNREAD in waits:
        unread = any(contract_terms.UNREAD in one for one in known)
        return "" if unread else "the terms of its contract can be read now"
    if any(capped_work.WITHDRAWN in one for one in known):
        return "work that its contract holds was taken back"
    room = any(capped_work.room(one).minor > 0 for one in known if capped_work.CAP in one)
    return "the cap of its contract has room again" if room else ""
