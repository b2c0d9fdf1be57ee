"""Sets of steps: a slow system delays nobody else, locks are kept, answers survive a restart."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import timedelta
from time import sleep
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from controltower.canonical.verdicts import Done, Misconfigured, Outcome, Verdict
from controltower.systems import calls
from controltower.systems.models import System
from controltower.systems.switchboard import Switchboard
from controltower.transactions import cases, drain, locks, sets, settlement, statements
from controltower.transactions.claiming import CLAIM, Claim, claim, give_back
from controltower.transactions.intent import Answered, Intent
from controltower.transactions.lines import Line
from controltower.transactions.models import Step, Transaction
from controltower.transactions.preparation import prepare
from controltower.transactions.protocol import State
from controltower.transactions.world import world
from tests.factories import Firm, found

SHORT = timedelta(seconds=0.2)


@pytest.fixture
def firm() -> Firm:
    return found()


def _answering(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every call finds a record. Returns the systems in the order in which they answered."""
    answered: list[str] = []

    async def call(door: calls.Door, _order: calls.Order) -> Verdict:
        answered.append(door.system.slug)
        return Done(ref="R1", outcome=Outcome.READ, values={"name": "x", "country": "DE"})

    monkeypatch.setattr(calls.Door, "_call", call)
    return answered


def _reads(firm: Firm, slug: str, how_many: int) -> list[Step]:
    """Reads that are due at a system."""
    deals = [firm.tell(firm.opportunity()) for _ in range(how_many)]
    steps = Step.objects.filter(transaction__in=deals, name="client")
    steps.update(system=System.objects.get(slug=slug))
    return list(steps)


@pytest.mark.django_db
def test_a_slow_system_delays_nobody_else(firm: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    """More fast calls than may be in flight at once: they need several rounds. The slow answer
    comes when all of them are done, else its call is given up."""
    _reads(firm, "tryton", 1)
    System.objects.filter(slug="tryton").update(deadline_seconds=50)
    fast = _reads(firm, "salesforce", 3 * System.objects.get(slug="salesforce").concurrency)
    answered: list[str] = []
    done = asyncio.Event()

    async def call(door: calls.Door, _order: calls.Order) -> Verdict:
        if door.system.slug == "tryton":
            await done.wait()
        answered.append(door.system.slug)
        if answered.count("salesforce") >= len(fast):
            done.set()
        return Done(ref="R1", outcome=Outcome.READ, values={"name": "x", "country": "DE"})

    monkeypatch.setattr(calls.Door, "_call", call)
    drain.drain(budget=timedelta(seconds=20))
    assert answered.index("tryton") >= len(fast)
    assert not Step.objects.filter(pk__in=[s.pk for s in fast]).exclude(state="verified").exists()


@pytest.mark.django_db
def test_a_connection_that_another_worker_drains_is_left_to_it(
    firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    _reads(firm, "salesforce", 1)
    answered = _answering(monkeypatch)
    other = connection.copy()
    monkeypatch.setattr(locks, "connection", other)
    line = Line("salesforce-org")
    assert line.take()
    monkeypatch.setattr(locks, "connection", connection)
    assert drain.drain(budget=SHORT) == 0
    assert answered == []
    other.close()
    _wait_until_free(line)
    assert drain.drain(budget=SHORT, only=["salesforce-org"]) > 0


def _wait_until_free(line: Line) -> None:
    """PostgreSQL ends a session a moment after it was closed, and its locks with it."""
    while not line.take():
        sleep(0.01)
    line.release()


@pytest.mark.django_db
def test_a_line_is_crowded_while_it_takes_all_that_it_has_room_for(firm: Firm) -> None:
    System.objects.filter(connection="salesforce-org").update(concurrency=1)
    _reads(firm, "salesforce", 3)
    line, now = Line("salesforce-org"), timezone.now()
    assert len(line.claim(world(), now)) == 2
    assert line.crowded
    assert len(line.claim(world(), now)) == 1
    assert not line.crowded


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("unanswered", "then"), [(0, 4), (1, 2)], ids=["the workers are slow", "the system is slow"]
)
def test_a_line_takes_up_further_ahead_while_only_the_workers_are_slow(
    firm: Firm, unanswered: int, then: int
) -> None:
    System.objects.filter(connection="salesforce-org").update(concurrency=1)
    _reads(firm, "salesforce", 8)
    line, now = Line("salesforce-org"), timezone.now()
    assert len(line.claim(world(), now, unanswered)) == 2
    assert len(line.claim(world(), now, unanswered)) == then


@pytest.mark.django_db
@pytest.mark.parametrize("statement", [CLAIM, drain.DUE], ids=["claim", "look"])
def test_no_more_is_read_than_is_taken_however_much_is_due(firm: Firm, statement: str) -> None:
    """Of a backlog that its statistics do not know yet: as when a surge begins."""
    system = System.objects.get(slug="salesforce").pk
    _reads(firm, "salesforce", 30)
    values = {"system": system, "limit": 2, "lease": 60.0}
    with statements.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", values)
        ((told,),) = cursor.fetchall()
    read = [node for node in _nodes(told[0]["Plan"]) if node.get("Index Name") == "steps_due"]
    assert [node["Actual Rows"] <= 2 for node in read] == [True], told


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


@pytest.mark.django_db
def test_one_call_at_a_time_for_a_business_record(firm: Firm) -> None:
    """Two deals of one client in one set: its customer is written by one of them first."""
    deals = [firm.tell(firm.opportunity(customer_id="001SAME")) for _ in range(2)]
    erp, crm = (System.objects.get(slug=slug) for slug in ("tryton", "salesforce"))
    for one in deals:
        firm.play_step(one, "client")
    intents = prepare(claim(erp.pk, 10), now=timezone.now())
    assert [one.definition.name for one in intents] == ["customer"]
    waiting = Step.objects.get(name="customer", state=State.SCHEDULED)
    assert waiting.lease_until is None
    assert waiting.due_at is not None
    assert waiting.due_at > firm.now
    assert claim(crm.pk, 10) + claim(erp.pk, 10) == []


@pytest.mark.django_db
def test_what_was_confirmed_is_read_back_before_younger_steps_are_sent(firm: Firm) -> None:
    """Of a backlog each is done in its turn, instead of all being sent before any is."""
    older, younger = (firm.tell(firm.opportunity(customer_id=f"001{n}")) for n in range(2))
    for deal in (older, younger):
        firm.play_step(deal, "client")
    erp = System.objects.get(slug="tryton")
    due = timezone.now() - timedelta(hours=1)
    older.steps.filter(name="customer").update(due_at=due)
    (intent,) = prepare(claim(erp.pk, 1), now=timezone.now())
    confirmed = Answered(intent, Done(ref="C1", outcome=Outcome.CREATED))
    settlement.settle([confirmed], now=timezone.now())
    step = older.steps.get(name="customer")
    assert (step.state, step.due_at) == (State.ACKED, due)
    assert [one.step_id for one in claim(erp.pk, 1)] == [step.pk]


@pytest.mark.django_db
def test_what_moved_meanwhile_is_not_overwritten(firm: Firm) -> None:
    deal = firm.tell(firm.opportunity())

    def change() -> None:
        with cases.case_of(deal, now=timezone.now()) as case:
            case.step("client").text = "from the case"
            case.note("told", "It should not be kept.")
            Step.objects.filter(transaction=deal, name="client").update(fence=99)

    with pytest.raises(sets.Moved):
        change()
    step = deal.steps.get(name="client")
    assert step.text == ""
    assert not deal.timeline.filter(kind="told").exists()


@pytest.mark.django_db
def test_only_the_holder_of_the_fence_gives_a_step_back(firm: Firm) -> None:
    (step,) = _reads(firm, "salesforce", 1)
    (mine,) = claim(System.objects.get(slug="salesforce").pk, 1)
    give_back([Claim(step.pk, step.transaction_id, mine.fence - 1, mine.until)], after=timedelta(0))
    assert Step.objects.get(pk=step.pk).lease_until is not None
    give_back([mine], after=timedelta(0))
    assert Step.objects.get(pk=step.pk).lease_until is None


@pytest.mark.django_db(transaction=True)
def test_answers_survive_a_database_that_restarts(
    firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session is lost when the answers are to be kept: they are, once it is back."""
    (step,) = _reads(firm, "salesforce", 1)
    answered = _answering(monkeypatch)
    settle, failures = settlement.settle, [OperationalError("terminated"), OperationalError("away")]

    def flaky(*given: Any, **named: Any) -> list[Intent]:
        if given[0] and failures:
            raise failures.pop()
        return settle(*given, **named)

    monkeypatch.setattr(settlement, "settle", flaky)
    drain.drain(budget=SHORT)
    assert failures == []
    assert answered.count("salesforce") >= 1
    assert Step.objects.get(pk=step.pk).state == State.VERIFIED


@pytest.mark.django_db
def test_a_system_that_is_set_up_wrongly_says_so() -> None:
    system = System(pk=1, slug="odd", title="Odd system", connector="nobody", connection="odd")

    async def question(_door: calls.Door, ticket: str) -> str:
        return ticket

    with Switchboard(question) as board:
        board.place([(system, "ticket")])
        (reply,) = board.replies(5)
    assert isinstance(reply.trouble, Misconfigured)
    assert "Odd system" in reply.trouble.text
    assert board.in_flight == 0


def test_a_share_of_what_is_under_way_is_enough_for_a_set() -> None:
    """The one that waits is not waited for, though there is all the time in the world."""
    system = System(
        pk=1, slug="odd", title="Odd system", connector="bamboohr", connection="odd",
        base_url="https://unset.invalid",
    )  # fmt: skip
    release = threading.Event()

    async def question(_door: calls.Door, ticket: str) -> str:
        if ticket == "waits":
            await asyncio.to_thread(release.wait, 300)
        return ticket

    with Switchboard(question) as board:
        board.place([(system, "first"), (system, "waits")])
        assert [one.ticket for one in board.replies(300, 300, 0.5)] == ["first"]
        board.place([(system, "second")])
        threading.Timer(0.1, release.set).start()
        assert {one.ticket for one in board.replies(300, 300)} == {"second", "waits"}


@pytest.mark.django_db
def test_a_surge_of_deals_is_begun_as_one_set(firm: Firm) -> None:
    """Each begins once, whatever order it came in, and a repeated record joins its own."""
    told = [firm.opportunity() for _ in range(30)]
    receipt = firm.receive(*told, told[0])
    assert receipt.duplicates == 1
    assert Transaction.objects.count() == 30
    assert all(one.steps.exists() for one in Transaction.objects.all())
