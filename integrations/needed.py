"""What a connection needs: declared by each connector, asked for by the form that connects it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Shape(StrEnum):
    """How an option is written down."""

    TEXT = "text"
    WHOLE = "whole number"
    NUMBER = "number"
    YES_NO = "yes or no"
    ADDRESS = "address"
    NAMES = "names"
    TABLE = "table"


@dataclass(frozen=True, slots=True)
class Secret:
    """A credential that a connection signs in or is heard by; it is referred to, never written
    down. `what` says what it is, `where` in which place of the vendor's administration it is."""

    name: str
    what: str
    where: str
    required: bool = True


@dataclass(frozen=True, slots=True)
class Option:
    """A setting of a connection; a name with a dot is one within another ("stream.url"). `default`
    holds where nothing is said; `usual` is what stands there at the vendor's own service."""

    name: str
    shape: Shape
    what: str
    default: Any = None
    required: bool = False
    usual: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """A feed that can be read: how often, in seconds, where nobody says otherwise, and the types
    of events that come of it."""

    every: int
    tells: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Needs:
    """What somebody must have at hand to connect a system. `plays` is its part in the processes
    ("erp"), `address` what its `base_url` looks like, with `<…>` for what is the firm's own."""

    plays: str = ""
    address: str = ""
    secrets: Sequence[Secret] = ()
    options: Sequence[Option] = ()
    feeds: Mapping[str, Reading] = field(default_factory=dict)
    calls_per_second: int = 10

    def option(self, name: str) -> Option | None:
        """A declared option, None where there is none of that name."""
        return next((one for one in self.options if one.name == name), None)


MESSAGES = Option(
    "messages",
    Shape.YES_NO,
    "Whether the tower has the vendor send what changes, and sees to it that it goes on.",
    default=False,
)
"""Read by the tower itself (`systems.subscribing`), of connectors that make subscriptions."""


def settling(default: float) -> Option:
    """How far a feed stays behind the clock."""
    return Option(
        "settle_seconds",
        Shape.NUMBER,
        "How many seconds a feed stays behind the clock, for what is shown late.",
        default=default,
    )


def looking_back(default: float) -> Option:
    """Where a feed begins that was never read."""
    return Option(
        "lookback_days",
        Shape.NUMBER,
        "How many days back a feed begins that was never read.",
        default=default,
    )
