"""`python -m tests.bench.tower.feed systems` sets the stub's systems up; `… backlog PREFIX COUNT
STAGE` takes events in by the engine's own front door and interprets them, so that their steps are
due; `… replay PREFIX COUNT` parks as many and replays them. It prints how fast it went as JSON."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from uuid import UUID

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controltower.settings")
django.setup()

from django.db import connection  # noqa: E402 - what follows needs Django set up
from django.db.transaction import atomic  # noqa: E402
from django.utils import timezone  # noqa: E402

from controltower.canonical.events import OPPORTUNITY_WON, CanonicalEvent  # noqa: E402
from controltower.canonical.records import Opportunity  # noqa: E402
from controltower.firm import audit  # noqa: E402
from controltower.firm.models import Duty, Person, Role  # noqa: E402
from controltower.incidents import letters  # noqa: E402
from controltower.systems.models import System  # noqa: E402
from controltower.transactions import (  # noqa: E402
    cases,
    engine,
    intake,
    interpretation,
    replay,
    replay_approval,
)
from controltower.transactions.models import ReplayPlan, Step  # noqa: E402
from tests.bench.tower.manage import register  # noqa: E402
from tests.bench.tower.process import READ, SYSTEMS  # noqa: E402

AT_ONCE = 500
CONCURRENCY, PACE, DEADLINE = 50, 30_000, 5


def systems() -> None:
    """The stub as several systems, each with its own connection."""
    for number in range(SYSTEMS):
        slug = f"stub-{number}"
        System.objects.create(
            slug=slug,
            title=f"Stub {number}",
            domain="none",
            role=slug,
            connector="stub",
            connection=slug,
            base_url=os.environ["BENCH_STUB"],
            concurrency=CONCURRENCY,
            calls_per_second=PACE,
            deadline_seconds=DEADLINE,
        )


def backlog(prefix: str, count: int, stage: str) -> dict[str, float]:
    """Take in and interpret; events a second of each."""
    begun = time.perf_counter()
    for first in range(0, count, AT_ONCE):
        some = range(first, min(first + AT_ONCE, count))
        told = [(b"{}", _event(f"{prefix}-{number}", stage)) for number in some]
        intake.receive(facts=told, signature="polled", now=timezone.now())
    received = time.perf_counter()
    while interpretation.interpret_due(limit=100, now=timezone.now()):
        pass
    interpreted = time.perf_counter()
    return {
        "received": count / (received - begun),
        "interpreted": count / (interpreted - received),
    }


PARK = """
UPDATE transactions_step SET state = 'parked', kind = 'validation', fence = 1, changed_at = now(),
    text = 'The stub said no.', fingerprint = 'BENCH' WHERE state = 'scheduled'
"""
STUCK = "UPDATE transactions_transaction SET state = 'dead_lettered' WHERE state = 'in_progress'"
BY_ROW = 200


def replayed(prefix: str, count: int) -> dict[str, float]:
    """Plan, survey, have approved and release a replay of `count` steps: seconds of each, and of
    taking up one row, with its audit entry, in a commit of its own."""
    with connection.cursor() as cursor:  # what an earlier round has left does not count
        cursor.execute(
            "UPDATE transactions_step SET state = 'cancelled' WHERE state <> 'cancelled'"
        )
    asks, approves = (_controller(name) for name in ("asks", "approves"))
    backlog(prefix, count + BY_ROW, READ)
    with connection.cursor() as cursor:
        cursor.execute(PARK)
        cursor.execute(STUCK)
        while letters.catch_up(now=timezone.now()):
            pass
        cursor.execute("ANALYZE")
    stuck = list(Step.objects.filter(state="parked").values_list("pk", flat=True))
    many, few = stuck[:count], stuck[count:]
    told: dict[str, float] = {}
    plan = _timed(told, "planned", partial(_plan, many, asks))
    plan = _timed(told, "surveyed", partial(replay.survey, plan.pk))
    _approve(plan, asks, approves)
    _timed(told, "released", partial(_release, plan, asks))
    begun = time.perf_counter()
    for step in Step.objects.filter(pk__in=few).select_related("transaction"):
        _take_up(step, asks)
    by_row = (time.perf_counter() - begun) / len(few)
    return {**told, "by_row": by_row, "items": plan.items.count()}


def _take_up(step: Step, by: Person) -> None:
    now = timezone.now()
    with atomic():
        with cases.case_of(step.transaction, now=now) as case:
            mine = next(one for one in case.steps if one.pk == step.pk)
            engine.again(case, mine, why="for the benchmark")
            engine.advance(case)
        audit.record(actor=by, verb="replay", subject=str(step.pk), allowed=True, now=now)


def _timed(told: dict[str, float], name: str, act: Callable[[], ReplayPlan]) -> ReplayPlan:
    begun = time.perf_counter()
    plan = act()
    told[name] = told.get(name, 0.0) + time.perf_counter() - begun
    return plan


def _plan(steps: Sequence[UUID], by: Person) -> ReplayPlan:
    return replay.plan(
        steps=steps, title="Benchmark", selection={}, mapping="now", by=by, now=timezone.now()
    )


def _approve(plan: ReplayPlan, asks: Person, approves: Person) -> None:
    if plan.needs_second_person:
        now = timezone.now()
        replay.ask_approval(plan=plan, by=asks, now=now)
        replay_approval.decide(
            plan=plan, digest=plan.digest, by=approves, approve=True, reason="", now=now
        )


def _release(plan: ReplayPlan, by: Person) -> ReplayPlan:
    return replay.release(plan=plan, digest=plan.digest, by=by, now=timezone.now())


def _controller(name: str) -> Person:
    person, _ = Person.objects.get_or_create(username=name)
    for role in (Role.CONTROLLER, Role.OPERATOR):
        Duty.objects.get_or_create(person=person, role=role, entity=None)
    return person


def _event(name: str, stage: str) -> CanonicalEvent:
    record = Opportunity(
        source_id=name,
        name="Claims platform",
        customer_id="001A00000012345",
        customer_name="Meridian Harbour Health",
        stage=stage,
        won=True,
        amount=Decimal("48200.00"),
        currency="EUR",
    )
    return CanonicalEvent(
        id=name,
        type=OPPORTUNITY_WON,
        source="bench",
        subject=name,
        time=timezone.now(),
        version="1",
        record=record,
    )


if __name__ == "__main__":
    register()
    if sys.argv[1] == "systems":
        systems()
    else:
        played = replayed if sys.argv[1] == "replay" else backlog
        print(json.dumps(played(sys.argv[2], int(sys.argv[3]), *sys.argv[4:])))
