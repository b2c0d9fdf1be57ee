"""BambooHR's own contract judges the connector's requests and the sandbox's answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from openapi_core.testing import MockRequest, MockResponse

from controltower.canonical.verdicts import Done, Kind, Misconfigured, Rejected
from integrations.bamboohr.connector import BambooConnector
from integrations.connector import Connection
from integrations.sandbox.bamboohr.server import Server
from tests.contracts.contract import Contract, Witness, watched
from tests.integrations.conformance.verdicts import done, verdict_of

CREDENTIALS = {"api_key": "the-key", "webhook_key": "the-webhooks-key"}
Counter = tuple[BambooConnector, str, Witness, Server]


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract("bamboohr")


@pytest.fixture
async def counter(tmp_path: Path, contract: Contract) -> AsyncIterator[Counter]:
    server = Server(tmp_path, CREDENTIALS)
    async with watched(server, contract) as (url, witness):
        connector = BambooConnector(Connection("hris", url, CREDENTIALS))
        yield connector, url, witness, server
        await connector.close()


async def test_both_sides_keep_the_contract_all_along(counter: Counter) -> None:
    connector, url, witness, server = counter
    done(await connector.health())
    page = await connector.read_changes("resource", "", 5)
    assert len(page.changes) == 5
    ref = page.changes[0].event.record.source_id
    done(await connector.get("resource", ref))
    done(await connector.find("resource", {"email": "walter.brightwood@larkfield.example"}))
    done(await connector.act("resource", ref, "update", {"customTowerReference": "R-1"}, "k"))
    now = datetime.now(UTC)
    assert await connector.keys("resource", now - timedelta(minutes=5), now + timedelta(minutes=5))
    day = f"{now:%Y-%m-%d}"
    asked = str((await server.act("take_off", {"id": ref, "start": day}))["id"])
    assert [c.event.subject for c in (await connector.read_changes("absence", "", 5)).changes] == [
        f"absence:{asked}"
    ]
    done(await connector.get("absence", asked))
    done(await connector.get("availability", f"{ref}\n{day}\n{day}"))
    await _administrator(url)
    log = await connector.get("webhook_log", "1")
    assert isinstance(log, Done)
    assert log.values["deliveries"]
    assert witness.requests == []
    assert witness.answers == []
    assert witness.operations == witness.contract.operations()


async def test_refusals_are_the_contracts_own(counter: Counter) -> None:
    connector, url, witness, _ = counter
    missing = await verdict_of(connector.get("resource", "4711"))
    assert isinstance(missing, Rejected)
    assert (missing.kind, missing.text) == (Kind.NOT_FOUND, "Employee not found")
    unknown = await connector.act("resource", "1", "update", {"shoeSize": "43"}, "k")
    assert isinstance(unknown, Rejected)
    assert unknown.kind is Kind.VALIDATION
    stranger = BambooConnector(Connection("hris", url, {"api_key": "another"}))
    verdict = await stranger.health()
    await stranger.close()
    assert isinstance(verdict, Misconfigured)
    assert {status for _, status in witness.seen} == {400, 401, 404}
    # the contract gives the feed no 401, though every call is signed in
    assert len(witness.answers) == 1
    assert "employees/changed" in witness.answers[0]
    assert "401" in witness.answers[0]


def test_the_contract_can_be_broken(contract: Contract) -> None:
    """Else the tests above would prove nothing."""
    asked = MockRequest(
        "http://sandbox",
        "GET",
        "/api/v1/employees/changed",
        args={"since": "2026-11-20T08:00:00+00:00"},
        headers={"Authorization": "Basic eDp4"},
    )
    assert contract.complaint(asked) == ""
    entry = '{"latest": "2026-11-20T08:00:00+00:00", "employees": {"1": {"id": %s}}}'
    assert contract.complaint(asked, MockResponse((entry % '"1"').encode())) == ""
    assert contract.complaint(asked, MockResponse((entry % "1").encode()))
    assert contract.complaint(asked, MockResponse(b'{"employees": {}}'))
    assert contract.complaint(asked, MockResponse(b"<html></html>", content_type="text/html"))
    without = MockRequest("http://sandbox", "GET", "/api/v1/employees/changed")
    assert contract.complaint(without)


async def _administrator(url: str) -> None:
    """What only the account's administrator does: a webhook, and somebody new."""
    headers = {"Authorization": aiohttp.encode_basic_auth(CREDENTIALS["api_key"], "x")}
    async with aiohttp.ClientSession(url, headers=headers) as session:
        hook = {"name": "tower", "url": "https://tower.invalid/", "format": "json"}
        async with session.post("/api/v1/webhooks", json=hook) as made:
            assert (await made.json())["privateKey"] == CREDENTIALS["webhook_key"]
        async with session.get("/api/v1/webhooks") as listed:
            assert len((await listed.json())["webhooks"]) == 1
        somebody = {"firstName": "Ada", "lastName": "Solheim"}
        async with session.post("/api/v1/employees", json=somebody) as hired:
            assert hired.status == 201
