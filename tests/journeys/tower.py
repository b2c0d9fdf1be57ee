"""Plays the tower inside the test: the same verbs that dispatcher and workers call, in turn."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from controltower.firm.models import Person
from controltower.incidents import letters
from controltower.systems.models import Circuit, Feed, System
from controltower.transactions import (
    drain,
    interpretation,
    polling,
    replay,
    replaying,
    retaining,
    sweeper,
    uncapping,
)
from controltower.transactions.models import (
    BusinessKey,
    ReplayPlan,
    Step,
    Transaction,
    TransactionState,
)
from controltower.transactions.protocol import STUCK
from tests.integrations.doors import ControlDoor, Org
from tests.integrations.erp import Erp

CLIENTS = {"LF-DE": "SIL", "LF-UK": "OTT"}
"""Clients that exist once; the firm has one on purpose that exists twice."""
DEAL, BILLING = "opportunity-to-project", "time-and-expense-to-billing"
PATIENCE = 240.0
REST = 0.2
"""Seconds between two rounds when nothing had happened in the first: a round in which nothing is
to be done costs as much as a step."""


@dataclass
class Tower:
    """The running tower and the pretend firm around it."""

    org: Org
    erp: Erp

    def beat(self) -> bool:
        """One round of everything that runs by itself; whether facts or calls came of it."""
        facts = polling.poll(budget=timedelta(0))
        retaining.tell(now=timezone.now())
        taken = interpretation.interpret_due(limit=100, now=timezone.now())
        sweeper.sweep(now=timezone.now())
        uncapping.release(now=timezone.now())
        calls = drain.drain()
        for plan in replaying.running():
            replaying.tick(plan, now=timezone.now())
        letters.catch_up(now=timezone.now())
        return facts + taken + calls > 0

    def play(self, until: Callable[[], object], patience: float = PATIENCE) -> None:
        """Beat until something is so."""
        end = time.monotonic() + patience
        while not until():
            assert time.monotonic() < end, self.story()
            if not self.beat():
                time.sleep(REST)

    def impatient(self) -> None:
        """Make every delay due now: back-off, rests and quarantines are not what is tested."""
        now = timezone.now()
        Step.objects.filter(due_at__gt=now).update(due_at=now)
        Step.objects.filter(quarantine_until__gt=now).update(quarantine_until=now)
        System.objects.filter(retry_at__gt=now).update(retry_at=now)
        System.objects.filter(slow_until__gt=now).update(slow_until=now)
        Feed.objects.filter(due_at__gt=now).update(due_at=now)

    def stand_through(self, door: ControlDoor, system: str) -> None:
        """A system is down until that is known, because a feed of it or a step could not reach it;
        then it is back."""
        door.order("down")
        feeds = Feed.objects.filter(system__slug=system).exclude(trouble="")
        circuits = System.objects.filter(slug=system, circuit=Circuit.OPEN)

        def noticed() -> bool:
            self.impatient()
            return feeds.exists() or circuits.exists()

        self.play(noticed)
        door.clear()

    def win(self, **deal: Any) -> str:
        """Close a deal in the CRM; its id."""
        wanted = {"entity": "LF-DE", "amount": "48200.00", "grouping": "Project"} | deal
        wanted.setdefault("client", CLIENTS.get(wanted["entity"], ""))
        return str(self.org.control.do("close_deal", **wanted)["opportunity"])

    def set_up(self, **deal: Any) -> Transaction:
        """A won deal, played to its project."""
        transaction = self.of("opportunity", self.win(**deal), DEAL)
        self.until(transaction, TransactionState.VERIFIED)
        return transaction

    def of(self, kind: str, value: str, process: str) -> Transaction:
        """The transaction that carries a business key, once it is there."""
        keys = BusinessKey.objects.filter(kind=kind, value=value, transaction__process=process)
        self.play(keys.exists)
        return Transaction.objects.get(pk=keys.values("transaction")[:1])

    def until(self, transaction: Transaction, state: str) -> Transaction:
        """Play until the transaction is in a state; refreshes it."""

        def reached() -> bool:
            self.impatient()
            transaction.refresh_from_db()
            return transaction.state == state

        self.play(reached)
        return transaction

    def approve_time(self, deal: Transaction, **work: Any) -> str:
        """Approve a week on the deal's project; the timecard's number."""
        project = deal.steps.get(name="project").ref
        return str(self.org.control.do("approve_time", project=project, **work)["number"])

    def billing_of(self, number: str) -> Transaction:
        """The billing transaction that approved work has joined."""
        return self.of("approved work", number, BILLING)

    def correct(self, kind: str, ref: str, **fields: Any) -> None:
        """Somebody corrects a record in the CRM or PSA by hand."""
        self.org.control.do("change", object=kind, id=ref, fields=fields)

    def stuck(self, transaction: Transaction) -> Step:
        """Play until the transaction waits for a person; the step that is stuck."""

        def reached() -> bool:
            self.impatient()
            return Transaction.objects.stuck().filter(pk=transaction.pk).exists()

        self.play(reached)
        transaction.refresh_from_db()
        return transaction.steps.get(state__in=STUCK)

    def person(self, username: str) -> Person:
        """One of the demo people."""
        return Person.objects.get(username=username)

    def replay(self, transaction: Transaction, by: str = "otto.brandt") -> ReplayPlan:
        """Plan a replay of what is stuck in a transaction, and survey it."""
        steps = [s.pk for s in transaction.steps.filter(state__in=STUCK)]
        plan = replay.plan(
            steps=steps,
            title="Replay",
            selection={"transaction": transaction.reference},
            mapping="now",
            by=self.person(by),
            now=timezone.now(),
        )
        return replay.survey(plan.pk)

    def story(self) -> str:
        """What every live transaction shows, for a failed test."""
        lines = []
        for transaction in Transaction.objects.exclude(state=TransactionState.VERIFIED):
            lines.append(f"{transaction.title}: {transaction.state} {transaction.wait_text}")
            lines += [
                f"   {step.name}: {step.state} {step.kind} {step.text}"
                for step in transaction.steps.order_by("position")
            ]
        return "\n".join(lines) or "nothing is live"
