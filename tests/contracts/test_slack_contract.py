"""Slack's own contract judges the connector's requests and the sandbox's answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from openapi_core.testing import MockRequest, MockResponse

from integrations.connector import Connection
from integrations.sandbox.slack.server import Server
from integrations.slack.connector import SlackConnector
from tests.contracts.contract import Contract, Witness, watched
from tests.integrations.conformance.verdicts import done

CREDENTIALS = {"bot_token": "the-bots-token"}
Counter = tuple[SlackConnector, Witness]


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract("slack", "/api", _signed_in_as_today)


@pytest.fixture
async def counter(tmp_path: Path, contract: Contract) -> AsyncIterator[Counter]:
    async with watched(Server(tmp_path, CREDENTIALS), contract) as (url, witness):
        connector = SlackConnector(Connection("chat", url, CREDENTIALS))
        yield connector, witness
        await connector.close()


async def test_both_sides_keep_the_contract_all_along(counter: Counter) -> None:
    connector, witness = counter
    done(await connector.health())
    made = done(await connector.upsert("room", {"name": "ct-1", "purpose": "Rollout"}, "k"))
    done(await connector.find("room", {"name": "ct-1"}))
    done(await connector.act("room", made.ref, "notify", {"text": "The folder is there."}, "k"))
    now = datetime.now(UTC)
    assert await connector.keys("room", now - timedelta(minutes=5), now + timedelta(minutes=5))
    assert witness.requests == []
    assert witness.answers == []
    assert witness.operations == witness.contract.operations()


def _signed_in_as_today(content: Any) -> Any:
    """The file still asks for a parameter `token`; the vendor's guide has `Authorization: Bearer`
    instead, which the file knows as `slackAuth`."""
    for item in content["paths"].values():
        for operation in item.values():
            given = operation["parameters"]
            operation["parameters"] = [one for one in given if one["name"] != "token"]
    return content


def test_the_contract_can_be_broken(contract: Contract) -> None:
    """Else the test above would prove nothing."""
    asked = MockRequest("http://sandbox", "GET", "/api/conversations.info", args={"channel": "C1"})
    assert contract.complaint(asked) == ""
    assert contract.complaint(asked, MockResponse(b'{"ok": true}'))
    assert contract.complaint(asked, MockResponse(b"<html></html>", content_type="text/html"))
