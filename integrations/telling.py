"""Vendors that tell us by themselves that something has changed: what a connector offers for it
beside the port, where `Receiver` and `Subscribed` do not say enough."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol, runtime_checkable

from integrations.connector import Subscribed


@runtime_checkable
class Subscriber(Subscribed, Protocol):
    """A connector that makes its subscriptions itself, and keeps them from ending."""

    async def subscribe(self, address: str, entities: Collection[str]) -> None:
        """Have changes of these entities told to our door's `address`: what is missing is made,
        what ends soon is renewed. May be repeated. The vendor may knock at the door before it
        answers. Raises CallFailed."""


@runtime_checkable
class Hinted(Protocol):
    """A connector whose vendor's messages say only what is to be read again."""

    def greeting(self, query: Mapping[str, str]) -> str:
        """What a vendor who asks whether this is our door is to be answered, from its query; ""
        when it does not ask."""

    def hinted(self, headers: Mapping[str, str], raw: bytes) -> Collection[str]:
        """Entities whose feeds have something to tell; `headers` by lower-case name. Raises Forged
        when it is not the vendor's own message."""
