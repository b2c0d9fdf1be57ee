"""Which feeds of an org are streamed, and where to (the option `stream` of a connection)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Self

from integrations.connector import ChangeFeed, Descriptor

RETENTION = timedelta(hours=72)
"""For how long the vendor keeps events."""


@dataclass(frozen=True, slots=True)
class Way:
    """How the Pub/Sub API is reached, and which entities' changes are listened for.

    `url` is ``https://host:port``; ``http`` only with `insecure` and on loopback. `wait` is how
    long a reading listens at all, `settle` how long it listens on when something was told;
    `tenant` the org's id, where the session's token does not begin with it.
    """

    url: str
    entities: frozenset[str]
    insecure: bool = False
    tenant: str = ""
    wait: timedelta = timedelta(seconds=5)
    settle: timedelta = timedelta(seconds=0.25)

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self | None:
        """What a connection's options say; None where nothing is streamed."""
        given = options.get("stream")
        if not isinstance(given, Mapping) or not given.get("url"):
            return None
        return cls(
            url=str(given["url"]),
            entities=frozenset(str(name) for name in given.get("entities") or ()),
            insecure=given.get("insecure") is True,
            tenant=str(given.get("tenant") or ""),
            wait=timedelta(seconds=float(given.get("wait_seconds", 5))),
            settle=timedelta(seconds=float(given.get("settle_seconds", 0.25))),
        )

    def declared(self, descriptor: Descriptor) -> Descriptor:
        """What a connector declares that reads so."""
        feeds = {
            name: ChangeFeed.STREAM if self.leads_to(name, feed) else feed
            for name, feed in descriptor.feeds.items()
        }
        return replace(descriptor, feeds=feeds, retention=RETENTION)

    def leads_to(self, entity: str, feed: ChangeFeed) -> bool:
        """Whether a feed that could be polled is streamed."""
        return feed is ChangeFeed.POLL and entity in self.entities
