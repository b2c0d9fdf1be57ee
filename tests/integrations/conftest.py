"""One pretend org for the connector tests, its faults withdrawn before each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integrations.doors import Org, start_org


@pytest.fixture(scope="session")
def running_org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Org]:
    org = start_org(tmp_path_factory.mktemp("org") / "org.db")
    yield org
    org.stop()


@pytest.fixture
def org(running_org: Org) -> Iterator[Org]:
    running_org.control.clear()
    yield running_org
    running_org.control.clear()
