"""What the org tells of its changes: an event per record and transaction, kept for three days.

Events are written in the transaction that they tell of. Replay ids are opaque to whoever listens:
here the age of the bus and a number, so that an id of an older bus, or of a forgotten event, is
known as such.
"""

from __future__ import annotations

import json
import sqlite3
import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

RETENTION = timedelta(hours=72)
WAYS = ("events", "gaps", "overflow")
"""How a change is told: in full, by its record alone when the vendor could not make the event, or
not at all when a transaction had too many of them."""
_NO_RECORD = "000000000000000AAA"
_REPLAY_ID = struct.Struct(">II")


@dataclass(frozen=True, slots=True)
class Happening:
    """One change: `values` are the fields that were set, in stored form, and `refs` the records.
    `kind` is the vendor's changeType."""

    number: int
    object: str
    kind: str
    refs: tuple[str, ...]
    values: Mapping[str, Any]
    committed_at: int


class Lost(Exception):
    """A replay id from which nothing can be told; `code` is the vendor's."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = f"sfdc.platform.eventbus.grpc.subscription.fetch.replayid.{code}"


class Bus:
    """The events of one org, in its database."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.way = WAYS[0]
        self._db = db
        db.execute(
            "CREATE TABLE IF NOT EXISTS happening (number INTEGER PRIMARY KEY AUTOINCREMENT,"
            " object TEXT NOT NULL, kind TEXT NOT NULL, refs TEXT NOT NULL, content TEXT NOT NULL,"
            " committed_at INTEGER NOT NULL)"
        )
        db.execute("CREATE INDEX IF NOT EXISTS happening_object ON happening (object, number)")
        db.execute("CREATE TABLE IF NOT EXISTS bus (age INTEGER NOT NULL)")
        if self._one("SELECT age FROM bus") is None:
            db.execute("INSERT INTO bus VALUES (1)")

    def tell(self, name: str, kind: str, refs: Collection[str], values: Mapping[str, Any]) -> None:
        """Note a change, in the transaction that makes it."""
        if self.way == "gaps":
            kind, values = f"GAP_{kind}", {}
        if self.way == "overflow":
            kind, refs, values = "GAP_OVERFLOW", [_NO_RECORD], {}
        self._forget()
        at = int(datetime.now(UTC).timestamp() * 1000)
        self._db.execute(
            "INSERT INTO happening (object, kind, refs, content, committed_at)"
            " VALUES (?, ?, ?, ?, ?)",
            (name, kind, " ".join(refs), json.dumps(dict(values)), at),
        )

    def after(self, name: str, number: int, most: int) -> list[Happening]:
        """The next events of an object, in order."""
        rows = self._db.execute(
            "SELECT number, object, kind, refs, content, committed_at FROM happening"
            " WHERE object = ? AND number > ? AND committed_at > ? ORDER BY number LIMIT ?",
            (name, number, _oldest(), most),
        )
        return [
            Happening(number, name, kind, tuple(refs.split()), json.loads(content), at)
            for number, name, kind, refs, content, at in rows
        ]

    def tip(self) -> int:
        """The number of the newest event."""
        found = self._one("SELECT seq FROM sqlite_sequence WHERE name = 'happening'")
        return int(found or 0)

    def replay_id(self, number: int) -> bytes:
        """The opaque name of an event's place."""
        return _REPLAY_ID.pack(int(self._one("SELECT age FROM bus") or 0), number)

    def number_of(self, replay_id: bytes) -> int:
        """The place that a replay id names. Raises Lost."""
        try:
            age, number = _REPLAY_ID.unpack(replay_id)
        except struct.error:
            raise Lost("corrupted") from None
        if age != self._one("SELECT age FROM bus"):
            raise Lost("validation.failed")
        old = "SELECT max(number) FROM happening WHERE committed_at <= ?"
        gone = int(self._one(old, _oldest()) or 0)
        if number > self.tip() or number < gone:
            raise Lost("validation.failed")
        return int(number)

    def begin_anew(self) -> None:
        """The vendor has moved the org: what was told is gone, and every replay id with it."""
        self._db.execute("DELETE FROM happening")
        self._db.execute("UPDATE bus SET age = age + 1")

    def age(self) -> None:
        """Three days pass over all that was told."""
        self._db.execute("UPDATE happening SET committed_at = 0")

    def _forget(self) -> None:
        """Let go of what is long past; the newest of it stays, to know ids that are too old by."""
        self._db.execute(
            "DELETE FROM happening WHERE number < coalesce((SELECT max(number) FROM happening"
            " WHERE number < (SELECT min(number) + 500 FROM happening) AND committed_at <= ?), 0)",
            (_oldest(),),
        )

    def _one(self, sql: str, *parameters: object) -> Any:
        found = self._db.execute(sql, parameters).fetchone()
        return None if found is None else found[0]


def _oldest() -> int:
    """The moment before which events are forgotten, in epoch milliseconds."""
    return int((datetime.now(UTC) - RETENTION).timestamp() * 1000)
