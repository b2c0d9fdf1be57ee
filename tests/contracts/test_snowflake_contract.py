"""Snowflake's own contract judges the connector's statements and the sandbox's answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from openapi_core.testing import MockRequest, MockResponse

from controltower.canonical.verdicts import Kind, Misconfigured, Pending, Rejected
from controltower.supervisor.credentials import draw
from integrations.connector import Connection
from integrations.sandbox import town
from integrations.sandbox.snowflake.server import Server
from integrations.snowflake.connector import SnowflakeConnector
from tests.contracts.contract import Contract, Witness, watched
from tests.integrations.conformance.verdicts import assert_absent, done

Counter = tuple[SnowflakeConnector, str, Server, Witness]
FACT = {"name": "Invoice 1", "currency": "EUR", "amount": Decimal("12.34"), "period": "2026-11"}


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract("snowflake")


@pytest.fixture(scope="module")
def credentials() -> dict[str, str]:
    (key,) = draw(town.ROOM / "snowflake" / "system.toml").values()
    return {"private_key": key}


@pytest.fixture
async def counter(
    tmp_path: Path, contract: Contract, credentials: dict[str, str]
) -> AsyncIterator[Counter]:
    server = Server(tmp_path, credentials)
    async with watched(server, contract) as (url, witness):
        connector = SnowflakeConnector(Connection("warehouse", url, credentials))
        yield connector, url, server, witness
        await connector.close()


async def test_both_sides_keep_the_contract_all_along(counter: Counter) -> None:
    connector, _, server, witness = counter
    done(await connector.health())
    await server.act("busy", {"times": 1})
    assert isinstance(await connector.upsert("fact", FACT, "R-0"), Pending)
    for number in range(21):
        done(await connector.upsert("fact", FACT, f"R-{number}"))
    assert done(await connector.get("fact", "R-0")).values["amount"] == Decimal("12.34")
    now = datetime.now(UTC)
    window = now - timedelta(minutes=5), now + timedelta(minutes=5)
    assert len(await connector.keys("fact", *window)) == 21
    assert witness.requests == []
    assert witness.answers == []
    assert witness.operations == witness.contract.operations()


async def test_refusals_are_the_contracts_own(counter: Counter) -> None:
    connector, url, _, witness = counter
    assert_absent(await connector.get("fact", "nobody"))
    refused = await connector.upsert("fact", FACT | {"amount": "much"}, "R-1")
    assert isinstance(refused, Rejected)
    assert refused.text == "Numeric value 'much' is not recognized"
    (another,) = draw(town.ROOM / "snowflake" / "system.toml").values()
    stranger = SnowflakeConnector(Connection("warehouse", url, {"private_key": another}))
    verdict = await stranger.health()
    await stranger.close()
    assert isinstance(verdict, Misconfigured)
    assert verdict.kind is Kind.AUTH
    assert {status for _, status in witness.seen} == {200, 401, 422}
    assert witness.answers == []


def test_the_contract_can_be_broken(contract: Contract) -> None:
    """Else the tests above would prove nothing."""
    headers = {"Authorization": "Bearer x", "User-Agent": "x/1"}

    def asked(body: bytes, headers: dict[str, str] = headers) -> MockRequest:
        path = "/api/v2/statements"
        return MockRequest("http://sandbox", "POST", path, headers=headers, data=body)

    good = asked(b'{"statement": "SELECT 1"}')
    assert contract.complaint(good) == ""
    assert contract.complaint(asked(b'{"statement": 1}'))
    assert contract.complaint(asked(b'{"statement": "SELECT 1"}', {"Authorization": "Bearer x"}))
    assert contract.complaint(good, MockResponse(b'{"data": [["1", null]]}')) == ""
    assert contract.complaint(good, MockResponse(b'{"data": [[1]]}'))
    assert contract.complaint(good, MockResponse(b'{"message": "in progress"}', 202))
