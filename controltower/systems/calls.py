"""The one door out: deadline, rate limit, quota, circuit and a verdict for every call.

Only this module, `receiving.py` for what comes in, `contracts.py` for what it means, and
`described.py` for what may be said of a system import `integrations`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from math import inf
from time import monotonic
from typing import Any, TypeVar

from controltower.canonical.verdicts import (
    Done,
    Kind,
    Outcome,
    Quota,
    Rejected,
    TryLater,
    Unknown,
    Verdict,
)
from controltower.systems import announcements, contracts
from controltower.systems.credentials import reference, resolved
from controltower.systems.hiding import hidden
from controltower.systems.models import System
from controltower.systems.orders import Order, unanswered
from controltower.systems.pace import Pace
from integrations import catalogue, http, shape
from integrations.connector import (
    CallFailed,
    Change,
    ChangePage,
    Connection,
    Connector,
    Descriptor,
    Operation,
    Rereader,
    Subscribed,
    Subscription,
    Unread,
)
from integrations.telling import Subscriber

__all__ = ["CallFailed", "Change", "ChangePage", "Order", "Subscription", "Unread"]
ANSWERED = Done(ref="", outcome=Outcome.READ)
"""A page of changes came: the system is there."""
Found = TypeVar("Found")


class TooLate(Exception):
    """The call could outlive the time that was given for it, or its connection is held, so it was
    not begun."""


@dataclass(slots=True)
class Door:
    """An open way to one system, shared by the calls of one round."""

    system: System
    connector: Connector
    gate: asyncio.Semaphore
    pace: Pace
    secrets: Collection[str] = ()

    async def perform(self, order: Order, until: float = inf) -> Verdict:
        """Make one call within the total deadline; whatever goes wrong becomes a verdict.

        Raises TooLate, with nothing sent, when it could last beyond `until` (monotonic seconds), or
        the connection is held.
        """
        async with self.gate:
            await self.pace.turn()
            lasts = self.system.deadline.total_seconds()
            if monotonic() + lasts > until or self.pace.is_closed:
                raise TooLate
            with self._agreed(order.entity):
                verdict = await self._told(self._call(order), order.unanswered)
            self.pace.heed(verdict)
            return verdict

    @contextmanager
    def _agreed(self, entity: str) -> Iterator[None]:
        """Read by what was agreed about an entity, and keep what the answers announce of it."""
        with shape.agreeing(contracts.terms_of(self.system, entity)), http.hearing() as heard:
            yield
        announcements.hear(self.system, entity, heard)

    async def _told(
        self, call: Awaitable[Verdict], otherwise: Callable[[str, Kind], Verdict]
    ) -> Verdict:
        """What came of a call, always a verdict, and none that repeats our credentials. Of what
        cannot be understood only the kind of trouble is said: its words may hold anything."""
        seconds, title = self.system.deadline.total_seconds(), self.system.title
        try:
            async with asyncio.timeout(seconds):
                verdict = await call
        except TimeoutError:
            verdict = otherwise(f"{title} did not answer in {seconds:.0f} s.", Kind.OUTAGE)
        except CallFailed as failure:
            verdict = failure.verdict
        except Exception as error:  # noqa: BLE001 - a connector's defect must not lose a step
            verdict = otherwise(_misunderstood(title, error), Kind.CONTRACT)
        return hidden(verdict, self.secrets)

    async def _call(self, order: Order) -> Verdict:
        connector = self.connector
        if order.purpose == "probe":
            return await self._probe(order)
        if order.purpose == "read_back" or order.verb == "get":
            return await self._read(order)
        if order.probe_first and (order.find is not None or order.verb == "upsert"):
            found = await self._found(order)
            if not _absent(found):
                return found
        if order.verb == "upsert":
            return await connector.upsert(order.entity, order.record, order.key)
        return await connector.act(order.entity, order.ref, order.verb, order.record, order.key)

    async def _probe(self, order: Order) -> Verdict:
        if order.ref and (order.verb != "upsert" or order.find is None):
            return await self._read(order)
        return await self._found(order)

    async def _read(self, order: Order) -> Verdict:
        """One record by its id. Another one's is no answer to the question, such as the late answer
        to an earlier call that a broken connection hands over: it says nothing of this record.
        Several lines are no id but names to look for."""
        found = await self.connector.get(order.entity, order.ref, order.company)
        asked = order.ref.casefold()
        if not isinstance(found, Done) or "\n" in asked or found.ref.casefold() in ("", asked):
            return found
        text = f"{self.system.title} was asked for “{order.ref}” and answered with “{found.ref}”."
        return TryLater(kind=Kind.CONTRACT, text=text, exchange=found.exchange)

    async def _found(self, order: Order) -> Verdict:
        """By what the process gave, else by our key, where the target keeps it."""
        if order.find is None and not order.key:
            return Unknown(text="Nothing identifies the record, so it cannot be looked up.")
        return await self.connector.find(order.entity, order.find or {"key": order.key})

    async def find(self, entity: str, business_key: Mapping[str, Any]) -> Verdict:
        """Look something up by a business key."""
        return await self.ask(Order("probe", entity, "upsert", find=business_key))

    async def ask(self, order: Order) -> Verdict:
        """Make a call now or not at all: while the connection is held, it is to be tried later."""
        try:
            return await self.perform(order)
        except TooLate:
            text = f"{self.system.title} is not called at present."
            return TryLater(kind=Kind.RATE_LIMITED, text=text)

    async def rehearse(self, order: Order) -> Verdict:
        """What the target has of this now, without changing anything: found, absent, or why a
        send would be refused."""
        async with self.gate:
            await self.pace.turn()
            with self._agreed(order.entity):
                return await self._told(self._look(order), unanswered)

    async def _look(self, order: Order) -> Verdict:
        if order.ref and order.verb != "upsert":
            return await self._read(order)
        objection = await self.connector.check(order.entity, order.record)
        if objection is not None:
            return objection
        return await self.connector.find(order.entity, order.find or {"key": order.key})

    async def read_changes(self, entity: str, cursor: str, limit: int) -> ChangePage:
        """One page of a change feed. Raises CallFailed, TooLate."""
        with self._agreed(entity):
            return await self._in_turn(partial(self.connector.read_changes, entity, cursor, limit))

    async def reread(
        self, entity: str, rows: Sequence[Unread]
    ) -> dict[Unread, Change | Unread | None]:
        """What rows that were set aside tell now, of as many as can be asked about: a change, the
        row itself with why it still tells none, or None for what is no fact any more."""
        connector, found = self.connector, dict[Unread, Change | Unread | None]()

        async def read() -> None:
            assert isinstance(connector, Rereader)
            for row in rows:
                try:
                    found[row] = await connector.reread(entity, row)
                except shape.Drift as drift:
                    found[row] = replace(row, reason=str(drift))
                except CallFailed as failure:
                    self.pace.heed(failure.verdict)
                    if self.pace.is_closed:
                        raise

        with self._agreed(entity), suppress(CallFailed, TooLate):
            await self._in_turn(read)
        return found

    async def subscriptions(self, address: str) -> Sequence[Subscription]:
        """Those of the vendor that point at `address`. Raises CallFailed, TooLate."""
        assert isinstance(self.connector, Subscribed)
        return await self._in_turn(partial(self.connector.subscriptions, address))

    @property
    def subscribes(self) -> bool:
        """Whether the tower itself has to see to the vendor's subscriptions."""
        return isinstance(self.connector, Subscriber)

    async def subscribe(self, address: str, entities: Collection[str]) -> None:
        """Have changes of these told to `address`, for as long as this is repeated. Raises
        CallFailed, TooLate."""
        assert isinstance(self.connector, Subscriber)
        await self._in_turn(partial(self.connector.subscribe, address, entities))

    async def acknowledge(self, refs: Sequence[str]) -> None:
        """Tell the source that what it gave us is committed here. Raises CallFailed, TooLate."""
        await self._in_turn(partial(self.connector.ack, refs))

    async def _in_turn(self, question: Callable[[], Awaitable[Found]]) -> Found:
        """What a feed's question finds: it takes its share of the connection's limits. Raises
        CallFailed; TooLate, with nothing asked, while the connection is held."""
        found: list[Found] = []

        async def ask() -> Verdict:
            found.append(await question())
            return ANSWERED

        async with self.gate:
            await self.pace.turn()
            if self.pace.is_closed:
                raise TooLate
            verdict = await self._told(ask(), unanswered)
            self.pace.heed(verdict)
        if not found:
            raise CallFailed(verdict)
        return found[0]

    async def health(self) -> Verdict:
        """A cheap signed-in call; always a verdict."""
        return await self._told(self.connector.health(), unanswered)

    def quota(self) -> Quota:
        """What the system last said of its limits."""
        return self.connector.rate_limit()


def door_to(system: System, gate: asyncio.Semaphore, pace: Pace) -> Door:
    """A door opened with what the system's record says, which keeps the limits given."""
    connection = connection_of(system)
    connector = catalogue.connect(system.connector, connection)
    return Door(system, connector, gate, pace, tuple(connection.secrets.values()))


def connection_of(system: System) -> Connection:
    """Resolve the credential references now, so that no secret is ever stored."""
    return Connection(
        slug=system.connection,
        base_url=reference(system.base_url),
        secrets={name: reference(value) for name, value in system.secrets.items()},
        options=resolved(system.options),
        deadline=timedelta(seconds=system.deadline_seconds),
    )


def descriptor(system: System) -> Descriptor:
    """What the system's connector declares of itself."""
    return catalogue.descriptor(system.connector, system.options)


def operation(system: System, entity: str, verb: str) -> Operation:
    """A declared operation of the system's connector. Raises KeyError."""
    return descriptor(system).operation(entity, verb)


def _absent(verdict: Verdict) -> bool:
    return isinstance(verdict, Rejected) and verdict.kind is Kind.NOT_FOUND


def _misunderstood(title: str, error: Exception) -> str:
    return f"{title}: the answer could not be understood ({type(error).__name__})."
