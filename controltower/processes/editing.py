"""Which fields of a step a person may put right before it is sent again, and what they may hold.

A field policy is part of the process: it never names an amount, a currency, a party, a company, a
reference or another system's number. Those are put right where they are mastered.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class Holds(StrEnum):
    """What a field holds."""

    TEXT = "text"
    DAY = "day"
    EMAIL = "email"


@dataclass(frozen=True, slots=True, kw_only=True)
class Editable:
    """A field that may be edited: its name in the canonical record, its title for people."""

    name: str
    title: str
    holds: Holds = Holds.TEXT
    longest: int = 120

    def read(self, text: str) -> str:
        """The text as the record keeps it. Raises ValueError, which says what is wrong."""
        text = text.strip()
        if len(text) > self.longest:
            raise ValueError(f"{self.title}: at most {self.longest} characters.")
        if not text.isprintable():
            raise ValueError(f"{self.title}: one line of plain text.")
        if self.holds is Holds.EMAIL and text and not _EMAIL.fullmatch(text):
            raise ValueError(f"{self.title}: not an e-mail address.")
        return _day(self.title, text) if self.holds is Holds.DAY else text


def _day(title: str, text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError(f"{title}: a date such as 2026-11-30.") from None


@dataclass(frozen=True, slots=True)
class Change:
    """One field of a step: what it was when somebody looked, and what it becomes."""

    was: str
    becomes: str


def edited(record: Mapping[str, Any], changes: Mapping[str, Change]) -> dict[str, Any]:
    """The record with its edits. A field that its source has changed since is left as it is."""
    record = dict(record)
    for name, change in changes.items():
        if str(record.get(name) or "") == change.was:
            record[name] = change.becomes
    return record
