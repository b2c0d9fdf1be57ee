"""`python -m tests.bench.tower.feed systems` sets the stub's systems up; `… backlog PREFIX COUNT
STAGE` takes events in by the engine's own front door and interprets them, so that their steps are
due, and prints how fast it went as JSON."""

from __future__ import annotations

import json
import os
import sys
import time
from decimal import Decimal

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controltower.settings")
django.setup()

from django.utils import timezone  # noqa: E402 - what follows needs Django set up

from controltower.canonical.events import OPPORTUNITY_WON, CanonicalEvent  # noqa: E402
from controltower.canonical.records import Opportunity  # noqa: E402
from controltower.systems.models import System  # noqa: E402
from controltower.transactions import intake, interpretation  # noqa: E402
from tests.bench.tower.manage import register  # noqa: E402
from tests.bench.tower.process import SYSTEMS  # noqa: E402

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
        print(json.dumps(backlog(sys.argv[2], int(sys.argv[3]), sys.argv[4])))
