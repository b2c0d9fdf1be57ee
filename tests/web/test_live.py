"""Live pages: who is told what, how soon it ends, and that it outlives Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import Client

from controltower import queues
from controltower.firm.models import Role
from controltower.transactions import bell
from controltower.transactions.models import ReplayItem, ReplayPlan, Step
from controltower.web import live
from controltower.web.membership import audience
from tests.web.cast import LONG_AGO, browser, person, transaction
from tests.web.tabs import Tab

pytestmark = pytest.mark.django_db(transaction=True)


@asynccontextmanager
async def tab(client: Client) -> AsyncIterator[Tab]:
    """An open page, past the resync that greets it."""
    page = Tab(client)
    assert await page.connect()
    assert await page.told() == ["resync"]
    try:
        yield page
    finally:
        await page.disconnect()
        await sync_to_async(connections.close_all)()


async def ring(*topics: str, transactions: Any = ()) -> None:
    await sync_to_async(bell.ring)(*topics, transactions=transactions)


async def test_a_ring_reaches_the_page_as_names_only() -> None:
    client = await sync_to_async(lambda: browser(person("alice")))()
    async with tab(client) as page:
        await ring("tower", "exceptions")
        assert await page.told() == ["exceptions", "tower"]


async def test_a_burst_becomes_few_signals() -> None:
    client = await sync_to_async(lambda: browser(person("alice")))()
    async with tab(client) as page:
        for _ in range(300):
            await ring("tower")
        assert await page.told() == ["tower"]
        signals = 1
        while not await page.wire.receive_nothing(timeout=1):
            await page.told()
            signals += 1
        assert signals < 20


async def test_names_of_records_reach_only_who_may_see_them() -> None:
    def firm() -> Any:
        ours, theirs = transaction("CT-1", "LF-DE"), transaction("CT-2", "LF-UK")
        nobodys = transaction("CT-3", None)
        german = browser(person("anna", Role.CONTROLLER, "LF-DE"))
        whole = browser(person("olga"))
        return (ours.pk, theirs.pk, nobodys.pk), german, whole

    ids, german, whole = await sync_to_async(firm)()
    async with tab(german) as narrow, tab(whole) as wide:
        await asyncio.sleep(0.6)
        assert await narrow.wire.receive_nothing(timeout=0.1)
        await ring("tower", transactions=ids)
        assert await narrow.told() == sorted(["tower", f"tx-{ids[0]}"])
        assert await wide.told() == sorted(["tower", *(f"tx-{pk}" for pk in ids)])


def test_a_job_is_known_to_the_entities_it_touches() -> None:
    alice = person("alice")
    made = transaction("CT-1", "LF-DE")
    step = Step.objects.create(
        transaction=made, name="s", title="S", position=1, effect="keyed", changed_at=LONG_AGO
    )
    plan = ReplayPlan.objects.create(title="x", requested_by=alice, requested_at=LONG_AGO)
    ReplayItem.objects.create(
        plan=plan, transaction=made, step=step, fence=0, forecast="create", amount=1, currency="EUR"
    )
    names = audience([f"job-{plan.pk}", "jobs", "tx-nonsense"])
    assert names[f"job-{plan.pk}"] == frozenset({"LF-DE"})
    assert names["jobs"] is None
    assert names["tx-nonsense"] == frozenset()


class TestTheDoor:
    async def test_nobody_is_let_in(self) -> None:
        assert not await Tab(Client()).connect()

    async def test_no_other_site_is_let_in(self) -> None:
        client = await sync_to_async(lambda: browser(person("alice")))()
        foreign = [(b"host", b"localhost"), (b"origin", b"https://evil.example")]
        assert not await Tab(client, headers=foreign).connect()

    async def test_there_is_one_address(self) -> None:
        client = await sync_to_async(lambda: browser(person("alice")))()
        assert not await Tab(client, path="/elsewhere/").connect()

    async def test_what_a_browser_says_is_not_listened_to(self) -> None:
        client = await sync_to_async(lambda: browser(person("alice")))()
        async with tab(client) as page:
            await page.say("x" * 100_000)
            await ring("tower")
            assert await page.told() == ["tower"]


class TestEndsWithinFiveSeconds:
    async def ends(self, page: Any, begun: float) -> None:
        message = await page.wire.receive_output(timeout=6)
        assert message["type"] == "websocket.close"
        assert message["code"] == live.ENDED
        assert time.monotonic() - begun < 5

    async def test_after_signing_out(self) -> None:
        client = await sync_to_async(lambda: browser(person("alice")))()
        async with tab(client) as page:
            begun = time.monotonic()
            await sync_to_async(client.post)("/sign-out/")
            await self.ends(page, begun)

    async def test_after_deactivation(self) -> None:
        alice = await sync_to_async(person)("alice")
        client = await sync_to_async(browser)(alice)
        async with tab(client) as page:
            begun = time.monotonic()
            alice.is_active = False
            await alice.asave()
            await self.ends(page, begun)

    async def test_after_a_new_password(self) -> None:
        alice = await sync_to_async(person)("alice")
        client = await sync_to_async(browser)(alice)
        async with tab(client) as page:
            begun = time.monotonic()
            alice.set_password("something else entirely")
            await alice.asave()
            await self.ends(page, begun)


async def test_when_redis_hangs_up_the_page_resyncs_and_goes_on() -> None:
    client = await sync_to_async(lambda: browser(person("alice")))()
    async with tab(client) as page:
        await sync_to_async(queues.connection().client_kill_filter)(_type="pubsub")
        assert await page.told() == ["resync"]
        await ring("tower")
        assert await page.told() == ["tower"]


async def test_a_page_learns_what_rang_while_it_was_drawn() -> None:
    client = await sync_to_async(lambda: browser(person("alice")))()
    async with tab(client) as page:
        await ring("systems")
        assert await page.told() == ["systems"]
        late = Tab(client)
        assert await late.connect()
        assert await late.told() == ["resync", "systems"]
        await late.disconnect()


async def test_some_time_after_the_last_page_the_listening_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "LINGER", 0.1)
    client = await sync_to_async(lambda: browser(person("alice")))()
    async with tab(client):
        assert live.switchboard().tasks
    await asyncio.sleep(0.3)
    assert not live.switchboard().tasks
    assert not live.switchboard().tabs
