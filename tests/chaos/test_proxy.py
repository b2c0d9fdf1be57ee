"""Every manner of the hostile proxy does what it says, and no more."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from integrations.sandbox.ports import free_port
from tests.chaos.proxy import BAD_WEATHER, CLEAR, HostileProxy, Manner, Mode


class Upstream:
    """Answers after it has done its work; `done` counts what it did."""

    def __init__(self) -> None:
        self.done = 0
        self.port = free_port()
        self.app = web.Application()
        self.app.router.add_post("/work", self._work)
        self.app.router.add_post("/count", self._count)

    async def _work(self, request: web.Request) -> web.Response:
        await request.read()
        self.done += 1
        return web.Response(text="done" * 20)

    async def _count(self, _request: web.Request) -> web.Response:
        """Whose turn it is."""
        self.done += 1
        return web.Response(text=str(self.done))


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    server = Upstream()
    runner = web.AppRunner(server.app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", server.port).start()
    yield server
    await runner.cleanup()


@pytest.fixture
async def proxy(upstream: Upstream) -> AsyncIterator[HostileProxy]:
    hostile = HostileProxy(free_port(), upstream.port, random.Random(1))
    await hostile.open()
    yield hostile
    await hostile.close()


async def call(
    proxy: HostileProxy, body: bytes = b"x", seconds: float = 5
) -> aiohttp.ClientResponse:
    """One request of its own connection, read to the end."""
    timeout = aiohttp.ClientTimeout(total=seconds)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.post(f"http://127.0.0.1:{proxy.port}/work", data=body) as answer,
    ):
        await answer.read()
        return answer


async def test_clear_carries_large_bodies_and_kept_connections(
    proxy: HostileProxy, upstream: Upstream
) -> None:
    async with aiohttp.ClientSession() as session:
        for _ in range(3):
            url = f"http://127.0.0.1:{proxy.port}/work"
            async with session.post(url, data=b"y" * 500_000) as answer:
                assert await answer.text() == "done" * 20
    assert upstream.done == 3


async def test_cut_lets_the_upstream_act_and_loses_the_answer(
    proxy: HostileProxy, upstream: Upstream
) -> None:
    await proxy.behave(Manner(Mode.CUT))
    with pytest.raises(aiohttp.ClientError):
        await call(proxy)
    assert upstream.done == 1


async def test_mute_lets_the_upstream_act_and_says_nothing(
    proxy: HostileProxy, upstream: Upstream
) -> None:
    await proxy.behave(Manner(Mode.MUTE))
    with pytest.raises(TimeoutError):
        await call(proxy, seconds=0.5)
    assert upstream.done == 1


@pytest.mark.parametrize("mode", [Mode.DROP, Mode.HALF_OPEN])
async def test_what_is_dropped_never_arrives(
    proxy: HostileProxy, upstream: Upstream, mode: Mode
) -> None:
    await proxy.behave(Manner(mode, seconds=0.2))
    with pytest.raises(aiohttp.ClientError):
        await call(proxy)
    assert upstream.done == 0


async def test_refused_means_that_no_connection_is_had(
    proxy: HostileProxy, upstream: Upstream
) -> None:
    await proxy.behave(Manner(Mode.REFUSE))
    with pytest.raises(aiohttp.ClientConnectorError):
        await call(proxy)
    with socket.socket() as another:
        another.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with pytest.raises(OSError, match="in use"):
            another.bind(("127.0.0.1", proxy.port))
    await proxy.behave(CLEAR)
    assert (await call(proxy)).status == 200
    assert upstream.done == 1


async def test_a_late_request_arrives_although_its_client_has_gone(
    proxy: HostileProxy, upstream: Upstream
) -> None:
    await proxy.behave(Manner(Mode.LATE, seconds=0.4))
    with pytest.raises(TimeoutError):
        await call(proxy, seconds=0.1)
    assert upstream.done == 0
    await asyncio.sleep(0.6)
    assert upstream.done == 1


async def test_a_drip_is_whole_but_slow(proxy: HostileProxy, upstream: Upstream) -> None:
    await proxy.behave(Manner(Mode.DRIP))
    began = time.monotonic()
    assert (await call(proxy)).status == 200
    assert time.monotonic() - began > 0.4
    assert upstream.done == 1


async def test_on_a_kept_connection_each_request_gets_its_own_answer_once(
    proxy: HostileProxy, upstream: Upstream
) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session:
        for manner in (Manner(Mode.DRIP), CLEAR, Manner(Mode.LATE, seconds=0.01), CLEAR, CLEAR):
            await proxy.behave(manner)
            for _ in range(3):
                url, number = f"http://127.0.0.1:{proxy.port}/count", upstream.done + 1
                async with session.post(url) as answer:
                    assert await answer.text() == str(number)


@pytest.mark.parametrize("retry_after", ["", "-5", "soon", "9" * 5000])
async def test_a_storm_answers_in_the_upstreams_stead(
    proxy: HostileProxy, upstream: Upstream, retry_after: str
) -> None:
    await proxy.behave(Manner(Mode.STORM, status=429, retry_after=retry_after))
    answer = await call(proxy, body=b"z" * 300_000)
    assert answer.status == 429
    assert answer.headers.get("Retry-After", "") == retry_after
    assert upstream.done == 0


async def test_a_share_of_the_exchanges_goes_well(proxy: HostileProxy, upstream: Upstream) -> None:
    await proxy.behave(Manner(Mode.STORM, share=0.5, status=503))
    statuses = [(await call(proxy)).status for _ in range(20)]
    assert 0 < statuses.count(200) == upstream.done < 20
    assert proxy.met[Mode.STORM] == statuses.count(503)


async def test_bad_weather_spoils_some_exchanges_and_then_is_over(
    proxy: HostileProxy, upstream: Upstream
) -> None:
    proxy.weather = 1.0
    for _ in range(6):
        with contextlib.suppress(aiohttp.ClientError):
            await call(proxy)
    assert proxy.met[Mode.CLEAR] == 0
    assert sum(proxy.met[mode] for mode in set(BAD_WEATHER)) == 6
    proxy.weather = 0.0
    assert (await call(proxy)).status == 200
