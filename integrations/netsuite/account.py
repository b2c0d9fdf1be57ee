"""One account: what all records share of being read and written."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from weakref import WeakValueDictionary

from controltower.canonical.records import Customer, Invoice
from controltower.canonical.verdicts import Done, Exchange, Outcome, Unknown, Verdict
from integrations.connector import CallFailed
from integrations.netsuite import translate
from integrations.netsuite.client import SuiteClient
from integrations.netsuite.codes import Subsidiaries
from integrations.netsuite.papers import PAPERS
from integrations.shape import Drift, Row, required

UNREADABLE = "NetSuite has done it, but what came of it could not be read back."


@dataclass
class Account:
    """The account behind one connection.

    `turns` lets one change of a record wait for another of ours: NetSuite refuses the second of two
    at once, and answers an upsert alike whether it made or changed the record.
    """

    client: SuiteClient
    subsidiaries: Subsidiaries
    turns: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    def turn(self, name: str) -> asyncio.Lock:
        """Whose turn it is to change a record."""
        return self.turns.setdefault(name, asyncio.Lock())

    async def read(self, kind: str, ref: str) -> tuple[Row, Customer | Invoice, Exchange]:
        """A record by its id. Raises CallFailed, Drift."""
        row, exchange = await self.client.record(f"/{kind}/{ref}")
        entity = (await self.subsidiaries.codes()).get(required(row, "subsidiary.id"), "")
        if kind == "customer":
            return row, translate.customer(row, entity), exchange
        return row, translate.invoice(row, entity, PAPERS[kind]), exchange

    async def shown(self, kind: str, ref: str, outcome: Outcome = Outcome.READ) -> Done:
        """What the account has of a record. Raises CallFailed, Drift."""
        row, record, exchange = await self.read(kind, ref)
        return translate.done(record, row, outcome, exchange)

    async def write(
        self,
        method: str,
        kind: str,
        ref: str,
        body: Mapping[str, Any],
        outcome: Outcome,
        replace: str = "",
    ) -> Verdict:
        """Upsert (PUT) or change (PATCH) a record, with all of the list `replace`, and read what
        came of it. Raises CallFailed."""
        answer = await self.client.write(method, path_of(kind, ref, replace), body)
        return await self.read_back(kind, ref, outcome, answer.exchange)

    async def read_back(self, kind: str, ref: str, outcome: Outcome, written: Exchange) -> Verdict:
        """What became of a write that has happened, whatever reading it comes to."""
        try:
            return await self.shown(kind, ref, outcome)
        except (CallFailed, Drift):
            return Unknown(text=UNREADABLE, exchange=written)


def eid(key: str) -> str:
    """The place of a record by its external id."""
    return f"eid:{quote(key, safe='')}"


def path_of(kind: str, ref: str, replace: str = "") -> str:
    """The path of a record by its id or `eid`; what is sent replaces all of the list `replace`."""
    return f"/{kind}/{ref}" + (f"?replace={replace}" if replace else "")
