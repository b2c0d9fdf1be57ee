"""A connector under test: what the conformance suite must know to drive it."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from controltower.canonical.verdicts import Done, Verdict
from integrations import catalogue
from integrations.connector import Change, Connection, Connector, Descriptor, Receiver
from tests.integrations.doors import ControlDoor

DEADLINE = timedelta(seconds=20)
"""Of the connections under test: a real counterpart on a busy machine is slow at times."""
HURRY = timedelta(seconds=3)
"""The deadline of checks that wait for it."""

Message = tuple[Mapping[str, str], bytes]
"""Headers by lower-case name, and the body."""


def lower(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers as the webhook door hands them on."""
    return {name.lower(): value for name, value in headers.items()}


class Subject(ABC):
    """A connector under test on a running counterpart.

    What is declared here decides which checks are collected. `verb` is how `entity` is written:
    "upsert", another action, or "" for a source that is only read.
    """

    name: str
    """In the catalogue."""
    entity: str
    verb: str = "upsert"
    feed: str = ""
    amount = Decimal("1234567.89")
    has_text = True
    """Whether `shown` tells the name that was written."""
    has_money = False
    """Whether `shown` tells the amount that was written."""
    has_keys = True
    """Whether `keys` lists `entity`."""
    has_secrets = True
    public: Sequence[str] = ()
    """Names of secrets that may be shown, such as a user's name."""
    has_twins = False
    """Whether the target may hold two records of one reference; see `make_twin`."""
    is_lasting = False
    """Whether what was written is never changed, so that another content of one key is refused."""
    over_http = True
    answers_writes = True
    """Whether a write is answered with a body, rather than with a status alone."""
    works_later = False
    """Whether a write is only accepted at first, so that nobody hears that it made the record."""
    says_when = True
    """Whether throttling carries Retry-After."""
    throttles: Sequence[Mapping[str, Any]] = ({"kind": "throttle"},)
    """The faults by which the vendor says that it is too much."""
    members: Sequence[str] = ()
    """Members of the vendor's answer to `get` that must be there, and of their type."""
    feed_members: Sequence[str] = ()
    """The same for what the feed reads; `members` when empty."""
    row_member = ""
    """A member without which a row of the feed cannot be read."""
    row_operation = "read"
    """The calls that read those rows, {ref} being the last of them where each is read by itself."""
    tells_what_is_gone = False
    """Whether the feed tells of facts that hold no longer; see `take_away`."""
    row_calls = 1
    """How many of them read all that is new."""
    choices: Sequence[str] = ()
    """Members whose values are on a closed list of the vendor's."""
    signed_headers: Sequence[str] = ()
    says_age = True
    """Whether what is signed says when it was sent, so that an old message can be told."""
    libraries = sys.stdlib_module_names | {"integrations", "controltower"}
    """What a connector may import; a subject adds what its protocol needs."""

    def __init__(self, connection: Connection, control: ControlDoor) -> None:
        self.connection = connection
        self.control = control
        self.connector = self.connect(connection)

    @classmethod
    def descriptor(cls) -> Descriptor:
        """What the connector declares."""
        return catalogue.descriptor(cls.name)

    @classmethod
    def connector_class(cls) -> type:
        """The connector's own class."""
        return type(catalogue.connect(cls.name, Connection("unset", "https://unset.invalid")))

    def connect(self, connection: Connection) -> Connector:
        """The connector on some connection."""
        return catalogue.connect(self.name, connection)

    @asynccontextmanager
    async def elsewhere(self, **changed: Any) -> AsyncIterator[Connector]:
        """The connector on another connection, closed afterwards."""
        connector = self.connect(replace(self.connection, **changed))
        try:
            yield connector
        finally:
            await connector.close()

    @asynccontextmanager
    async def in_a_hurry(self, operation: str) -> AsyncIterator[None]:
        """A connector with a short deadline plays this subject, and some calls, "read" or "write",
        come to the far side's answer too late for it."""
        patient = self.connector
        self.connector = self.connect(replace(self.connection, deadline=HURRY))
        late = round(HURRY.total_seconds() * 1500)
        try:
            await self.connector.health()
            self.control.order("slow", count=2, milliseconds=late, operation=operation)
            yield
        finally:
            self.control.clear()
            await self.connector.close()
            self.connector = patient

    def wrong_secrets(self, tag: str) -> dict[str, str]:
        """Secrets that nobody has; of a new name each, for a lock-out would go on to the next."""
        return {name: f"{value}-{tag}" for name, value in self.connection.secrets.items()}

    @abstractmethod
    def record(self, tag: str, name: str, amount: Decimal) -> dict[str, Any]:
        """A record of `entity` that the target accepts, `tag` being its own reference."""

    @abstractmethod
    def business_key(self, tag: str) -> dict[str, Any]:
        """What `find` locates that record by."""

    @abstractmethod
    def shown(self, values: Mapping[str, Any]) -> tuple[str, Decimal]:
        """Name and amount in the values of a `get`; any name when `has_text` is false, any amount
        when `has_money` is."""

    async def prepare(self, tag: str) -> None:
        """Sign in, and set up what the write of that tag needs, so that the next call that
        writes is the write itself."""
        await self.connector.health()

    async def write(
        self, tag: str, name: str = "Conformance", amount: Decimal | None = None
    ) -> Verdict:
        """Send the record of that tag once, as the engine does."""
        record = self.record(tag, name, self.amount if amount is None else amount)
        return await self.connector.upsert(self.entity, record, tag)

    async def find(self, tag: str) -> Verdict:
        """Whether that write has had its effect, by our reference: Done, or not found."""
        return await self.connector.find(self.entity, self.business_key(tag))

    async def existing(self, tag: str) -> str:
        """The id of a record that is there; made under that tag when there is none."""
        written = await self.write(tag)
        assert isinstance(written, Done), written
        return written.ref

    async def comparable(self, tag: str) -> str:
        """The id of a record that `keys` lists, made or changed just now."""
        return await self.existing(tag)

    @property
    def compared_amount(self) -> Decimal:
        """What `keys` says of the amount of a `comparable` record."""
        return self.amount

    async def make_facts(self, count: int) -> list[str]:
        """Let facts come about at the source; their ids."""
        raise NotImplementedError

    async def spoil(self, made: Sequence[str]) -> list[str]:
        """Let one row of the feed be without `row_member`: the last of these facts, or one that
        comes about by this, whose id is given back."""
        self.control.order(
            "drift",
            count=self.row_calls,
            code="missing_last",
            text=self.row_member,
            operation=self.row_operation.format(ref=made[-1] if made else ""),
        )
        return []

    async def touch(self, ref: str) -> None:
        """Change a fact at the source without changing what it says."""
        raise NotImplementedError

    async def take_away(self, ref: str) -> None:
        """Let a fact be none any more at its source: deleted there, or withdrawn."""
        raise NotImplementedError

    async def subscribe(self, address: str) -> str:
        """Let the vendor send changes to an address; the subscription's id."""
        return str(self.control.do("subscribe", url=address)["id"])

    async def unsubscribe(self, ref: str) -> None:
        """Let somebody take a subscription away."""
        self.control.do("unsubscribe", id=ref)

    async def make_twin(self, ref: str, tag: str) -> str:
        """Let a second record of that tag come about at the target; its id."""
        raise NotImplementedError

    async def messages(self, count: int) -> list[Message]:
        """Messages that the vendor has sent, as they came."""
        raise NotImplementedError

    def last_sent(self, count: int) -> list[Message]:
        """The last messages that went out, as they came."""
        sent = self.control.sent()[-count:] if count else []
        return [(lower(one["headers"]), one["body"].encode()) for one in sent]

    def receive(self, message: Message) -> Sequence[Change]:
        """What the connector makes of a message."""
        assert isinstance(self.connector, Receiver)
        return self.connector.verify_inbound(*message, datetime.now(UTC))

    def signed(self, raw: bytes) -> Message:
        """Any bytes with the vendor's own signature."""
        raise NotImplementedError

    async def drained(self) -> str:
        """Read the feed to its end and acknowledge all of it; the cursor there."""
        return (await self._to_the_end("", 500))[1]

    async def taken(self, cursor: str, limit: int = 500) -> list[Change]:
        """All that the feed holds after a cursor, each page acknowledged before the next is read.
        Of a queue that shows its head alone, this is the only way to see more than that."""
        return (await self._to_the_end(cursor, limit))[0]

    async def _to_the_end(self, cursor: str, limit: int) -> tuple[list[Change], str]:
        found: list[Change] = []
        has_more = True
        while has_more:
            page = await self.connector.read_changes(self.feed, cursor, limit)
            await self.connector.ack([change.event.id for change in page.changes])
            found += page.changes
            cursor, has_more = page.next_cursor, page.has_more
        return found, cursor

    async def changes(self, cursor: str) -> list[Change]:
        """All that the feed shows after a cursor while nothing is acknowledged."""
        found: list[Change] = []
        has_more = True
        while has_more:
            page = await self.connector.read_changes(self.feed, cursor, 500)
            found += page.changes
            cursor, has_more = page.next_cursor, page.has_more
        return found

    async def events(self, cursor: str) -> list[str]:
        """The event ids of all that the feed holds after a cursor."""
        return [change.event.id for change in await self.changes(cursor)]
