"""What a pretend vendor keeps: documents of a few kinds in one SQLite file, with when they changed.

One connection, used from one thread and never held across an await: what is done between two
awaits is one unit, and `transaction` makes it all or nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from integrations import exact_json

_TABLES = """
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS document (
    kind TEXT NOT NULL, id TEXT NOT NULL, content TEXT NOT NULL, version INTEGER NOT NULL,
    created TEXT NOT NULL, changed TEXT NOT NULL, gone INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (kind, id)
);
CREATE INDEX IF NOT EXISTS document_changed ON document (kind, changed, id);
"""


@dataclass(frozen=True)
class Document:
    """One record as it stands. `version` counts its writes from 1; times are UTC."""

    kind: str
    id: str
    content: Mapping[str, Any]
    version: int
    created: datetime
    changed: datetime
    gone: bool


class Store:
    """The documents of one vendor. Stamps strictly increase, so that no change hides another."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_TABLES)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def setting(self, name: str, default: str = "") -> str:
        """A named value."""
        found = self._db.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
        return str(found["value"]) if found else default

    def set(self, name: str, value: str) -> None:
        """Keep a named value."""
        self._db.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, value))

    def next_number(self, series: str) -> int:
        """The next number of a series, starting at 1."""
        number = int(self.setting(f"series:{series}", "0")) + 1
        self.set(f"series:{series}", str(number))
        return number

    def add(self, kind: str, content: Mapping[str, Any], number: str = "") -> Document:
        """Keep a new document, under the next number of its kind when none is given."""
        now = self._stamp()
        self._db.execute(
            "INSERT INTO document VALUES (?, ?, ?, 1, ?, ?, 0)",
            (kind, number or str(self.next_number(kind)), exact_json.encode(content), now, now),
        )
        return self._one("WHERE rowid = last_insert_rowid()")

    def change(self, kind: str, number: str, fields: Mapping[str, Any]) -> Document:
        """Set some members of a document. Raises KeyError."""
        content = {**self.get(kind, number).content, **fields}
        self._db.execute(
            "UPDATE document SET content = ?, version = version + 1, changed = ?"
            " WHERE kind = ? AND id = ?",
            (exact_json.encode(content), self._stamp(), kind, number),
        )
        return self.get(kind, number)

    def remove(self, kind: str, number: str) -> Document:
        """Mark a document as gone: `get` and `all` no longer find it, `since` does. Raises
        KeyError."""
        self.get(kind, number)
        self._db.execute(
            "UPDATE document SET gone = 1, version = version + 1, changed = ?"
            " WHERE kind = ? AND id = ?",
            (self._stamp(), kind, number),
        )
        return self._one("WHERE kind = ? AND id = ?", kind, number)

    def get(self, kind: str, number: str) -> Document:
        """The document of that number. Raises KeyError."""
        return self._one("WHERE kind = ? AND id = ? AND gone = 0", kind, number)

    def all(self, kind: str, **wanted: Any) -> list[Document]:
        """The documents of a kind, oldest first, whose members have these values."""
        found = self._many("WHERE kind = ? AND gone = 0 ORDER BY rowid", kind)
        return [one for one in found if wanted.items() <= one.content.items()]

    def since(self, kind: str, moment: datetime) -> list[Document]:
        """What has changed after a moment, gone ones too, in the order of their changes."""
        stamp = moment.astimezone(UTC).isoformat(timespec="microseconds")
        return self._many("WHERE kind = ? AND changed > ? ORDER BY changed, id", kind, stamp)

    def _one(self, where: str, *values: str) -> Document:
        found = self._many(where, *values)
        if not found:
            raise KeyError(" ".join(values))
        return found[0]

    def _many(self, where: str, *values: str) -> list[Document]:
        rows = self._db.execute(f"SELECT * FROM document {where}", values)
        return [
            Document(
                row["kind"], row["id"], exact_json.decode(row["content"]), row["version"],
                datetime.fromisoformat(row["created"]), datetime.fromisoformat(row["changed"]),
                bool(row["gone"]),
            )
            for row in rows
        ]  # fmt: skip

    def _stamp(self) -> str:
        last = datetime.fromisoformat(self.setting("last_stamp", "2000-01-01T00:00:00+00:00"))
        now = max(datetime.now(UTC), last + timedelta(microseconds=1))
        self.set("last_stamp", now.isoformat(timespec="microseconds"))
        return now.isoformat(timespec="microseconds")
