"""Whatever is killed during the tour: it ends with exactly one posted invoice."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from controltower.web.tours import every_workflow
from tests.platform.commands import Commands
from tests.servers import prepare_home

pytestmark = [pytest.mark.slow, pytest.mark.tryton]

KILLS = 4
FIRST = "Opportunity to project, time and expense to billing"
EVERY = 2.0
"""Seconds between two kills: often enough to hit calls, seldom enough to let work go on."""


@pytest.fixture(scope="module")
def tower(open_place: Path) -> Iterator[Commands]:
    commands = Commands(open_place / "home")
    prepare_home(commands.home)
    started = commands.up()
    assert started.returncode == 0, started.stdout + started.stderr
    yield commands
    commands.forget()


@pytest.mark.parametrize(
    "victims",
    [
        ("worker engine 1", "worker engine 2", "worker intake"),
        ("dispatcher", "web", "Valkey", "sandbox ERP"),
    ],
    ids=" and ".join,
)
def test_the_tour_ends_with_exactly_one_invoice(tower: Commands, victims: tuple[str, ...]) -> None:
    tower.until_ready()
    with tower.begin("tour", "--json", "--patience", "240") as tour:
        for _ in range(KILLS):
            time.sleep(EVERY)
            _kill(tower, victims)
        try:
            told, complaint = tour.communicate(timeout=900)
        except subprocess.TimeoutExpired:
            tour.kill()
            raise
    # The tour itself asks the ERP's books and fails unless they hold exactly one invoice.
    assert tour.returncode == 0, told + complaint
    assert json.loads(told)
    processes = tower.processes()
    assert all(processes[name]["restarts"] > 0 for name in victims)


def test_every_workflow_is_played_and_all_books_agree(tower: Commands) -> None:
    tower.until_ready()
    with tower.begin("tour", "--all", "--json", "--patience", "240") as tour:
        told, complaint = tour.communicate(timeout=1200)
    assert tour.returncode == 0, told + complaint
    journey = json.loads(told)["journey"]
    played = [line["text"] for line in journey if not line["system"]]
    assert played == [FIRST, *every_workflow.WORKFLOWS, "All books"]
    assert any(line["text"].startswith("All invoices in EUR") for line in journey)


def _kill(tower: Commands, victims: tuple[str, ...]) -> None:
    processes = tower.processes()
    for name in victims:
        if pid := processes[name]["pid"]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
