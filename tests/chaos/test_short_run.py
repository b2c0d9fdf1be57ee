"""A minute of everything at once, as ``bin/chaos`` does it by hand for longer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from controltower.supervisor.home import REPOSITORY

pytestmark = [pytest.mark.slow, pytest.mark.tryton]
SEED, SECONDS, SETTLE, LONGEST = 20261121, 45, 140, 500


def test_a_broken_tower_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    verdict = tmp_path / "verdict.json"
    words = ["--seed", str(SEED), "--seconds", str(SECONDS), "--settle", str(SETTLE), "--quiet"]
    code, said = _run([*words, "--json", str(verdict)])
    assert code == 0, said
    found = json.loads(verdict.read_text())
    assert found["done"] > SECONDS / 4
    assert sum(found["faults"].values()) > SECONDS / 4
    assert found["settled"] is not None


def _run(words: list[str]) -> tuple[int, str]:
    """The exit code and what was said; a run that takes too long is told to clean up and end."""
    command = [sys.executable, "-m", "tests.chaos.run", *words]
    with subprocess.Popen(
        command, cwd=REPOSITORY, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as run:
        try:
            said, _ = run.communicate(timeout=LONGEST)
        except subprocess.TimeoutExpired:
            run.terminate()
            said, _ = run.communicate()
    return run.returncode, said
