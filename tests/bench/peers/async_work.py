"""The same work as `work.play`, for peers that play many jobs in one event loop."""

from __future__ import annotations

import aiohttp
from psycopg_pool import AsyncConnectionPool

from tests.bench.peers.work import KEEP_RESULT, PAYLOAD, READ_EVENT, database, stub

POOL = 20


class Player:
    """Open connections of one worker process; a context manager."""

    async def __aenter__(self) -> Player:
        self._store = AsyncConnectionPool(
            database(), min_size=POOL, max_size=POOL, kwargs={"autocommit": True}, open=False
        )
        await self._store.open(wait=True)
        self._wire = aiohttp.ClientSession(
            base_url=stub(),
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(20),
        )
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._wire.close()
        await self._store.close()

    async def play(self, event_id: int) -> None:
        """What a job does. Raises when the call fails."""
        async with self._store.connection() as store:
            row = await (await store.execute(READ_EVENT, [event_id], prepare=True)).fetchone()
        assert row is not None
        async with self._wire.post(f"/peer/{event_id}", data=PAYLOAD) as answer:
            answer.raise_for_status()
            said = await answer.text()
        async with self._store.connection() as store:
            await store.execute(KEEP_RESULT, [event_id, said], prepare=True)
