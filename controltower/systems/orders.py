"""What a call is to do, and what it means when nobody answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from controltower.canonical.verdicts import Kind, TryLater, Unknown, Verdict


@dataclass(frozen=True, slots=True)
class Order:
    """One call to make. `probe_first` looks for our reference before a first send."""

    purpose: str
    entity: str
    verb: str
    ref: str = ""
    record: Mapping[str, Any] = field(default_factory=dict)
    find: Mapping[str, Any] | None = None
    company: str = ""
    key: str = ""
    probe_first: bool = False

    @property
    def writes(self) -> bool:
        """Whether it may change something in its target."""
        return self.purpose == "send" and self.verb != "get"

    def unanswered(self, text: str, kind: Kind) -> Verdict:
        """After a write nobody knows; a question may be asked again. An answer that only we cannot
        understand is no outage: the system is there for others."""
        return Unknown(text=text) if self.writes else unanswered(text, kind)


def unanswered(text: str, kind: Kind) -> Verdict:
    """Only a question was asked."""
    return TryLater(kind=kind, text=text)
