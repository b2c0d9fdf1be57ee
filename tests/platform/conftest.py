"""What the tests of the platform share: an ordinary user, closed directories, real processes."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A new directory with a short path that every account may pass through."""
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
