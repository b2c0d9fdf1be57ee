"""What a document says of a system, whether it describes it or connects it by a connector."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from controltower.systems.models import System
from integrations.described.description import Description

START, NOW = "start", "now"
"""Since when a feed is read: as far back as its source goes, or from the decision on."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A feed that is read, every so many seconds. `since` is START, NOW or a day: what changed
    before is left where it is."""

    entity: str
    every_seconds: int
    since: str = START


@dataclass(frozen=True, slots=True)
class Taken:
    """What of its part the system takes from a day on: the records of a company, or of all (""),
    of one kind, or all ("")."""

    company: str
    record: str
    starts_on: date


@dataclass(frozen=True, slots=True)
class Said:
    """A system as it would be, not saved, with what is read of it and what it takes. `described`
    is there where no connector of ours knows it."""

    system: System
    feeds: tuple[Listed, ...] = ()
    takes: tuple[Taken, ...] = ()
    is_retired: bool = False
    described: Description | None = None
