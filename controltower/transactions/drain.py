"""Drain what is due: claim → prepare → intent → call → settle, in sets, system beside system.

1. Claim due steps of a connection in one statement: fence + 1, a lease on the database's clock.
2. Prepare them by their rules and pinned mappings; a rule may refuse, skip or hold.
3. Commit the intents: `sending`, key, payload digest, mapping version, deadline.
4. Place the calls; they run beside each other, outside any database transaction.
5. Settle the answers that have come, under their fences (`settlement`); whatever comes meanwhile
   is the next set. What they confirm is read back at once, by the same claim: its intent is in
   the same commit. A slow system delays nobody else's steps.
One worker at a time drains a connection, so that its limits are kept; the lock dies with it.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from time import monotonic, sleep

from django.db import connection

from controltower.canonical.verdicts import Verdict
from controltower.systems import anchor, circuit
from controltower.systems.calls import Door, TooLate
from controltower.systems.models import Call, System
from controltower.systems.switchboard import Reply, Switchboard
from controltower.transactions import bell, clock, sets, settlement, statements
from controltower.transactions.cases import AWAY
from controltower.transactions.claiming import MAY_GO
from controltower.transactions.intent import Answered, Intent
from controltower.transactions.lines import Lines
from controltower.transactions.preparation import prepare
from controltower.transactions.world import Outlook, World

log = logging.getLogger(__name__)
BUDGET = timedelta(seconds=25)
"""For how long a job takes up new work; what is in flight then is still settled."""
GLANCE = 0.05
"""Seconds after which other connections are looked at while answers are awaited."""
GATHER = 0.005
"""Seconds for which answers are gathered into a set: a set costs little more than one answer."""
GATHER_MORE, HALF = 0.025, 0.5
"""The same while more is due than there is room for, unless half of what is under way has answered
before: nobody waits for the single answer then, and large sets cost half of what small ones do."""
PATIENCE = 40.0
"""Seconds for which answers are kept in memory while the database is away."""

DUE = f"""
SELECT DISTINCT s.connection FROM systems_system s CROSS JOIN LATERAL (
    SELECT FROM transactions_step step
    WHERE step.system_id = s.id AND step.state IN ('scheduled', 'unknown', 'acked')
      AND step.due_at <= now() AND (step.lease_until IS NULL OR step.lease_until < now())
      AND {MAY_GO}
    LIMIT 1) one
WHERE s.active AND s.paused_at IS NULL AND (s.circuit <> 'open' OR s.retry_at <= now())
  AND s.refused_at IS NULL AND (s.slow_until IS NULL OR s.slow_until <= now())
ORDER BY 1
"""  # noqa: S608 - our own words only
"""One due step of a system is enough to know: EXISTS would be joined, and a whole backlog read."""


def drain(
    *, budget: timedelta = BUDGET, only: Sequence[str] = (), rings: Iterable[object] = (None,)
) -> int:
    """At each ring, play due steps of all connections (or `only` some) until nothing is due or the
    time is up; returns the calls made. The budget varies a little, so that workers do not end
    together.

    Once lines are let go it looks again: whoever was rung for in between has found them held.
    """
    with Switchboard(_perform) as board:
        flow = Flow(board, only)
        try:
            for _ring in rings:
                seconds = budget.total_seconds() * random.uniform(0.8, 1.2)  # noqa: S311 - no secret
                flow.until = monotonic() + seconds
                if flow.run():
                    flow.run()
        finally:
            flow.lines.let_go()
    return flow.made


async def _perform(door: Door, intent: Intent) -> Verdict | None:
    try:
        return await door.perform(intent.order, intent.until)
    except TooLate:
        return None


def connections_due() -> list[str]:
    """Connections with something due that may be called."""
    with statements.cursor() as cursor:
        cursor.execute(DUE)
        return [row[0] for row in cursor.fetchall()]


@dataclass(slots=True)
class Flow:
    """A worker's present work: the lines it holds, and answers that are not kept yet."""

    board: Switchboard[Intent, Verdict | None]
    only: Sequence[str] = ()
    until: float = 0.0
    made: int = 0
    lines: Lines = field(default_factory=Lines)
    _heard: list[Answered] = field(default_factory=list)
    _recorded: list[Answered] = field(default_factory=list)
    _outlook: Outlook = field(default_factory=Outlook)
    _away_since: float | None = None

    def run(self) -> bool:
        """Take up what is due and keep what comes of it, until nothing is left to do. Whether any
        line was held for that."""
        before = self.lines.taken
        while self._turn():
            pass
        self.lines.let_go()
        return self.lines.taken > before

    def _turn(self) -> bool:
        try:
            if self._away_since is not None:
                anchor.watch(clock.now())
            taken = self._take_up() if monotonic() < self.until else 0
            if self.board.in_flight:
                gather = (GATHER_MORE, HALF) if self.lines.crowded else (GATHER, 1)
                self._heard += map(_answered, self.board.replies(GLANCE, *gather))
            elif self.lines.hope:
                sleep(GLANCE)
            heard = bool(self._heard)
            self._keep()
            self._away_since = None
        except AWAY as error:
            self._wait_for_database(error)
            return True
        return bool(taken or heard or self.board.in_flight or self.lines.hope)

    def _take_up(self) -> int:
        """Claim, prepare and place what is due, as far as each line has room."""
        due = [slug for slug in connections_due() if not self.only or slug in self.only]
        mine = self.lines.follow(due)
        if not mine:
            return 0
        around, now = self._outlook.now(), clock.now()
        claims = self.lines.claim(mine, around, now, self.board.unanswered)
        self._place(prepare(claims, now=now, around=around))
        return len(claims)

    def _place(self, intents: Sequence[Intent]) -> None:
        """Have the calls made whose intents are kept."""
        self.lines.begun(intent.system for intent in intents)
        self.board.place([(intent.system, intent) for intent in intents])
        self.made += len(intents)

    def _keep(self) -> None:
        """Record the calls, then settle their answers; what fails for want of the database is
        kept in memory and tried again."""
        if not (self._heard or self._recorded):
            return
        now, around = clock.now(), self._outlook.now()
        if self._heard:
            record(self._heard, around, now=now)
            self.lines.ended(answered.intent.system for answered in self._heard)
            self._recorded += self._heard
            self._heard = []
        at_once = partial(self._may_call_again, around=around, now=now)
        reads = settlement.settle(self._recorded, now=now, around=around, at_once=at_once)
        self._recorded = []
        self._place(reads)

    def _may_call_again(self, answered: Answered, *, around: World, now: datetime) -> bool:
        """Whether one more call may be made for a step under its claim: its line is still ours,
        its system may be called, and the lease lasts for a wait as long as the call itself."""
        intent = answered.intent
        system = around.systems.get(intent.system.id, intent.system)
        lasts = 2 * intent.system.deadline.total_seconds()
        in_time = monotonic() + lasts < intent.until
        return in_time and self.lines.takes_up(system) and bool(circuit.allowance(system, 1, now))

    def _wait_for_database(self, error: Exception) -> None:
        """The session is gone and with it the locks: nothing more is taken up on these lines until
        they are taken anew. Raises the error when the database stays away."""
        log.warning("database away: %s", type(error).__name__)
        self._away_since = self._away_since or monotonic()
        if monotonic() - self._away_since > PATIENCE:
            raise error
        connection.close()
        self.lines.forget()
        self._outlook.forget()
        sleep(0.5)


def _answered(reply: Reply[Intent, Verdict | None]) -> Answered:
    verdict = reply.trouble or reply.answer
    return Answered(reply.ticket, verdict, reply.milliseconds, reply.quota)


def record(answers: Sequence[Answered], around: World, *, now: datetime) -> None:
    """Keep what the calls tell of their systems: time taken, limits, circuit."""
    made = [(one, one.verdict) for one in answers if one.verdict is not None]
    sets.insert(_call(one, verdict, now) for one, verdict in made)
    by_system: dict[int, list[Answered]] = {}
    for one, _verdict in made:
        by_system.setdefault(one.intent.system.id, []).append(one)
    for pk, heard in by_system.items():
        system, quota = around.systems.get(pk, heard[-1].intent.system), heard[-1].quota
        if quota.used is not None and quota.used != system.quota_used:
            System.objects.filter(connection=system.connection).update(
                quota_used=quota.used, quota_limit=quota.limit
            )
            system.quota_used, system.quota_limit = quota.used, quota.limit
        if circuit.note(system, [one.verdict for one in heard if one.verdict], now):
            around.outdated = True
            settlement.circuit_changed(system, now)
            bell.ring("systems", "tower")


def _call(answered: Answered, verdict: Verdict, now: datetime) -> Call:
    order = answered.intent.order
    return sets.made(
        Call,
        system_id=answered.intent.system.id,
        at=now,
        operation=f"{order.purpose} {order.verb} {order.entity}",
        milliseconds=answered.milliseconds,
        verdict=type(verdict).__name__.lower(),
        reached=circuit.reached(verdict),
    )
