"""Expectations: what follows from what, set and met in the commit of what sets and meets them.

`keep` belongs to every set of cases that is written, `prove` to an event that is read. Both may
come in any order and any number of times: a row is one milestone of one chain, and keeps the first
that expected it and the first that met it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from controltower.canonical.calendar import Calendar
from controltower.canonical.events import BusinessKey as Name
from controltower.processes import catalogue
from controltower.processes.definition import Milestone, Process
from controltower.processes.quote_to_cash import CASH, Proof
from controltower.transactions import references, statements
from controltower.transactions.models import (
    BusinessKey,
    Expectation,
    InboundEvent,
    Item,
    Transaction,
)
from controltower.transactions.world import World

_PROCESSES: Mapping[str, Process] = {process.name: process for process in catalogue.PROCESSES}

KEEP = """
INSERT INTO transactions_expectation AS known
    (correlation_id, milestone, about, owner_role, due_at, set_by_id, set_by_event_id,
     met_at, met_by_id, met_by_event_id)
SELECT correlation_id, milestone, about, owner_role, due_at, set_by_id, set_by_event_id,
       met_at, met_by_id, met_by_event_id
FROM json_to_recordset(%s::json) AS v(
    correlation_id text, milestone text, about text, owner_role text, due_at timestamptz,
    set_by_id uuid, set_by_event_id uuid, met_at timestamptz, met_by_id uuid, met_by_event_id uuid)
ON CONFLICT (correlation_id, milestone, about) DO UPDATE SET
    owner_role = CASE WHEN known.due_at IS NULL THEN EXCLUDED.owner_role ELSE known.owner_role END,
    due_at = coalesce(known.due_at, EXCLUDED.due_at),
    set_by_id = CASE WHEN known.due_at IS NULL THEN EXCLUDED.set_by_id ELSE known.set_by_id END,
    set_by_event_id = CASE WHEN known.due_at IS NULL THEN EXCLUDED.set_by_event_id
                           ELSE known.set_by_event_id END,
    met_at = coalesce(known.met_at, EXCLUDED.met_at),
    met_by_id = CASE WHEN known.met_at IS NULL THEN EXCLUDED.met_by_id ELSE known.met_by_id END,
    met_by_event_id = CASE WHEN known.met_at IS NULL THEN EXCLUDED.met_by_event_id
                           ELSE known.met_by_event_id END
WHERE known.due_at IS NULL AND EXCLUDED.due_at IS NOT NULL
   OR known.met_at IS NULL AND EXCLUDED.met_at IS NOT NULL
"""


@dataclass(slots=True)
class Rows:
    """Rows to keep, one for each milestone of each chain, in the order of their keys: two workers
    never wait for each other crosswise."""

    around: World
    now: datetime
    found: dict[tuple[str, str, str], dict[str, Any]] = field(default_factory=dict)

    def expect(
        self, milestone: Milestone, chain: str, about: str, calendar: Calendar, **by: object
    ) -> None:
        """The milestone must follow, unless nobody could tell of it."""
        if self._is_told(milestone):
            row = self._row(milestone, chain, about)
            row.update(
                due_at=self.around.promise_of(milestone).due(self.now, calendar),
                owner_role=milestone.owner_role,
                **{f"set_{name}_id": value for name, value in by.items()},
            )

    def meet(self, milestone: Milestone, chain: str, about: str, **by: object) -> None:
        """The milestone is reached; one that nobody ever waits for needs no row."""
        if not milestone.missing:
            return
        row = self._row(milestone, chain, about)
        row.update(met_at=self.now, **{f"met_{name}_id": value for name, value in by.items()})

    def keep(self) -> None:
        """Write them all in one statement."""
        if self.found:
            rows = [self.found[key] for key in sorted(self.found)]
            with statements.cursor() as cursor:
                cursor.execute(KEEP, [json.dumps(rows, default=str)])

    def _row(self, milestone: Milestone, chain: str, about: str) -> dict[str, Any]:
        key = (chain, milestone.name, about if milestone.each else "")
        names = ("correlation_id", "milestone", "about")
        return self.found.setdefault(key, {**dict(zip(names, key, strict=True)), "owner_role": ""})

    def _is_told(self, milestone: Milestone) -> bool:
        role, entity = milestone.told_by
        able = {system.pk for system in self.around.able(role)}
        fed = {system for system, records in self.around.feeds if records == entity}
        return bool(able & fed if entity else able)


def keep(
    begun: Iterable[Transaction],
    done: Iterable[Transaction],
    joined: Iterable[Item] = (),
    *,
    around: World,
    now: datetime,
) -> None:
    """What the beginning of some transactions and the end of others prove and make expected. A fact
    that has joined one of another chain proves its own chain's beginning."""
    rows = Rows(around, now)
    for one in begun:
        process = _process_of(one)
        if process is None:
            continue
        if process.begins:
            rows.meet(process.begins, one.correlation_id, one.reference, by=one.pk)
        _expect(rows, process.owes, one)
    for one in done:
        process = _process_of(one)
        if process is None:
            continue
        if process.reaches:
            rows.meet(process.reaches, one.correlation_id, one.reference, by=one.pk)
        _expect(rows, process.expects, one)
    _begin_others(rows, joined)
    rows.keep()


def _begin_others(rows: Rows, joined: Iterable[Item]) -> None:
    for item in joined:
        process = _process_of(item.transaction)
        chain = str((item.record.get("project") or {}).get("correlation_id") or "")
        if process and process.begins and chain not in {"", item.transaction.correlation_id}:
            rows.meet(process.begins, chain, "", by=item.transaction_id)


def _expect(rows: Rows, milestones: Iterable[Milestone], one: Transaction) -> None:
    calendar = rows.around.calendar_of(one.entity.code if one.entity else "")
    for milestone in milestones:
        if milestone == CASH and not one.amount:
            continue  # nobody pays for what a retainer covers
        rows.expect(milestone, one.correlation_id, one.reference, calendar, by=one.pk)


def _process_of(transaction: Transaction) -> Process | None:
    return _PROCESSES.get(transaction.process)


def prove(proof: Proof, event: InboundEvent, *, around: World, now: datetime) -> str:
    """Keep what an event proves; returns its chain in words, "" when it belongs to none."""
    place = _place_of(proof, around)
    if place is None:
        return ""
    chain, about, entity = place
    rows = Rows(around, now)
    rows.meet(proof.reaches, chain, about, by_event=event.pk)
    calendar = around.calendar_of(entity or str(event.record.get("entity") or ""))
    for milestone in proof.expects:
        rows.expect(milestone, chain, about, calendar, by_event=event.pk)
    rows.keep()
    if proof.mends:
        _mend(proof.reaches, proof.mends, chain, event, now)
    return f"“{proof.reaches.title}” of {chain}."


def _mend(
    reached: Milestone, waiting: Milestone, chain: str, event: InboundEvent, now: datetime
) -> None:
    """What could not be read can be, by this event, which is the proof from now on."""
    known = Expectation.objects.filter(correlation_id=chain)
    if known.filter(milestone=waiting.name, met_at=None).update(met_at=now, met_by_event=event):
        unread = known.filter(milestone=reached.name, met_by_event__record__unread__0__isnull=False)
        unread.update(met_by_event=event)


def _place_of(proof: Proof, around: World) -> tuple[str, str, str] | None:
    """Chain, reference and legal entity of what an event is about."""
    if not proof.key.value:
        return (proof.correlation_id, "", "") if proof.correlation_id else None
    rows = Transaction.objects.order_by("started_at", "pk").select_related("entity")
    if proof.key.kind == "reference":
        found = rows.filter(reference=proof.key.value).first()
    else:
        named = BusinessKey.objects.filter(kind=proof.key.kind, value=proof.key.value)
        found = rows.filter(pk__in=named.values("transaction")).first()
    if found is not None:
        entity = found.entity.code if found.entity else ""
        return found.correlation_id, found.reference, entity
    chain = proof.correlation_id or _chain_to_be(proof.key, around)
    return (chain, "", "") if chain else None


def _chain_to_be(key: Name, around: World) -> str:
    """The chain that a deal will begin, which the firm's one CRM has not told of yet."""
    crms = around.able("crm") if key.kind == "opportunity" else []
    if len(crms) != 1:
        return ""
    subject = f"{key.kind}:{key.value}"
    return references.correlation_id(f"{crms[0].connection}/{key.kind}", subject)
