"""A tower with one system, whose books outlive every worker; and a worker to be killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from controltower import queues
from controltower.canonical.verdicts import Effect
from controltower.incidents import letters
from controltower.processes import catalogue as processes
from controltower.systems.models import Feed, System
from controltower.transactions.models import Step, Transaction
from integrations import catalogue as connectors
from tests.crash import parcels
from tests.crash.upstream import Books, Upstream
from tests.crash.worker import Point, play, told

MOST_ROUNDS = 12
TIME_PASSES = (
    """UPDATE transactions_step SET due_at = now() - interval '1 s',
           lease_until = least(lease_until, now() - interval '1 s'),
           quarantine_until = least(quarantine_until, now() - interval '1 s')
       WHERE state IN ('scheduled', 'sending', 'unknown', 'acked')""",
    "UPDATE transactions_inboundevent SET due_at = now() - interval '1 s'",
    "UPDATE systems_feed SET due_at = now() - interval '1 s'",
)


@dataclass
class Yard:
    """The tower, its one system, and the worker."""

    books: Books
    worker: subprocess.Popen[bytes]

    def order(self) -> dict[Effect, str]:
        """One new order of each effect class."""
        orders = parcels.new_orders()
        self.books.orders += orders.values()
        pass_time(self.books)
        return orders

    def kill(self, point: Point) -> int:
        """As `killed`."""
        return killed(self.worker, point)

    def recover(self, orders: dict[Effect, str]) -> dict[Effect, Transaction]:
        """A fresh worker and the sweeper play, while time passes, until all is at rest."""
        for _round in range(MOST_ROUNDS):
            pass_time(self.books)
            play()
            letters.catch_up(now=timezone.now())
            found = Transaction.objects.filter(title__in=orders.values())
            rest = [one for one in found if one.is_over or one.state == "dead_lettered"]
            if len(rest) == len(orders):
                break
        by_title = {one.title: one for one in found}
        return {effect: by_title[order] for effect, order in orders.items() if order in by_title}


def killed(worker: subprocess.Popen[bytes], point: Point) -> int:
    """Let a worker play until it passes a point; how it ended (a signal is negative)."""
    assert worker.stdin and worker.stdout
    worker.stdin.write(told(point))
    worker.stdin.flush()
    return int(json.loads(worker.stdout.readline()))


def pass_time(books: Books) -> None:
    """Leases, quarantines and waits are over, and the lagging index goes on."""
    with connection.cursor() as cursor:
        for statement in TIME_PASSES:
            cursor.execute(statement)
    books.time_passes()


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    """The one system, for all points."""
    server = Upstream()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def worker(django_db_setup: None) -> Iterator[subprocess.Popen[bytes]]:
    """A warm worker, which forks one to be killed."""
    name = str(connection.settings_dict["NAME"])
    command = [sys.executable, "-W", "ignore", "-m", "tests.crash.worker"]
    environment = os.environ | {"CRASH_DATABASE": name}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe) as process:
        yield process
        process.kill()


@pytest.fixture
def yard(
    transactional_db: None,
    upstream: Upstream,
    worker: subprocess.Popen[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Yard]:
    """The tower with empty books on both sides."""
    monkeypatch.setattr(processes, "PROCESSES", processes.PROCESSES)
    monkeypatch.setattr(connectors, "CONNECTORS", dict(connectors.CONNECTORS))
    parcels.offer()
    upstream.books = Books()
    _connect(upstream.url)
    yield Yard(upstream.books, worker)
    queues.connection().flushdb()


def _connect(url: str) -> None:
    system = System.objects.create(slug="parcels", title="Parcels", domain="test", role="parcels",
                                   connector="parcels", connection="parcels", base_url=url,
                                   concurrency=16, calls_per_second=500)  # fmt: skip
    due = timezone.now() - timedelta(seconds=1)
    Feed.objects.create(system=system, entity="order", every_seconds=0, due_at=due)


def step_of(transaction: Transaction) -> Step:
    """The step that says where it stands: the last of its route."""
    step = transaction.steps.order_by("position").last()
    assert step is not None
    return step
