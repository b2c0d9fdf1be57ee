"""The waves of a replay: rung for by the dispatcher, taken up by a worker, each sent once whatever
dies in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from controltower import queues, schedule
from controltower.systems.models import System
from controltower.transactions import engine, jobs, replay, replaying
from controltower.transactions.models import ItemState, ReplayPlan, Step, TimelineEntry
from tests.factories import Firm, found, stuck_bills

pytestmark = pytest.mark.django_db
OnCommit = Callable[..., AbstractContextManager[list[Any]]]


def _running(how_many: int, pace: float = 50) -> tuple[Firm, ReplayPlan]:
    """A released replay whose canary came back, before its first wave."""
    firm = found()
    bills = stuck_bills(firm, how_many)
    plan = firm.plan(*bills, by=firm.otto)
    ReplayPlan.objects.filter(pk=plan.pk).update(needs_second_person=False)
    plan.refresh_from_db()
    System.objects.update(calls_per_second=pace)
    replay.release(plan=plan, digest=plan.digest, by=firm.otto, now=timezone.now())
    firm.play(plan.items.get(state=ItemState.SENT).transaction)
    return firm, plan


def _sent(plan: ReplayPlan) -> int:
    return plan.items.filter(state=ItemState.SENT).count()


def _taken_up(plan: ReplayPlan) -> int:
    """How many times any step of the plan was put back under the engine."""
    entries = TimelineEntry.objects.filter(transaction__in=plan.items.values("transaction"))
    return entries.filter(text__contains="replayed by").count()


@pytest.fixture
def bell() -> Iterator[None]:
    """The replays' queue, empty and silent."""
    queues.connection().flushdb()
    yield
    queues.connection().flushdb()


def test_the_beat_rings_and_a_worker_sends(
    bell: None, django_capture_on_commit_callbacks: OnCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "close_old_connections", lambda: None)  # the test's own is not old
    _firm, plan = _running(3)
    with django_capture_on_commit_callbacks(execute=True):
        schedule.ring_replays(timezone.now())
        schedule.ring_replays(timezone.now())
    assert _sent(plan) == 1, "the dispatcher itself sends nothing"
    rung = queues.queue(queues.REPLAYS).jobs
    assert [(job.func, job.args) for job in rung] == [(jobs.move_replay, [str(plan.pk)])]
    jobs.move_replay(*rung[0].args)
    assert _sent(plan) == 2
    assert _taken_up(plan) == 3


def test_a_worker_that_dies_midway_has_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two sets of a wave: what the first set took up is taken back with it."""
    _firm, plan = _running(4)
    before, again, calls = _taken_up(plan), engine.again, iter(range(9))

    def dies(*arguments: Any, **named: Any) -> None:
        if next(calls) == 2:
            raise SystemExit
        again(*arguments, **named)

    monkeypatch.setattr(replaying, "SET", 1)
    with monkeypatch.context() as patched:
        patched.setattr(engine, "again", dies)
        with pytest.raises(SystemExit):
            replaying.tick(plan.pk, now=timezone.now())
    assert plan.items.filter(state=ItemState.WAITING).count() == 3
    assert _taken_up(plan) == before
    for _beat in range(2):
        replaying.tick(plan.pk, now=timezone.now())
    assert _sent(plan) == 3
    assert _taken_up(plan) == before + 3


@pytest.mark.django_db(transaction=True)
def test_two_workers_send_each_step_once_and_no_more_than_the_pace() -> None:
    _firm, plan = _running(8, pace=1)
    before, start = _taken_up(plan), Barrier(4)

    def work() -> None:
        try:
            start.wait(30)
            replaying.tick(plan.pk, now=timezone.now())
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        for worker in [pool.submit(work) for _ in range(4)]:
            worker.result(60)
    assert _sent(plan) == 3, "half the pace, five seconds ahead: at 0, 2 and 4 s"
    assert _taken_up(plan) == before + 3


def test_a_connection_without_a_place_does_not_hold_up_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The slow one's items stand first in the plan, more of them than a wave holds."""
    monkeypatch.setattr(replaying, "MOST_AT_ONCE", 2)
    _firm, plan = _running(6)
    slow = System.objects.get(role="erp")
    quick = System.objects.get(role="psa")
    last = list(plan.items.filter(state=ItemState.WAITING))[-1]
    Step.objects.filter(pk=last.step_id).update(system=quick)
    System.objects.filter(pk=slow.pk).update(calls_per_second=1)
    for _beat in range(3):
        replaying.tick(plan.pk, now=timezone.now())
    last.refresh_from_db()
    assert last.state == ItemState.SENT
    assert plan.items.filter(state=ItemState.WAITING).exists()


def test_only_what_has_moved_is_read_again(django_assert_max_num_queries: Any) -> None:
    """However much is under way, a beat reads the items of which there is something to learn."""
    _firm, plan = _running(6)
    replaying.tick(plan.pk, now=timezone.now())
    assert plan.items.filter(state=ItemState.VERIFIED).count() == 1
    flying = plan.items.filter(state=ItemState.SENT)
    assert flying.count() == 5
    assert not flying.filter(replaying.MOVED).exists()
    late = timezone.now() + timedelta(seconds=1)
    with django_assert_max_num_queries(6):
        replaying.learn(plan, late)


def test_a_stopped_plan_learns_what_came_of_what_was_under_way(
    bell: None, django_capture_on_commit_callbacks: OnCommit
) -> None:
    """The dispatcher rings for it until all of that is known, and no longer."""
    firm, plan = _running(4)
    replaying.tick(plan.pk, now=timezone.now())
    under_way = _sent(plan)
    assert under_way
    replay.stop(plan=plan, by=firm.otto, now=timezone.now())
    assert replaying.running() == [plan.pk]
    for item in plan.items.filter(state=ItemState.SENT):
        firm.play(item.transaction)
    replaying.tick(plan.pk, now=timezone.now())
    assert plan.items.filter(state=ItemState.VERIFIED).count() == under_way + 1
    assert replaying.running() == []
