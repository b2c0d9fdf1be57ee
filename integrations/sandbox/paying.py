"""When clients pay: a while after an invoice is posted, most of them."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Iterable, Sequence
from time import monotonic

from integrations.sandbox.store import Document

LOOK = 10.0
"""So many seconds lie between two looks at what is open."""
FORGETFUL = 12
"""One invoice in so many stays unpaid, always the same."""


class Paying:
    """Which open invoices are due to be paid: each between one and two `patience`s (seconds) after
    it was first seen posted."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._seen: dict[str, float] = {}

    def due(self, unpaid: Sequence[str]) -> list[str]:
        """Those of the open invoices whose clients pay now. Each is due again later, should its
        payment come to nothing."""
        now = monotonic()
        for name in unpaid:
            self._seen.setdefault(name, now + self._patience * (1 + _share(name)))
        found = [name for name in unpaid if pays(name) and self._seen[name] < now]
        self._seen.update(dict.fromkeys(found, now + self._patience))
        return found


async def be_paid(
    patience: float, unpaid: Callable[[], Iterable[Document]], pay: Callable[[str], object]
) -> None:
    """Clients pay what is open, until cancelled."""
    paying = Paying(patience)
    while True:
        await asyncio.sleep(LOOK)
        for name in paying.due([one.id for one in unpaid()]):
            pay(name)


def _share(name: str) -> float:
    return zlib.crc32(name.encode()) % 100 / 100


def pays(name: str) -> bool:
    """Whether this invoice's client pays it unasked."""
    return zlib.crc32(name.encode()) % FORGETFUL != 0
