"""The org's data in one SQLite file: a table per object, every write inside a transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from integrations.sandbox.salesforce import ids
from integrations.sandbox.salesforce.bus import Bus
from integrations.sandbox.salesforce.schema import OBJECTS, Field, SObject, Type
from integrations.sandbox.salesforce.values import Column, stamp

Row = dict[str, Any]
_KINDS: Mapping[object, str] = {1: "DELETE", 0: "UNDELETE"}
"""How a change is told that puts a record into the recycle bin, or takes it out again."""


class Store:
    """Rows of every object. One connection, used from one thread; never held across an await.

    All rows written in one transaction share one SystemModstamp, and stamps of successive
    transactions strictly increase: equal stamps are normal in a real org, reordered ones are not.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._depth = 0
        self._stamp = ""
        self._prepare()
        self.bus = Bus(self._db)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _prepare(self) -> None:
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL)"
        )
        for sobject in OBJECTS.values():
            columns = ", ".join(_definition(f) for f in sobject.fields.values())
            table = sobject.name
            self._db.execute(f"CREATE TABLE IF NOT EXISTS {table} ({columns})")
            self._grow(table, sobject.fields.values())
            self._db.execute(
                f"CREATE INDEX IF NOT EXISTS {table}_stamp ON {table} (SystemModstamp, Id)"
            )
            for field in sobject.fields.values():
                if field.external or field.to:
                    self._db.execute(
                        f"CREATE INDEX IF NOT EXISTS {table}_{field.name}"
                        f" ON {table} ({field.name} COLLATE NOCASE)"
                    )

    def _grow(self, table: str, fields: Iterable[Field]) -> None:
        """Fields that a newer version of the org has come to know."""
        there = {row["name"] for row in self._db.execute(f"PRAGMA table_info({table})")}
        for field in fields:
            if field.name not in there:
                self._db.execute(f"ALTER TABLE {table} ADD COLUMN {_definition(field)}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; nested blocks are save points that can fail alone."""
        self._depth += 1
        name = f"s{self._depth}"
        self._db.execute("BEGIN IMMEDIATE" if self._depth == 1 else f"SAVEPOINT {name}")
        try:
            if self._depth == 1:
                self._stamp = self._next_stamp()
            yield
        except BaseException:
            undo = "ROLLBACK" if self._depth == 1 else f"ROLLBACK TO {name}"
            self._db.execute(undo)
            raise
        else:
            self._db.execute("COMMIT" if self._depth == 1 else f"RELEASE {name}")
        finally:
            self._depth -= 1

    @property
    def stamp(self) -> str:
        """What is written in this transaction is stamped so."""
        return self._stamp

    def _next_stamp(self) -> str:
        now = datetime.now(UTC)
        last = datetime.fromisoformat(self.setting("last_stamp", "2000-01-01T00:00:00.000+0000"))
        self.set("last_stamp", stamp(max(now, last + timedelta(milliseconds=1))))
        return self.setting("last_stamp", "")

    def setting(self, name: str, default: str) -> str:
        """A named value kept beside the data."""
        found = self._db.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
        return str(found[0]) if found else default

    def set(self, name: str, value: str) -> None:
        """Keep a named value."""
        self._db.execute(
            "INSERT INTO setting VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, value),
        )

    def next_number(self, series: str) -> int:
        """The next number of a series, starting at 1."""
        number = int(self.setting(f"series:{series}", "0")) + 1
        self.set(f"series:{series}", str(number))
        return number

    def insert(self, sobject: SObject, values: Mapping[str, Column]) -> Row:
        """Add a row with a new id; returns it whole."""
        row: Row = {f.name: 0 if f.type is Type.BOOLEAN else None for f in sobject.fields.values()}
        row |= values
        row["Id"] = ids.make(sobject.prefix, self.next_number(f"id:{sobject.name}"))
        if sobject.number:
            row["Name"] = sobject.number.format(self.next_number(f"name:{sobject.name}"))
        for name in ("CreatedDate", "LastModifiedDate", "SystemModstamp"):
            row[name] = self._stamp
        marks = ", ".join("?" for _ in row)
        self._db.execute(
            f"INSERT INTO {sobject.name} ({', '.join(row)}) VALUES ({marks})", list(row.values())
        )
        told = {name: value for name, value in row.items() if value is not None}
        self.bus.tell(sobject.name, "CREATE", [row["Id"]], told)
        return row

    def update(self, sobject: SObject, ref: str, values: Mapping[str, Column]) -> None:
        """Change a row and its stamps."""
        changed = {**values, "LastModifiedDate": self._stamp, "SystemModstamp": self._stamp}
        sets = ", ".join(f"{name} = ?" for name in changed)
        self._db.execute(f"UPDATE {sobject.name} SET {sets} WHERE Id = ?", [*changed.values(), ref])
        self.bus.tell(sobject.name, _KINDS.get(values.get("IsDeleted"), "UPDATE"), [ref], changed)

    def row(self, sobject: SObject, ref: str) -> Row | None:
        """The row of that id, deleted or not."""
        return self.first(f"SELECT * FROM {sobject.name} WHERE Id = ?", [ref])

    def matching(self, sobject: SObject, field: Field, value: object) -> list[Row]:
        """Live rows whose field equals the value, ignoring case as the vendor does."""
        return self.rows(
            f"SELECT * FROM {sobject.name} WHERE {field.name} = ? COLLATE NOCASE"
            " AND IsDeleted = 0 ORDER BY Id",
            [value],
        )

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Every row of a query."""
        return [dict(row) for row in self._db.execute(sql, parameters)]

    def first(self, sql: str, parameters: Sequence[object] = ()) -> Row | None:
        """The first row of a query, or None."""
        found = self._db.execute(sql, parameters).fetchone()
        return dict(found) if found else None


def _definition(field: Field) -> str:
    if field.type is Type.ID:
        return "Id TEXT PRIMARY KEY"
    return f"{field.name} {'INTEGER NOT NULL DEFAULT 0' if field.type is Type.BOOLEAN else 'TEXT'}"
