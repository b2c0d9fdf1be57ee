"""Reading what changed by SOQL on SystemModstamp: queries, and a cursor that loses nothing.

Equal stamps are normal (one transaction stamps all its records alike), so pages go by stamp *and*
id. A stamp is taken before its transaction commits, so a record may appear behind the cursor:
every new poll looks back by an overlap and leaves out what it has already given.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from integrations import exact_json

_MOST_REMEMBERED = 400


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a feed stands. `after_id` is empty between polls; `seen` are marks of records given
    whose stamp lies within the overlap before `stamp`."""

    stamp: str
    after_id: str = ""
    seen: tuple[str, ...] = ()

    @classmethod
    def beginning(cls, lookback: timedelta, now: datetime) -> Cursor:
        """Where a feed starts that was never read."""
        return cls(literal(now - lookback))

    @classmethod
    def read(cls, text: str) -> Cursor | None:
        """From its stored form; None when that cannot be read."""
        try:
            stored = exact_json.decode(text)
            stamp, after = literal(moment(stored["stamp"])), str(stored["after_id"])
            return cls(stamp, after, tuple(str(sign) for sign in stored["seen"]))
        except (ValueError, KeyError, TypeError):
            return None

    def text(self) -> str:
        """The stored form."""
        return exact_json.encode(
            {"stamp": self.stamp, "after_id": self.after_id, "seen": list(self.seen)}
        )

    def condition(self, overlap: timedelta) -> str:
        """The SOQL condition for what comes after this cursor."""
        if self.after_id:
            return (
                f"(SystemModstamp > {self.stamp} OR"
                f" (SystemModstamp = {self.stamp} AND Id > {quoted(self.after_id)}))"
            )
        return f"SystemModstamp >= {literal(moment(self.stamp) - overlap)}"

    def fresh(self, rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Rows that have not been given before."""
        known = set(self.seen)
        return [row for row in rows if mark(row) not in known]

    def advanced(
        self, rows: Sequence[Mapping[str, Any]], has_more: bool, overlap: timedelta
    ) -> Cursor:
        """The cursor after these rows, which were read in order."""
        if not rows:
            return Cursor(self.stamp, "", self.seen)
        newest = literal(moment(str(rows[-1]["SystemModstamp"])))
        stamp = max(newest, self.stamp)
        edge = literal(moment(stamp) - overlap)
        recent = [mark(row) for row in rows if literal(moment(row["SystemModstamp"])) >= edge]
        kept = dict.fromkeys([*self.seen, *recent])
        after = str(rows[-1]["Id"]) if has_more else ""
        return Cursor(newest if has_more else stamp, after, tuple(kept)[-_MOST_REMEMBERED:])


def mark(row: Mapping[str, Any]) -> str:
    """A short sign of one version of one record."""
    text = f"{row['Id']}@{row['SystemModstamp']}"
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def moment(stamp: str) -> datetime:
    """The vendor's datetime text."""
    return datetime.fromisoformat(stamp)


def literal(at: datetime) -> str:
    """A datetime as SOQL writes it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def quoted(text: str) -> str:
    """A string as SOQL writes it; the only way text from outside enters a query."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    for character, letter in (("\n", "n"), ("\r", "r"), ("\t", "t"), ("\b", "b"), ("\f", "f")):
        escaped = escaped.replace(character, f"\\{letter}")
    return f"'{escaped}'"
