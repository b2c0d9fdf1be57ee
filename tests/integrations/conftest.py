"""One pretend org and one real ERP for the connector tests, faults withdrawn before each test."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from integrations.tryton.connector import TrytonConnector
from tests.integrations.doors import Org, Town, start_org, start_town
from tests.integrations.erp import Erp, running_erp


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


@pytest.fixture(scope="session")
def running_town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    town = start_town(tmp_path_factory.mktemp("town"))
    yield town
    town.stop()


@pytest.fixture
def town(running_town: Town) -> Iterator[Town]:
    """Of many vendors only those that a test has troubled are calmed: each costs a call."""
    yield running_town
    for control in running_town.controls.values():
        control.calm()


@pytest.fixture(scope="session")
def started_erp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Erp]:
    with running_erp(tmp_path_factory.mktemp("erp")) as started:
        yield started


@pytest.fixture
def erp(started_erp: Erp) -> Iterator[Erp]:
    started_erp.control.clear()
    yield started_erp
    started_erp.control.clear()


@pytest.fixture
async def tryton(erp: Erp) -> AsyncIterator[TrytonConnector]:
    connector = TrytonConnector(erp.connection())
    yield connector
    await connector.close()


@pytest.fixture
def tag() -> str:
    """A reference nobody has used."""
    return f"conf-{uuid.uuid4().hex[:16]}"
