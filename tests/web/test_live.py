"""Live pages: who is told what, how soon it ends, and that it outlives Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.sessions.models import Session
from django.db import connections
from django.test import Client

from controltower import queues
from controltower.firm.models import Duty, Person, Role
from controltower.transactions import bell
from controltower.transactions.models import ReplayItem, ReplayPlan, Step
from controltower.web import live
from controltower.web.membership import audience
from tests.web.cast import LONG_AGO, browser, entity, person, transaction
from tests.web.tabs import Tab

PATIENCE = 60
"""Seconds after which something that should have happened has not."""
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

    @pytest.mark.parametrize(
        "origin", [b"null", b"", b"http://localhost.evil.example", b"http://evil.example/localhost"]
    )
    async def test_nor_one_that_looks_like_ours(self, origin: bytes) -> None:
        client = await sync_to_async(lambda: browser(person("alice")))()
        foreign = [(b"host", b"localhost"), (b"origin", origin)]
        assert not await Tab(client, headers=foreign).connect()

    async def test_nor_with_a_session_that_is_over(self) -> None:
        client = await sync_to_async(lambda: browser(person("alice")))()
        await Session.objects.all().aupdate(expire_date=LONG_AGO)
        assert not await Tab(client).connect()

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

    async def test_after_the_session_was_taken_away(self) -> None:
        client = await sync_to_async(lambda: browser(person("alice")))()
        async with tab(client) as page:
            await Session.objects.all().adelete()
            message = await page.wire.receive_output(timeout=PATIENCE)
            assert (message["type"], message["code"]) == ("websocket.close", live.ENDED)

    async def test_after_the_session_ran_out(self) -> None:
        client = await sync_to_async(lambda: browser(person("alice")))()
        async with tab(client) as page:
            await Session.objects.all().aupdate(expire_date=LONG_AGO)
            message = await page.wire.receive_output(timeout=PATIENCE)
            assert (message["type"], message["code"]) == ("websocket.close", live.ENDED)


def test_open_pages_are_looked_at_again_within_five_seconds() -> None:
    assert live.LOOK_AGAIN + live.GATHER < 5


@pytest.mark.usefixtures("often")
class TestRightsThatChange:
    @pytest.fixture
    def often(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Looked at again more often than in earnest, so that the test is short."""
        monkeypatch.setattr(live, "LOOK_AGAIN", 0.2)

    async def told_of(self, page: Tab, one: Any) -> bool:
        """Whether this page hears of a transaction that has just changed; a page that hears
        nothing of it still hears of the Tower."""
        await ring("tower", transactions=[one.pk])
        names: set[str] = set()
        while "tower" not in names:
            names |= set(await page.told())
        return f"tx-{one.pk}" in names

    async def until(self, page: Tab, one: Any, *, told: bool) -> None:
        """Until the page is told of it, or no longer."""
        async with asyncio.timeout(PATIENCE):
            while await self.told_of(page, one) is not told:
                continue

    async def test_who_leaves_a_company_hears_of_it_no_more(self) -> None:
        def firm() -> Any:
            german = person("anna", Role.CONTROLLER, "LF-DE")
            Duty.objects.create(person=german, role=Role.AUDITOR, entity=entity("LF-UK"))
            return transaction("CT-1", "LF-DE"), transaction("CT-2", "LF-UK"), browser(german)

        ours, theirs, client = await sync_to_async(firm)()
        async with tab(client) as page:
            assert await self.told_of(page, ours) and await self.told_of(page, theirs)
            await Duty.objects.filter(entity__code="LF-DE").adelete()
            await self.until(page, ours, told=False)
            assert await self.told_of(page, theirs)
            await Duty.objects.all().adelete()
            await self.until(page, theirs, told=False)
            await Duty.objects.acreate(
                person=await Person.objects.aget(), role=Role.AUDITOR, entity=ours.entity
            )
            await self.until(page, ours, told=True)
            assert not await self.told_of(page, theirs)

    async def test_who_saw_the_whole_firm_sees_one_company(self) -> None:
        def firm() -> Any:
            olga = browser(person("olga"))
            return transaction("CT-1", "LF-DE"), transaction("CT-2", "LF-UK"), olga

        ours, theirs, client = await sync_to_async(firm)()
        async with tab(client) as page:
            assert await self.told_of(page, theirs)
            await Duty.objects.aupdate(entity=ours.entity)
            await self.until(page, theirs, told=False)
            assert await self.told_of(page, ours)


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
