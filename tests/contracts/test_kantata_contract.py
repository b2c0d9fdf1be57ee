"""Kantata's own list of resources judges what the connector sends and what the sandbox gives.

The list has each resource's attributes, those that may be set, and what may be included; it knows
neither paths nor types.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from aiohttp.typedefs import Handler

from integrations.connector import Connection
from integrations.kantata.connector import KantataConnector
from integrations.kantata.entities import ENTITIES
from integrations.sandbox.kantata.server import API, Server
from tests.contracts.contract import ROOM
from tests.integrations.conformance.verdicts import done

CREDENTIALS = {"token": "the-accounts-token"}
Resources = Mapping[str, Mapping[str, Any]]


@pytest.fixture(scope="module")
def resources() -> Resources:
    found: Resources = json.loads((ROOM / "kantata.json").read_bytes())
    return found


@dataclass
class Witness:
    """Everything that the list has against what went over the wire, and what was used."""

    resources: Resources
    complaints: list[str] = field(default_factory=list)
    used: set[tuple[str, str]] = field(default_factory=set)

    @web.middleware
    async def watch(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a request through and judge both directions."""
        collection = request.path.removeprefix(f"{API}/").partition("/")[0]
        self.asked(request.method, collection, await request.read(), request.query.get("include"))
        answer = await handler(request)
        assert isinstance(answer, web.Response) and isinstance(answer.body, bytes)
        self.answered(json.loads(answer.body))
        self.used.add((request.method, collection))
        return answer

    def asked(self, method: str, collection: str, body: bytes, include: str | None) -> None:
        """Judge a request."""
        known = self.resources[collection]
        allowed = {"POST": "create", "PUT": "update"}.get(method)
        if allowed:
            (fields,) = json.loads(body).values()
            self._judge(f"{method} {collection}", fields.keys() - set(known[allowed]))
        wanted = set(include.split(",")) if include else set()
        self._judge(f"include of {collection}", wanted - known.get("associations", {}).keys())

    def answered(self, content: Mapping[str, Any]) -> None:
        """Judge an answer."""
        for collection in content.keys() & self.resources.keys():
            known = {"id", *self.resources[collection]["attributes"]}
            for row in content[collection].values():
                self._judge(f"answer with {collection}", row.keys() - known)

    def _judge(self, what: str, unknown: set[str]) -> None:
        self.complaints += [f"{what}: {name}" for name in sorted(unknown)]


@pytest.fixture
async def counter(
    tmp_path: Path, resources: Resources
) -> AsyncIterator[tuple[KantataConnector, Server, Witness]]:
    vendor, witness = Server(tmp_path, CREDENTIALS), Witness(resources)
    vendor.app.middlewares.insert(0, witness.watch)
    server = TestServer(vendor.app)
    await server.start_server()
    connector = KantataConnector(
        Connection("psa", f"http://127.0.0.1:{server.port}", CREDENTIALS, {"settle_seconds": 1})
    )
    yield connector, vendor, witness
    await connector.close()
    await server.close()
    await vendor.close()


async def test_both_sides_keep_the_list_all_along(
    counter: tuple[KantataConnector, Server, Witness],
) -> None:
    connector, vendor, witness = counter
    done(await connector.health())
    fields = {"title": "Advice", "currency": "USD", "price": "5000.00"}
    fields |= {"custom Region": "North", "custom Original value": "5000.00"}
    fields |= {"custom CRM account": "001A", "custom CRM account name": "Quay Trading"}
    project = done(await connector.upsert("project", fields, "k")).ref
    standing = {"custom Invoiced as": "C-1 Quay Trading", "custom Credit hold": True}
    done(await connector.act("client", "001A", "update", standing, "k"))
    user = vendor.store.all("users")[0].id
    done(await connector.get("resource", user))
    days = {"start_date": "2026-12-01", "end_date": "2026-12-31", "minutes": 2400}
    place = {"workspace_id": project, "user_id": user, **days}
    placed = done(await connector.upsert("assignment", place, "k")).ref
    answered = {"status": "Scheduled", "cost_rate": "58.00", "correlation_id": "CT-1"}
    done(await connector.act("assignment", placed, "update", answered, "k"))
    done(await connector.act("project", project, "update", {"due_date": "2027-01-31"}, "k"))
    done(await connector.find("project", {"key": "k"}))
    part = {"title": "Handover", "workspace_id": project, "amount": "10.00", "currency": "USD"}
    done(await connector.upsert("milestone", part, "k"))
    bought = {"workspace_id": project, "date": "2026-11-21", "category": "Travel"}
    worth = {"amount": "9.50", "currency": "USD"}
    done(await connector.upsert("expense", {**bought, **worth, "billable": True}, "k"))
    month = {"workspace_id": project, "start_date": "2026-11-21", "end_date": "2026-11-30"}
    done(await connector.upsert("revenue_part", {**month, **worth, "type": "forecast"}, "k"))
    for deed in vendor.deeds:
        await vendor.act(deed, {"project": project})
    (hours,) = [c.event.record for c in (await connector.read_changes("timecard", "", 9)).changes]
    bill = {
        "workspace_id": project,
        "invoice_date": "2026-11-21",
        "items": [{"kind": "timecard", "ref": hours.source_id}],
    }
    invoice = done(await connector.upsert("billing_event", bill, "k")).ref
    number = {"user_invoice_number": "INV-1"}
    done(await connector.act("billing_event", invoice, "mark_invoiced", number, "k"))
    done(await connector.act("budget", project, "follow_changes", {}, "k"))
    now = datetime.now(UTC)
    for entity in ENTITIES:
        assert await connector.keys(entity, now - timedelta(minutes=9), now + timedelta(minutes=9))
    for entity in ("expense", "change_order", "assignment"):
        assert (await connector.read_changes(entity, "", 9)).changes
    assert witness.complaints == []
    apart = {"workspace_groups", "workspace_resources", "custom_field_values", "users"}
    used = {collection for _, collection in witness.used}
    assert {kind.collection for kind in ENTITIES.values()} | apart <= used


def test_the_list_can_be_broken(resources: Resources) -> None:
    """Else the test above would prove nothing."""
    witness = Witness(resources)
    witness.asked("POST", "workspaces", b'{"workspace": {"title": "A", "colour": "red"}}', None)
    witness.asked("GET", "time_entries", b"", "workspace,mood")
    witness.answered({"users": {"1": {"id": "1", "full_name": "A", "shoe_size": 44}}})
    assert witness.complaints == [
        "POST workspaces: colour",
        "include of time_entries: mood",
        "answer with users: shoe_size",
    ]
