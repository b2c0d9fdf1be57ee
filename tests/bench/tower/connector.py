"""The stub as the tower sees it: a keyed target that can be read back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from controltower.canonical.verdicts import (
    Done,
    Effect,
    Outcome,
    Quota,
    Unavailable,
    Unknown,
    Verdict,
)
from integrations.connector import ChangePage, Connection, Descriptor, Key, Operation, Verification
from integrations.http import Answer, HttpClient, NeverSent


class StubConnector:
    """One HTTP call for each wish, with the connectors' own client and its rules for writes."""

    descriptor = Descriptor(
        name="stub",
        title="The benchmark's stub",
        domain="none",
        api_version="1",
        feeds={},
        operations=[Operation("thing", "upsert", Effect.KEYED)],
        verification=Verification.SANDBOX,
    )

    def __init__(self, connection: Connection) -> None:
        self._slug = connection.slug
        self._http = HttpClient(connection.base_url, connection.deadline)

    async def close(self) -> None:
        """Give sockets back."""
        await self._http.close()

    async def health(self) -> Verdict:
        """Always well: nobody signs in."""
        return Done(ref="", outcome=Outcome.READ)

    def rate_limit(self) -> Quota:
        """Nothing is known of limits."""
        return Quota()

    async def read_changes(self, entity: str, cursor: str, limit: int) -> ChangePage:
        """The stub tells nothing of its own."""
        return ChangePage([], cursor)

    def retell(self, entity: str, raw: bytes) -> None:
        """The stub tells nothing of its own."""

    async def ack(self, refs: Sequence[str]) -> None:
        """Nothing to acknowledge."""

    async def get(self, entity: str, ref: str, company: str = "") -> Verdict:
        """Read one record."""
        return await self._call("GET", ref, None, Outcome.READ)

    async def find(self, entity: str, business_key: Mapping[str, Any]) -> Verdict:
        """Look a record up."""
        return await self._call("GET", str(business_key.get("key")), None, Outcome.READ)

    async def check(self, entity: str, record: Mapping[str, Any]) -> Verdict | None:
        """Nothing is ever refused."""
        return None

    async def upsert(self, entity: str, record: Mapping[str, Any], idempotency_key: str) -> Verdict:
        """Write one record under its key."""
        body = json.dumps(record).encode()
        return await self._call("POST", idempotency_key, body, Outcome.CREATED)

    async def act(
        self, entity: str, ref: str, action: str, record: Mapping[str, Any], idempotency_key: str
    ) -> Verdict:
        """The stub knows one verb."""
        return await self.upsert(entity, record, idempotency_key)

    async def keys(self, entity: str, since: datetime, until: datetime) -> Sequence[Key]:
        """Nothing to reconcile."""
        return []

    async def _call(self, method: str, ref: str, body: bytes | None, outcome: Outcome) -> Verdict:
        result = await self._http.send(method, f"/{self._slug}/{ref}", body=body)
        if isinstance(result, Answer):
            said = json.loads(result.body)
            return Done(ref=ref, outcome=outcome, values=said, exchange=result.exchange)
        if isinstance(result, NeverSent):
            return Unavailable(text=result.text, exchange=result.exchange)
        return Unknown(text=result.text, exchange=result.exchange)
