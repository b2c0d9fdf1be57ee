"""The firm's clients: a while after an invoice is posted they pay it, most of them."""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from time import monotonic

import aiohttp

from integrations.sandbox.control import Impossible
from integrations.sandbox.tryton.console import Refused
from integrations.sandbox.tryton.counter import Counter
from integrations.sandbox.tryton.ledger import Ledger

AWAY = (Refused, aiohttp.ClientError, TimeoutError)
LOOK = 10.0
FORGETFUL = 12
"""One invoice in so many stays unpaid, always the same."""


class Clients:
    """Pays posted invoices through the ERP's own payment wizard, one at a time at the counter.

    An invoice is paid between one and two `patience`s (seconds) after it was first seen posted.
    """

    def __init__(self, ledger: Ledger, counter: Counter, patience: float) -> None:
        self._ledger = ledger
        self._counter = counter
        self._patience = patience
        self._seen: dict[str, float] = {}

    async def live(self) -> None:
        """Look and pay until cancelled. An ERP that is away or refuses is asked again later."""
        while True:
            await asyncio.sleep(LOOK)
            with contextlib.suppress(*AWAY):
                await self.look()

    async def look(self) -> None:
        """Pay what is due."""
        for number in self._due(await self._ledger.unpaid()):
            await self._pay(number)

    def _due(self, unpaid: Sequence[str]) -> list[str]:
        now = monotonic()
        for number in unpaid:
            self._seen.setdefault(number, now + self._patience * (1 + _share(number)))
        return [number for number in unpaid if pays(number) and self._seen[number] < now]

    async def _pay(self, number: str) -> None:
        self._seen[number] = monotonic() + self._patience
        today = datetime.now(UTC).date().isoformat()
        async with self._counter.turn():
            with contextlib.suppress(Impossible):
                await self._ledger.act("pay_invoice", {"number": number, "date": today})


def _share(number: str) -> float:
    return zlib.crc32(number.encode()) % 100 / 100


def pays(number: str) -> bool:
    """Whether this invoice's client pays it unasked."""
    return zlib.crc32(number.encode()) % FORGETFUL != 0
