"""Business Central's webhooks: subscribed to, renewed before they end, believed by what was agreed,
and missed when the vendor gives them up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from controltower.canonical.verdicts import Kind, Misconfigured, Rejected
from integrations import exact_json
from integrations.business_central.connector import CentralConnector
from integrations.business_central.subscriptions import COLLECTIONS, hinted
from integrations.connector import CallFailed, Connection, Forged
from integrations.sandbox.firm import ENTITIES
from integrations.sandbox.ports import free_port
from tests.integrations.conformance.verdicts import done
from tests.integrations.doors import ControlDoor, Town
from tests.integrations.ledger import customer

PATIENCE = 180
OURS = "what-was-agreed"
COMPANY = "companies(b18aed47-c385-49d2-b954-dbdf8ad71780)"


class Door:
    """Our own door: gives the vendor's word back, keeps what it is told, and answers as ordered."""

    def __init__(self, connector: CentralConnector) -> None:
        self.connector, self.told = connector, asyncio.Queue[bytes]()
        self.status, self.greets = 200, True
        self.port = free_port()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/inbound/erp/"

    async def answer(self, request: web.Request) -> web.Response:
        if greeting := self.connector.greeting(request.query):
            return web.Response(text=greeting if self.greets else "not here")
        self.told.put_nowait(await request.read())
        return web.Response(status=self.status)

    async def hears(self) -> bytes:
        """The next message, once it has come."""
        async with asyncio.timeout(PATIENCE):
            return await self.told.get()


def _connector(town: Town, state: str = OURS) -> CentralConnector:
    secrets = {**town.secrets["business_central"], "client_state": state}
    options = {"settle_seconds": 0}
    url, deadline = town.urls["business_central"], timedelta(seconds=PATIENCE)
    return CentralConnector(Connection("erp", url, secrets, options, deadline))


@pytest.fixture
async def door(town: Town) -> AsyncIterator[Door]:
    connector = _connector(town)
    door = Door(connector)
    app = web.Application()
    app.router.add_post("/inbound/erp/", door.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", door.port).start()
    yield door
    for one in (await connector.subscriptions(door.address))[:1]:
        _control(town).do("unsubscribe", id=one.ref)
    await runner.cleanup()
    await connector.close()


def _control(town: Town) -> ControlDoor:
    return town.controls["business_central"]


def _at_the_vendor(town: Town, door: Door) -> list[dict[str, Any]]:
    kept = _control(town).books("subscriptions")
    return [one for one in kept if one["notificationUrl"] == door.address]


async def test_what_is_missing_is_made_and_only_once(town: Town, door: Door) -> None:
    for _ in range(2):
        await door.connector.subscribe(door.address, ["customer", "invoice"])
    made = _at_the_vendor(town, door)
    assert len(made) == 2 * len(ENTITIES)
    assert {one["clientState"] for one in made} == {OURS}
    seen = await door.connector.subscriptions(door.address)
    assert [(one.entity, one.trouble) for one in seen] == [("customer", ""), ("invoice", "")]
    ends = min(one.expires_at for one in seen if one.expires_at)
    assert timedelta(days=2) < ends - datetime.now(UTC) < timedelta(days=3, minutes=1)
    assert {one.ref for one in seen} <= {one["id"] for one in made}


async def test_it_is_renewed_before_it_ends(town: Town, door: Door) -> None:
    await door.connector.subscribe(door.address, ["customer"])
    before = {one["id"] for one in _at_the_vendor(town, door)}
    _control(town).do("age_subscriptions", url=door.address, hours=30)
    await door.connector.subscribe(door.address, ["customer"])
    (one,) = await door.connector.subscriptions(door.address)
    assert one.expires_at and one.expires_at > datetime.now(UTC) + timedelta(days=2)
    assert {one["id"] for one in _at_the_vendor(town, door)} == before


async def test_another_secret_is_agreed_on_with_the_vendor(town: Town, door: Door) -> None:
    await door.connector.subscribe(door.address, ["customer"])
    turned = _connector(town, "newer " + OURS)
    try:
        await turned.subscribe(door.address, ["customer"])
    finally:
        await turned.close()
    assert {one["clientState"] for one in _at_the_vendor(town, door)} == {"newer"}


async def test_one_that_has_run_out_is_not_there(town: Town, door: Door) -> None:
    await door.connector.subscribe(door.address, ["customer"])
    _control(town).do("age_subscriptions", url=door.address, hours=-1)
    assert await door.connector.subscriptions(door.address) == []


async def test_a_company_that_is_left_out_is_named(town: Town, door: Door) -> None:
    named = [entity.code for entity in ENTITIES[1:]]
    _control(town).do("subscribe", url=door.address, companies=named, collection="customers")
    (one,) = await door.connector.subscriptions(door.address)
    assert one.trouble == f"Nothing is told of {ENTITIES[0].code}."


async def test_a_change_is_told_and_read_from_the_feed(town: Town, door: Door, tag: str) -> None:
    await door.connector.subscribe(door.address, ["customer"])
    written = await door.connector.upsert("customer", customer(tag[-20:], "Told of"), tag)
    message = await door.hears()
    assert set(door.connector.hinted({}, message)) == {"customer"}
    page = await door.connector.read_changes("customer", "", 5000)
    assert done(written).ref in {change.event.record.source_id for change in page.changes}


async def test_a_door_that_is_down_is_tried_again(town: Town, door: Door, tag: str) -> None:
    await door.connector.subscribe(door.address, ["customer"])
    door.status = 503
    await door.connector.upsert("customer", customer(tag[-20:], "Told later"), tag)
    first = await door.hears()
    door.status = 200
    assert exact_json.decode(await door.hears()) == exact_json.decode(first)
    assert await door.connector.subscriptions(door.address)


async def test_a_door_that_refuses_loses_its_subscription(town: Town, door: Door, tag: str) -> None:
    await door.connector.subscribe(door.address, ["customer"])
    door.status = 401
    await door.connector.upsert("customer", customer(tag[-20:], "Refused"), tag)
    await door.hears()
    until = time.monotonic() + PATIENCE
    while not (await door.connector.subscriptions(door.address))[0].trouble:
        assert time.monotonic() < until


async def test_a_door_that_is_not_ours_is_not_subscribed(town: Town, door: Door) -> None:
    door.greets = False
    with pytest.raises(CallFailed) as caught:
        await door.connector.subscribe(door.address, ["customer"])
    refusal = caught.value.verdict
    assert isinstance(refusal, Rejected) and refusal.kind is Kind.VALIDATION
    assert "notification URL" in refusal.text
    assert _at_the_vendor(town, door) == []


async def test_without_a_secret_nothing_is_subscribed(town: Town, door: Door) -> None:
    bare = _connector(town, "")
    try:
        with pytest.raises(CallFailed) as caught:
            await bare.subscribe(door.address, ["customer"])
    finally:
        await bare.close()
    assert isinstance(caught.value.verdict, Misconfigured)
    assert "client_state" in caught.value.verdict.text


def _message(*told: dict[str, Any]) -> bytes:
    return exact_json.encode({"value": list(told)}).encode()


def _one(resource: str, state: str = OURS, kind: str = "updated") -> dict[str, Any]:
    """As in the vendor's guide."""
    return {
        "subscriptionId": "webhookCustomersId",
        "clientState": state,
        "expirationDateTime": "2018-10-29T12:50:30Z",
        "resource": resource,
        "changeType": kind,
        "lastModifiedDateTime": "2018-10-26T12:54:30.503Z",
    }


@pytest.mark.parametrize(
    ("resource", "kind", "entities"),
    [
        (f"api/v2.0/{COMPANY}/customers(130bbd17-dbb9)", "created", "customer"),
        (f"/api/v2.0/{COMPANY}/salesInvoices?$filter=x%20gt%201", "collection", "invoice"),
        (f"{COMPANY}/salesCreditMemos(1)", "deleted", "credit_note"),
        (f"api/v2.0/{COMPANY}/items(26814998-936a-401c-81c1-0e848a64971d)", "updated", ""),
        ("something new", "updated", " ".join(COLLECTIONS)),
    ],
)  # fmt: skip
def test_a_notification_says_what_to_read(resource: str, kind: str, entities: str) -> None:
    said = _message(_one(resource, kind=kind))
    for raw in (said, b"\xef\xbb\xbf" + said):
        assert hinted(raw, ["an older one", OURS]) == set(entities.split())


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"not JSON",
        b"[]",
        b"{}",
        _message(),
        exact_json.encode({"value": "x"}).encode(),
        _message(_one(f"{COMPANY}/customers(1)", "another")),
        _message(_one(f"{COMPANY}/customers(1)", "")),
        _message(_one(f"{COMPANY}/customers(1)"), _one(f"{COMPANY}/customers(2)", "another")),
    ],
)
def test_what_nobody_agreed_on_is_forged(raw: bytes) -> None:
    with pytest.raises(Forged):
        hinted(raw, [OURS])
    with pytest.raises(Forged):
        hinted(raw, [])
