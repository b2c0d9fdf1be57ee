"""A system, a connector and a process for the crash points: one order for each effect class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import aiohttp

from controltower.canonical.events import BusinessKey, CanonicalEvent
from controltower.canonical.records import Opportunity
from controltower.canonical.verdicts import (
    Done,
    Effect,
    Kind,
    Outcome,
    Quota,
    Rejected,
    Unknown,
    Verdict,
)
from controltower.processes import catalogue as processes
from controltower.processes.definition import (
    Entity,
    Facts,
    Opening,
    Process,
    Send,
    StepDefinition,
)
from integrations import catalogue as connectors
from integrations.connector import (
    Change,
    ChangeFeed,
    ChangePage,
    Connection,
    Descriptor,
    Key,
    Operation,
    Verification,
)

ORDERED = "parcel.ordered"
WRITES = [effect for effect in Effect if effect is not Effect.READ]
QUARANTINE = timedelta(minutes=10)
DESCRIPTOR = Descriptor(
    name="parcels",
    title="Parcels",
    domain="test",
    api_version="1",
    feeds={"order": ChangeFeed.POLL},
    operations=[Operation(effect, "upsert", effect, QUARANTINE) for effect in WRITES],
    verification=Verification.SANDBOX,
)


class Parcels:
    """The connector: every call is one exchange with `Upstream`."""

    descriptor = DESCRIPTOR

    def __init__(self, connection: Connection) -> None:
        self._url = connection.base_url

    async def _ask(self, path: str, body: Mapping[str, str] | None = None) -> tuple[int, Any]:
        async with aiohttp.ClientSession() as session:
            asked = session.post(f"{self._url}/{path}", json=body) if body else session.get(
                f"{self._url}/{path}")  # fmt: skip
            async with asked as answer:
                return answer.status, await answer.json(content_type=None)

    async def close(self) -> None:
        """Nothing is held."""

    async def health(self) -> Verdict:
        """There."""
        return Done(ref="", outcome=Outcome.READ)

    def rate_limit(self) -> Quota:
        """None."""
        return Quota()

    async def read_changes(self, entity: str, cursor: str, limit: int) -> ChangePage:
        """Orders after so many."""
        _status, orders = await self._ask(f"orders?after={cursor or 0}")
        return ChangePage([_change(order) for order in orders], str(int(cursor or 0) + len(orders)))

    def retell(self, entity: str, raw: bytes) -> None:
        """It tells nothing of its own."""

    async def ack(self, refs: Sequence[str]) -> None:
        """The cursor is enough."""

    async def get(self, entity: str, ref: str, company: str = "") -> Verdict:
        """By the target's own id; the stock is always there."""
        if entity == "stock":
            return Done(ref=ref, outcome=Outcome.READ, values={"left": 7})
        _status, found = await self._ask(f"{entity}?ref={ref}")
        return _found(found)

    async def find(self, entity: str, business_key: Mapping[str, Any]) -> Verdict:
        """By our reference, where the class has a look-up."""
        if entity == Effect.UNREPEATABLE:
            return Unknown(text="Nothing can be looked up here.")
        _status, found = await self._ask(f"{entity}?order={business_key['order']}")
        return _found(found)

    async def check(self, entity: str, record: Mapping[str, Any]) -> Verdict | None:
        """Nothing speaks against it."""
        return None

    async def upsert(self, entity: str, record: Mapping[str, Any], idempotency_key: str) -> Verdict:
        """Order it."""
        body = {"key": idempotency_key, "order": str(record["order"])}
        status, made = await self._ask(entity, body)
        if status != 200:
            return Rejected(kind=Kind.VALIDATION, text="Not today.")
        return Done(ref=made["ref"], outcome=Outcome.CREATED, values={"order": made["order"]})

    async def act(
        self, entity: str, ref: str, action: str, record: Mapping[str, Any], idempotency_key: str
    ) -> Verdict:
        """None is offered."""
        raise NotImplementedError

    async def keys(self, entity: str, since: datetime, until: datetime) -> Sequence[Key]:
        """Not compared."""
        return []


def _found(found: Sequence[Mapping[str, str]]) -> Verdict:
    if not found:
        return Rejected(kind=Kind.NOT_FOUND, text="No such record.")
    if len(found) > 1:
        return Rejected(kind=Kind.DUPLICATE, text="Several such records.")
    values = {"order": found[0]["order"]}
    return Done(ref=found[0]["ref"], outcome=Outcome.READ, values=values)


def new_orders() -> dict[Effect, str]:
    """The name of a new order for each effect class, which it carries."""
    return {effect: f"{effect}:{uuid4().hex[:8]}" for effect in Effect}


def _change(order: str) -> Change:
    record = Opportunity(source_id=order, name=order, amount=Decimal(1), currency="EUR", won=True)
    event = CanonicalEvent(
        id=order,
        type=ORDERED,
        source="parcels",
        subject=order,
        time=datetime.now(UTC),
        version="1",
        record=record,
    )
    return Change(order.encode(), event)


def _open(event: CanonicalEvent, _entities: Mapping[str, Entity], now: datetime) -> Opening:
    keys = (BusinessKey("order", event.subject),)
    due = now + timedelta(hours=1)
    return Opening(event.subject, "Somebody", "", "1", "EUR", keys, due=due)


def _steps(facts: Facts) -> tuple[StepDefinition, ...]:
    order = str(facts.subject["source_id"])
    effect = order.partition(":")[0]
    look = StepDefinition(name="look", title="Look", prepare=_look, role="parcels",
                          entity="stock", verb="get")  # fmt: skip
    write = StepDefinition(name="write", title="Write", prepare=_write, role="parcels",
                           entity=effect, verb="upsert", needs=("look",),
                           differs=_differs)  # fmt: skip
    return (look,) if effect == Effect.READ else (look, write)


def _look(_facts: Facts) -> Send:
    return Send(ref="stock")


def _write(facts: Facts) -> Send:
    order = {"order": str(facts.subject["source_id"])}
    return Send(record=order, find=order, ordering=f"parcel:{order['order']}")


def _differs(sent: Mapping[str, Any], shown: Mapping[str, Any]) -> str:
    return "" if sent["order"] == shown["order"] else "another order"


PROCESS = Process(
    name="parcels",
    title="Parcels",
    starts_on=(ORDERED,),
    promise=timedelta(hours=1),
    exposure="unbilled",
    stage="Ordered",
    owner_role="operator",
    accepts=lambda _event: True,
    open=_open,
    steps=_steps,
)


def offer() -> None:
    """Make connector and process known in this process."""
    connectors.CONNECTORS["parcels"] = Parcels
    if PROCESS not in processes.PROCESSES:
        processes.PROCESSES = (*processes.PROCESSES, PROCESS)
