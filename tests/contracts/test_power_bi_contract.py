"""Power BI's own contract judges the connector's requests and the sandbox's answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from openapi_core.testing import MockRequest, MockResponse

from controltower.canonical.verdicts import TryLater
from integrations.connector import Connection
from integrations.power_bi.connector import PowerBiConnector
from integrations.sandbox.power_bi.server import DATASET, WORKSPACE, Server
from tests.contracts.contract import Contract, Witness, watched
from tests.integrations.conformance.verdicts import done

CREDENTIALS = {"client_id": "the-tower", "client_secret": "the-towers-secret"}
OPTIONS = {"workspace": WORKSPACE, "refreshes_a_day": 86_400 * 1000}
Counter = tuple[PowerBiConnector, Server, Witness]


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract("power_bi")


@pytest.fixture
async def counter(tmp_path: Path, contract: Contract) -> AsyncIterator[Counter]:
    server = Server(tmp_path, CREDENTIALS)
    async with watched(server, contract) as (url, witness):
        connector = PowerBiConnector(Connection("bi", url, CREDENTIALS, OPTIONS))
        yield connector, server, witness
        await connector.close()


async def test_both_sides_keep_the_contract_all_along(counter: Counter) -> None:
    connector, server, witness = counter
    done(await connector.health())
    await server.act("lasts", {"seconds": 0})
    for words in ("", "The credentials have expired"):
        if words:
            await server.act("fail", {"text": words})
        since = {"since": datetime.now(UTC).isoformat()}
        done(await connector.act("dataset", DATASET, "refresh", since, "k"))
        assert done(await connector.get("dataset", DATASET)).values["words"] == words
    await server.act("lasts", {"seconds": 600})
    since = {"since": datetime.now(UTC).isoformat()}
    done(await connector.act("dataset", DATASET, "refresh", since, "k"))
    assert isinstance(await connector.get("dataset", DATASET), TryLater)
    assert [one for one in witness.requests if "oauth2" not in one] == []
    assert [one for one in witness.answers if "oauth2" not in one] == []
    used = {operation for operation in witness.operations if "oauth2" not in operation}
    assert used == witness.contract.operations()


def test_the_contract_can_be_broken(contract: Contract) -> None:
    """Else the test above would prove nothing."""
    target = f"/v1.0/myorg/groups/{WORKSPACE}/datasets/{DATASET}/refreshes"
    asked = MockRequest("http://sandbox", "GET", target)
    assert contract.complaint(asked) == ""
    row = '{"value": [{"startTime": "2026-11-20T14:05:00Z", "status": %s}]}'
    assert contract.complaint(asked, MockResponse((row % '"Unknown"').encode())) == ""
    assert contract.complaint(asked, MockResponse((row % "1").encode()))
    ordered = MockRequest("http://sandbox", "POST", target, data=b'{"notifyOption": "Loudly"}')
    assert contract.complaint(ordered)
    lost = MockRequest("http://sandbox", "GET", target.replace(WORKSPACE, "ours"))
    assert contract.complaint(lost)
