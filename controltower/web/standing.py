"""Where a transaction stands, in words: its state, its lateness, stuck where and for how long."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from controltower.canonical.promise import Counted
from controltower.canonical.verdicts import Kind
from controltower.firm import calendars, promised
from controltower.measures.exposure import midnight_after
from controltower.processes import catalogue
from controltower.transactions import promising
from controltower.transactions.models import Step, Transaction, TransactionState, WaitKind
from controltower.transactions.protocol import State
from controltower.web import absences, formats

STUCK = (State.PARKED, State.HELD)
DECISIONS = (WaitKind.PERIOD_CLOSED, WaitKind.OWNER)


def url_of(transaction: Transaction, **query: str) -> str:
    """The page of the transaction's chain, with this part of it chosen."""
    path = reverse("transaction", args=[transaction.correlation_id])
    return f"{path}?{urlencode({'part': transaction.reference, **query})}"


def process_title(name: str) -> str:
    """The process's title, or its name when it is no longer in the catalogue."""
    try:
        return catalogue.workflow(name).title
    except KeyError:
        return name


def lateness_of(due_at: datetime | None, now: datetime, zone: str) -> str:
    """ "late", "due_today" or "in_time", as `measures.exposure` counts it."""
    if due_at is not None and due_at < now:
        return "late"
    if due_at is not None and due_at < midnight_after(now, zone):
        return "due_today"
    return "in_time"


def promise_state(one: Transaction, now: datetime, zone: str) -> str:
    """The same of a transaction: "paused" while a person holds its clock, "at_risk" once the end of
    its promise is near."""
    if promising.is_held(one):
        return "paused"
    return "at_risk" if is_at_risk(one, now) else lateness_of(one.due_at, now, zone)


def is_at_risk(one: Transaction, now: datetime) -> bool:
    """Whether most of its promise is used and it is not broken, as `measures.exposure` has it."""
    return bool(one.warns_at and one.due_at and one.warns_at <= now <= one.due_at)


def lateness_words(due_at: datetime | None, now: datetime) -> str:
    """ "Due 15:39, in 1 h 13 min"."""
    if due_at is None:
        return ""
    at = formats.when(due_at, now, zone=False)
    if due_at < now:
        length = formats.duration(now - due_at)
        return _("Was due %(at)s, %(length)s late") % {"at": at, "length": length}
    return _("Due %(at)s, in %(length)s") % {"at": at, "length": formats.duration(due_at - now)}


def promise_words(one: Transaction, now: datetime) -> str:
    """How a transaction stands to its promise: by when, what slack is left in the promise's own
    time, that its end is near, or that its clock stands still."""
    left = promising.paused(one)
    if left is not None:
        words = _("The promise’s clock stands still, %(left)s left")
        return words % {"left": formats.duration(left)}
    words = lateness_words(one.due_at, now)
    if not one.promise or one.due_at is None or one.due_at < now:
        return words
    promise, days = promised.read(one.promise), calendars.of_entity(one.entity)
    if promise.counted == Counted.WORKING:
        slack = formats.duration(promise.left(now, one.due_at, days))
        words = _("%(words)s, %(slack)s of working time") % {"words": words, "slack": slack}
    if one.clock_from and promise.warns(one.clock_from, one.due_at, days) <= now:
        words = _("%(words)s. %(share)s %% of the promise is used") % {
            "words": words,
            "share": promise.warn_at,
        }
    return words


def is_stuck(transaction: Transaction) -> bool:
    """Whether it waits for a person, as `TransactionQuerySet.stuck` has it."""
    if transaction.state == TransactionState.DEAD_LETTERED:
        return True
    return transaction.state == TransactionState.WAITING and transaction.wait in DECISIONS


def in_doubt(step: Step | None) -> bool:
    """Sent, and nobody knows whether it arrived."""
    if step is None:
        return False
    return step.state == State.UNKNOWN or (step.state in STUCK and step.kind == Kind.UNKNOWN)


def trouble_in(steps: Iterable[Step]) -> Step | None:
    """The step that explains the state: stuck before in doubt before the rest."""
    by_state: dict[str, Step] = {}
    for one in steps:
        by_state.setdefault(one.state, one)
    for state in (State.PARKED, State.HELD, State.UNKNOWN):
        if state in by_state:
            return by_state[state]
    return None


def troubles(transactions: Sequence[Transaction]) -> dict[UUID, Step]:
    """The troubled step of each transaction that has one, in one query."""
    live = [row.pk for row in transactions if not row.is_over]
    steps: dict[UUID, list[Step]] = {}
    for step in Step.objects.filter(
        transaction__in=live, state__in=(*STUCK, State.UNKNOWN)
    ).select_related("system"):
        steps.setdefault(step.transaction_id, []).append(step)
    return {pk: found for pk, own in steps.items() if (found := trouble_in(own))}


def state_of(transaction: Transaction, trouble: Step | None) -> str:
    """The state's name for `marks`; in doubt is a state of its own to people."""
    if not transaction.is_over and in_doubt(trouble):
        return "in_doubt"
    return str(transaction.state)


def state_words(transaction: Transaction, trouble: Step | None, now: datetime | None) -> str:
    """ "Stuck at Tryton ERP for 2 h 47 min"; "" where the state's own word says it. Without
    `now` the length of time is left out."""
    if transaction.is_over or trouble is None or trouble.state not in STUCK:
        return _waiting_words(transaction)
    place = trouble.system.title if trouble.system and not trouble.unmapped else ""
    words = _("Stuck at %(place)s") if place else _("Stuck at our own check")
    if in_doubt(trouble):
        words = _("In doubt at %(place)s")
    if transaction.wait == WaitKind.PERIOD_CLOSED:
        words = _("Period closed, waits for a decision")
    if absences.is_absence(trouble.kind):
        words = _("Has been missing")
    text = words % {"place": place}
    if now is None:
        return text
    length = formats.duration(now - trouble.changed_at)
    return _("%(what)s for %(length)s") % {"what": text, "length": length}


def _waiting_words(transaction: Transaction) -> str:
    if transaction.state != TransactionState.WAITING:
        return ""
    words = {
        WaitKind.SCHEDULE: _("Waits for its billing run"),
        WaitKind.DEPENDENCY: _("Waits for another transaction"),
        WaitKind.APPROVAL: _("Waits for approval"),
        WaitKind.CIRCUIT_OPEN: _("Waits for a system to come back"),
        WaitKind.RATE_LIMIT: _("Waits for a system's limit"),
    }
    return words.get(WaitKind(transaction.wait), "") if transaction.wait else ""
