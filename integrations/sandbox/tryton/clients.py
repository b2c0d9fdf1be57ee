"""The firm's clients: a while after an invoice is posted they pay it, most of them."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime

import aiohttp

from integrations.sandbox.control import Impossible
from integrations.sandbox.paying import LOOK, Paying
from integrations.sandbox.tryton.console import Refused
from integrations.sandbox.tryton.counter import Counter
from integrations.sandbox.tryton.ledger import Ledger

AWAY = (Refused, aiohttp.ClientError, TimeoutError)


class Clients:
    """Pays posted invoices through the ERP's own payment wizard, one at a time at the counter."""

    def __init__(self, ledger: Ledger, counter: Counter, patience: float) -> None:
        self._ledger = ledger
        self._counter = counter
        self._paying = Paying(patience)

    async def live(self) -> None:
        """Look and pay until cancelled. An ERP that is away or refuses is asked again later."""
        while True:
            await asyncio.sleep(LOOK)
            with contextlib.suppress(*AWAY):
                await self.look()

    async def look(self) -> None:
        """Pay what is due."""
        for number in self._paying.due(await self._ledger.unpaid()):
            await self._pay(number)

    async def _pay(self, number: str) -> None:
        today = datetime.now(UTC).date().isoformat()
        async with self._counter.turn():
            with contextlib.suppress(Impossible):
                await self._ledger.act("pay_invoice", {"number": number, "date": today})
