"""A minute of everything at once, as ``bin/chaos`` does it by hand for longer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from controltower.supervisor.home import REPOSITORY

pytestmark = [pytest.mark.slow, pytest.mark.tryton]
SEED, SECONDS, SETTLE, LONGEST = 20261121, 45, 90, 240


def test_a_broken_tower_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    verdict = tmp_path / "verdict.json"
    words = ["--seed", str(SEED), "--seconds", str(SECONDS), "--settle", str(SETTLE), "--quiet"]
    run = subprocess.run(
        [sys.executable, "-m", "tests.chaos.run", *words, "--json", str(verdict)],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=LONGEST, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    found = json.loads(verdict.read_text())
    assert found["done"] > SECONDS / 4
    assert sum(found["faults"].values()) > SECONDS / 4
    assert found["settled"] is not None
