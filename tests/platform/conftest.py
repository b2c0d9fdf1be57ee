"""What the tests of the platform share: an ordinary user, closed directories, real processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def open_place() -> Iterator[Path]:
    """A directory with a short path that every account may pass through, for a module's tests."""
    with _open() as directory:
        yield directory


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """The same, new for each test."""
    with _open() as directory:
        yield directory


@contextmanager
def _open() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="ct-open-", dir="/tmp"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def closed_directory() -> Iterator[Path]:
    """A new directory whose parent only we may enter."""
    directory = Path(tempfile.mkdtemp(prefix="ct-closed-", dir="/tmp"))
    inner = directory / "inner"
    inner.mkdir()
    yield inner
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def as_root() -> None:
    """Only for root: what is checked does not concern others."""
    if os.geteuid() != 0:
        pytest.skip("concerns root only")


@pytest.fixture
def ordinary_user(as_root: None) -> list[str]:
    """The words that run a Python program as an account without rights."""
    nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    for python in ("/usr/bin/python3.11", "/usr/bin/python3", sys.executable):
        known = [*nobody, python, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
        if shutil.which("setpriv") and subprocess.call(known, stderr=subprocess.DEVNULL) == 0:
            return [*nobody, python]
    pytest.skip("no Python here that another account may run")
