"""Clients that may be one: what waits for a data owner's word, and the word itself.

A word is remembered: the pair is not asked about again, whatever changes about either of them. It
can be changed by a newer word. Nothing is merged by itself, here or in any system.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.transaction import atomic

from controltower.firm import audit
from controltower.firm.models import Person
from controltower.firm.rights import Right, entities_of, may, who_grants
from controltower.mappings.models import Likeness
from controltower.processes import clients, customer_master_sync, deleted_client
from controltower.transactions import books, cases, engine
from controltower.transactions.consent import NotAllowed
from controltower.transactions.models import Step, Transaction
from controltower.transactions.protocol import State

SYNC = customer_master_sync.PROCESS.name
ASKED = customer_master_sync.DUPLICATES.name
READ = customer_master_sync.CLIENT.name
CHOSEN = "choose"
MOST_LOOKED_AT = 200


class NotDecidable(Exception):
    """There is no such pair to decide about; the text says why."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A client that changed, another one like it, why, and the transaction that waits."""

    client: Mapping[str, Any]
    other: Mapping[str, Any]
    why: str
    transaction: Transaction

    @property
    def ids(self) -> tuple[str, str]:
        """The CRM's ids in their order."""
        first, second = sorted((str(self.client["source_id"]), str(self.other["source_id"])))
        return first, second


def waiting(person: Person) -> list[Pair]:
    """The pairs on which a transaction that the person may see waits, each once."""
    found: dict[tuple[str, str], Pair] = {}
    for pair in _pairs(Transaction.objects.visible_to(person)):
        found.setdefault(pair.ids, pair)
    return list(found.values())


def decisions(person: Person) -> list[Likeness]:
    """What was decided in the person's legal entities, newest first."""
    rows = Likeness.objects.select_related("decided_by")
    entities = entities_of(person)
    return list((rows if entities is None else rows.filter(entity__in=entities))[:MOST_LOOKED_AT])


def overruled(person: Person) -> list[tuple[Transaction, list[str]]]:
    """What somebody changed lately that was not theirs to change, in words for who owns it."""
    newest = Transaction.objects.visible_to(person).filter(process=SYNC)
    recent = {one.pk: one for one in newest.order_by("-started_at", "-id")[:MOST_LOOKED_AT]}
    steps = Step.objects.filter(transaction__in=recent, name=CHOSEN, state=State.VERIFIED)
    told = {step.transaction_id: step.values.get("overruled") for step in steps}
    return [(one, list(told[pk])) for pk, one in recent.items() if told.get(pk)]


def decide(
    *, ids: Iterable[str], survivor: str, reason: str, by: Person, now: datetime
) -> Likeness:
    """One client, for which `survivor` speaks from now on, or ("") two. What waits for the word is
    taken up. Raises NotAllowed (kept in the audit trail) or NotDecidable."""
    pair = frozenset(ids)
    if len(pair) != 2 or survivor not in {"", *pair}:
        raise NotDecidable("Name two clients, and as the survivor one of them or nobody.")
    case = next((one for one in waiting(by) if frozenset(one.ids) == pair), None)
    earlier = next((one for one in decisions(by) if {one.one, one.other} == pair), None)
    if case is None and earlier is None:
        raise NotDecidable("Nothing waits for a word on these two clients.")
    names, why = _told(case, earlier)
    first, second = sorted(pair)
    entity = _entity(case, earlier)
    if not may(by, Right.DECIDE_DUPLICATE, entity or None):
        subject = f"{first} and {second}"
        audit.record(actor=by, verb="decide duplicate", subject=subject, allowed=False, now=now)
        raise NotAllowed(f"Only the {who_grants(Right.DECIDE_DUPLICATE)} may do this.")
    everything = _pairs(Transaction.objects.all())
    asking = [one.transaction for one in everything if one.ids == (first, second)]
    with atomic():
        word = Likeness.objects.create(
            one=first, other=second, survivor=survivor, names=names, why=why, entity=entity,
            reason=reason[:300], decided_by=by, decided_at=now,
        )  # fmt: skip
        audit.record(
            actor=by, verb="decide duplicate", subject=str(word), allowed=True, now=now,
            entity=entity, detail={"survivor": survivor, "reason": reason},
        )  # fmt: skip
        _take_up(asking, word, by, now)
    return word


def _entity(case: Pair | None, earlier: Likeness | None) -> str:
    if case is None:
        return earlier.entity if earlier else ""
    return case.transaction.entity.code if case.transaction.entity else ""


def _told(case: Pair | None, earlier: Likeness | None) -> tuple[dict[str, str], str]:
    if case is None:
        assert earlier is not None
        return earlier.names, earlier.why
    names = {str(one["source_id"]): str(one["name"]) for one in (case.client, case.other)}
    return names, case.why


def _take_up(asking: Iterable[Transaction], word: Likeness, by: Person, now: datetime) -> None:
    """Whatever has waited for it goes on, with what is so now."""
    for transaction in asking:
        with cases.case_of(transaction, now=now) as case:
            case.note("decided", f"{by}: {said(word)} {word.reason}", actor=by.username)
            engine.reconsider(case, why=f"{by} decided")


def said(word: Likeness) -> str:
    """The word as a sentence."""
    names = [word.names.get(ref, ref) for ref in (word.one, word.other)]
    if not word.survivor:
        return f"{names[0]} and {names[1]} are two clients."
    speaks = word.names.get(word.survivor, word.survivor)
    return f"{names[0]} and {names[1]} are one client, for which {speaks} ({word.survivor}) speaks."


def _pairs(seen: Any) -> Iterator[Pair]:
    """Every pair without a word on which one of these transactions waits."""
    stuck = Transaction.objects.stuck().filter(process=SYNC, pk__in=seen.values("pk"))
    asked = Step.objects.filter(transaction__in=stuck, name=ASKED, state=State.PARKED).values_list(
        "transaction"
    )
    reads = Step.objects.filter(transaction__in=asked, name=READ, state=State.VERIFIED)
    for read in reads.select_related("transaction__entity").order_by("transaction__started_at"):
        client = read.values
        known = books.decided(str(client["source_id"]))
        for other, why in _like(client):
            if str(other["source_id"]) not in known:
                yield Pair(client, other, why, read.transaction)


def _like(client: clients.Client) -> Iterator[tuple[clients.Client, str]]:
    """Whom a word is asked about, and why."""
    if deleted_client.is_deleted(client):
        if other := deleted_client.undecided(client):
            yield other, deleted_client.MERGED
        return
    for other in clients.lookalikes(client, client["line"], client["alike"]):
        yield other, ", ".join(other["why"])
