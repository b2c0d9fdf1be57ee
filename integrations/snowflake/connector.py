"""Snowflake's door: facts are merged into one table by our reference, and read back."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from controltower.canonical.records import Record
from controltower.canonical.verdicts import (
    Done,
    Effect,
    Kind,
    Misconfigured,
    Outcome,
    Pending,
    Quota,
    Rejected,
    TryLater,
    Verdict,
)
from integrations import exact_json
from integrations.answers import as_agreed, not_offered
from integrations.connector import (
    Auth,
    CallFailed,
    ChangePage,
    Connection,
    Descriptor,
    Key,
    Operation,
    Verification,
)
from integrations.http import Answer
from integrations.shape import Drift, Row, listed, object_of, required
from integrations.snowflake import facts
from integrations.snowflake.client import SnowflakeClient
from integrations.snowflake.needs import NEEDS

FACT = "fact"
_LOOK_AGAIN = timedelta(seconds=5)
_REMEMBERED = 10_000


class SnowflakeConnector:
    """One account. Secret: `private_key`. Options: `account`, `user`, `database`, `schema`,
    `warehouse`, `role`."""

    descriptor = Descriptor(
        name="snowflake",
        title="Snowflake",
        domain="Analytics",
        api_version="SQL API v2",
        feeds={},
        operations=(
            Operation(FACT, "get", Effect.READ),
            Operation(FACT, "upsert", Effect.KEYED, quarantine=timedelta(minutes=1)),
        ),
        verification=Verification.CONTRACT,
        auth=Auth.CERTIFICATE,
        concurrency=4,
        needs=NEEDS,
    )

    def __init__(self, connection: Connection) -> None:
        self._client = SnowflakeClient(connection)
        self._sent: dict[uuid.UUID, None] = {}

    async def close(self) -> None:
        """Give sockets back."""
        await self._client.close()

    async def health(self) -> Verdict:
        """How many facts the table holds: signed in, and answered from its metadata."""
        answer = await self._client.read(facts.HELD)
        if not isinstance(answer, Answer):
            return answer
        return Done(ref="", outcome=Outcome.READ, exchange=answer.exchange)

    def rate_limit(self) -> Quota:
        """Snowflake tells nothing of it before it answers 429."""
        return Quota()

    async def read_changes(self, entity: str, cursor: str, limit: int) -> ChangePage:
        """A warehouse tells nothing. Raises CallFailed."""
        raise CallFailed(not_offered("Snowflake", f"feed of {entity}"))

    def retell(self, entity: str, raw: bytes) -> Record | None:
        """There is no feed."""
        return None

    async def ack(self, refs: Sequence[str]) -> None:
        """There is no feed."""

    async def get(self, entity: str, ref: str, company: str = "") -> Verdict:
        """One fact by our reference."""
        if entity != FACT:
            return not_offered("Snowflake", entity)
        answer = await self._table(facts.BY_REFERENCE, ref)
        if not isinstance(answer, Answer):
            return answer
        found = as_agreed(
            lambda: [facts.values_of(row) for row in facts.rows(answer)], answer.exchange
        )
        if not found:
            text = f"Snowflake has no fact with our reference {ref}."
            return Rejected(kind=Kind.NOT_FOUND, text=text, exchange=answer.exchange)
        if len(found) > 1:
            text = f"{len(found)} rows have our reference {ref}."
            return Rejected(kind=Kind.DUPLICATE, text=text, exchange=answer.exchange)
        (values,) = found
        return Done(
            ref=values["reference"],
            outcome=Outcome.READ,
            version=values["loaded_at"],
            values=values,
            exchange=answer.exchange,
        )

    async def find(self, entity: str, business_key: Mapping[str, Any]) -> Verdict:
        """A fact by our reference, or by the key it was sent with, which is the same."""
        reference = str(business_key.get("reference") or business_key.get("key") or "")
        if entity == FACT and not reference:
            unclear = f"No fact can be looked up by “{', '.join(business_key)}”."
            return Misconfigured(kind=Kind.CONTRACT, text=unclear)
        return await self.get(entity, reference)

    async def check(self, entity: str, record: Mapping[str, Any]) -> Verdict | None:
        """Whether the table can hold it; nothing is asked for that."""
        if entity != FACT:
            return not_offered("Snowflake", entity)
        try:
            facts.bound("", record)
        except ValueError as problem:
            return Rejected(kind=Kind.VALIDATION, text=str(problem))
        return None

    async def upsert(self, entity: str, record: Mapping[str, Any], idempotency_key: str) -> Verdict:
        """Merge a fact under its `reference` (the key when it names none).

        The request's id is made of key and values: sent again, Snowflake runs nothing, and answers
        what came of the first. That is how a statement that still runs (Pending) is asked after.
        """
        if refusal := await self.check(entity, record):
            return refusal
        reference = str(record.get("reference") or idempotency_key)
        values = facts.bound(reference, record)
        request_id = uuid.UUID(facts.fingerprint(idempotency_key, values))
        repeated = request_id in self._sent
        self._remember(request_id)
        answer = await self._client.write(facts.MERGE, values, request_id)
        if isinstance(answer, Answer) and answer.status == 202:
            self._sent.pop(request_id, None)
            return _pending(answer)
        if not isinstance(answer, Answer):
            return answer
        try:
            inserted = _has_inserted(answer)
        except Drift as drift:
            return drift.doubt(answer.exchange)
        # of what was sent before, the answer does not tell which of the sends has made it
        outcome = Outcome.CREATED if inserted and not repeated else Outcome.UPDATED
        return Done(ref=reference, outcome=outcome, exchange=answer.exchange)

    async def act(
        self, entity: str, ref: str, action: str, record: Mapping[str, Any], idempotency_key: str
    ) -> Verdict:
        """A fact is merged; nothing else is done to it."""
        return not_offered("Snowflake", f"“{action}” on {entity}")

    async def keys(self, entity: str, since: datetime, until: datetime) -> Sequence[Key]:
        """The facts loaded in a window, all partitions of them. Raises CallFailed."""
        if entity != FACT:
            raise CallFailed(not_offered("Snowflake", entity))
        answer = await self._table(facts.LOADED_BETWEEN, _moment(since), _moment(until))
        if not isinstance(answer, Answer):
            raise CallFailed(answer)
        content = as_agreed(lambda: _object(answer), answer.exchange)
        columns = as_agreed(lambda: facts.names_of(content), answer.exchange)
        found = as_agreed(lambda: facts.rows(answer), answer.exchange)
        parts = as_agreed(lambda: listed(content, "resultSetMetaData.partitionInfo"))
        for number in range(1, len(parts)):
            found += await self._further(content, number, columns)
        return as_agreed(lambda: facts.keys_of(found), answer.exchange)

    async def _further(self, content: Row, number: int, columns: Sequence[str]) -> list[Row]:
        handle = as_agreed(lambda: str(uuid.UUID(required(content, "statementHandle"))))
        answer = await self._client.partition(handle, number)
        if not isinstance(answer, Answer):
            raise CallFailed(answer)
        return as_agreed(lambda: facts.rows(answer, columns), answer.exchange)

    async def _table(self, statement: str, *values: str) -> Answer | Verdict:
        answer = await self._client.read(statement, *values)
        if isinstance(answer, Answer) and answer.status == 202:
            text = "Snowflake is still working on the answer."
            return TryLater(
                kind=Kind.TRANSIENT, text=text, after=_LOOK_AGAIN, exchange=answer.exchange
            )
        return answer

    def _remember(self, request_id: uuid.UUID) -> None:
        self._sent[request_id] = None
        if len(self._sent) > _REMEMBERED:
            self._sent.pop(next(iter(self._sent)))


def _pending(answer: Answer) -> Verdict:
    try:
        job = required(_object(answer), "statementHandle")
    except Drift as drift:
        return drift.doubt(answer.exchange)
    return Pending(job=job, after=_LOOK_AGAIN, exchange=answer.exchange)


def _has_inserted(answer: Answer) -> bool:
    """Whether a MERGE has made a row; else it has changed one. Raises Drift."""
    required(_object(answer), "statementHandle")
    counts: Row = next(iter(facts.rows(answer)), {})
    return required(counts, facts.INSERTED) != "0"


def _object(answer: Answer) -> Row:
    return object_of(exact_json.decode(answer.body))


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
