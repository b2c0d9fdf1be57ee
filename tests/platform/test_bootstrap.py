"""The first second of bin/up: an old Python, a missing index, an environment that is current."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from controltower import bootstrap

SCRIPTS = ("up", "down", "status", "tour", "manage", "test")


def _old_pythons() -> list[Path]:
    """Interpreters too old for the product that this machine happens to have."""
    named = [Path(found) for minor in (8, 9, 10) if (found := shutil.which(f"python3.{minor}"))]
    managed = [
        path
        for minor in (6, 7, 8, 9, 10)
        for path in Path("~/.pyenv/versions").expanduser().glob(f"3.{minor}.*/bin/python3")
    ]
    return [
        path
        for path in (*named, *managed)
        if subprocess.run([path, "-c", "pass"], capture_output=True, check=False).returncode == 0
    ]


OLD_PYTHONS = _old_pythons()


@pytest.mark.parametrize("script", SCRIPTS)
def test_what_runs_first_can_be_read_by_an_old_python(script: str) -> None:
    for path in (bootstrap.REPOSITORY / "bin" / script, Path(bootstrap.__file__)):
        ast.parse(path.read_text(), feature_version=(3, 6))


@pytest.mark.skipif(not OLD_PYTHONS, reason="this machine has no old Python to try")
def test_an_old_python_gets_a_sentence() -> None:
    for python in OLD_PYTHONS:
        done = subprocess.run(
            [python, bootstrap.REPOSITORY / "bin" / "up"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert done.stderr.startswith("Control Tower needs Python 3.11 or newer and this is")
        assert len(done.stderr.strip().splitlines()) == 1


def test_without_an_index_the_reason_is_said_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    with pytest.raises(bootstrap.NoEnvironment, match=r"could not be fetched; check the network"):
        bootstrap.make_environments(tmp_path / "environments", ["sandbox"])


def test_an_environment_is_current_until_its_lock_changes(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.txt"
    lock.write_text("")
    environment = tmp_path / "empty"
    problems: list[str] = []
    bootstrap._make(environment, lock, problems)
    assert problems == []
    assert bootstrap._is_current(environment, lock)
    lock.write_text("# another\n")
    assert not bootstrap._is_current(environment, lock)


def test_locks_name_versions_and_hashes_and_no_index() -> None:
    for lock in bootstrap.LOCKS.values():
        text = lock.read_text()
        assert "://" not in text
        assert "--index-url" not in text
        pins = [line for line in text.splitlines() if "==" in line]
        assert pins
        assert text.count("--hash=sha256:") >= len(pins)


def test_the_running_python_is_new_enough() -> None:
    assert sys.version_info >= bootstrap.OLDEST
