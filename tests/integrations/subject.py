"""A connector under test: what the conformance suite must know to drive it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from controltower.canonical.verdicts import Verdict
from integrations.connector import Connection, Connector
from tests.integrations.doors import ControlDoor


class Subject(ABC):
    """A connector under test on a running counterpart."""

    entity: str
    feed: str = ""
    amount = Decimal("1234567.89")

    def __init__(self, connection: Connection, control: ControlDoor) -> None:
        self.connection = connection
        self.control = control
        self.connector = self.connect(connection)

    @abstractmethod
    def connect(self, connection: Connection) -> Connector:
        """The connector on some connection."""

    @abstractmethod
    def record(self, tag: str, name: str, amount: Decimal) -> dict[str, Any]:
        """A record of `entity` that the target accepts, `tag` being its own reference."""

    @abstractmethod
    def business_key(self, tag: str) -> dict[str, Any]:
        """What `find` locates that record by."""

    @abstractmethod
    def shown(self, values: Mapping[str, Any]) -> tuple[str, Decimal]:
        """Name and amount in the values of a `get`; the amount sent when it has none."""

    async def make_facts(self, count: int) -> list[str]:
        """Let facts come about at the source; their ids."""
        raise NotImplementedError

    async def touch(self, ref: str) -> None:
        """Change a fact at the source without changing what it says."""
        raise NotImplementedError

    async def upsert(self, tag: str, name: str = "Conformance") -> Verdict:
        """Send the record of that tag once, as the engine does."""
        record = self.record(tag, name, self.amount)
        return await self.connector.upsert(self.entity, record, tag)

    async def find(self, tag: str) -> Verdict:
        """Look for it by our reference."""
        return await self.connector.find(self.entity, self.business_key(tag))
