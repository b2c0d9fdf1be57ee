"""A queue that forgets what is deleted, and a worker killed on every step between reading and
deleting: no message is lost, none counts twice."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest
from django.utils import timezone

from controltower import queues
from controltower.measures import invariants
from controltower.systems.models import Feed
from controltower.transactions import interpretation, polling
from controltower.transactions.models import InboundEvent, Item
from controltower.web.demo.firm import found_firm
from controltower.web.demo.surroundings import connect_systems
from tests.crash.conftest import killed
from tests.crash.points import ENGINE
from tests.crash.worker import Point
from tests.integrations.conftest import running_town, town
from tests.integrations.doors import ControlDoor, Town

__all__ = ["running_town", "town"]
DOOR = "integrations.payroll.connector:PayrollConnector"
POINTS = (
    (Point("read, before anything is kept", f"{DOOR}.read_changes"), 1, 0),
    (Point("while it is kept", f"{ENGINE}.intake:receive"), 1, 0),
    (Point("kept, before it is deleted", f"{ENGINE}.polling:_keep"), 1, 1),
    (Point("about to be deleted", f"{DOOR}.ack", "before"), 1, 1),
    (Point("deleted, before that is known", f"{DOOR}.ack"), 0, 1),
)
"""Where the worker dies, how many messages the provider has then, and how many we have."""


@pytest.fixture(scope="module", autouse=True)
def addresses(running_town: Town) -> Iterator[None]:
    """Where the provider is, known to the worker before it starts."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("SANDBOX_")]:
            patch.delenv(name)
        patch.setenv("SANDBOX_PAYROLL_URL", running_town.urls["payroll"])
        for name, secret in running_town.secrets["payroll"].items():
            patch.setenv(f"SANDBOX_PAYROLL_{name.upper()}", secret)
        yield


@pytest.fixture
def provider(transactional_db: None, town: Town) -> Iterator[ControlDoor]:
    """An empty queue, and a tower that reads nothing else."""
    now = timezone.now()
    found_firm(now.date())
    connect_systems(now)
    Feed.objects.exclude(system__slug="payroll").delete()
    control = town.controls["payroll"]
    control.do("forget")
    yield control
    queues.connection().flushdb()


@pytest.mark.parametrize(("point", "there", "here"), POINTS, ids=lambda v: getattr(v, "name", ""))
def test_no_message_is_lost_and_none_counts_twice(
    provider: ControlDoor,
    worker: subprocess.Popen[bytes],
    point: Point,
    there: int,
    here: int,
) -> None:
    number = provider.do("run_payroll", entity="LF-UK", amount="64000.01")["id"]
    assert killed(worker, point) == -signal.SIGKILL, "the point was not passed"
    assert provider.do("waiting") == {"messages": there}
    assert InboundEvent.objects.count() == here
    for _again in range(2):
        Feed.objects.update(due_at=timezone.now())
        polling.poll()
    assert provider.do("waiting") == {"messages": 0}
    interpretation.interpret_due(limit=10, now=timezone.now())
    assert [str(item.record["number"]) for item in Item.objects.all()] == [number]
    assert InboundEvent.objects.count() == 1
    assert invariants.breaches(timezone.now()) == {}
