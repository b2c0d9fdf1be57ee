"""The pretend account's one database: SQLite, taught the little of Snowflake's SQL that is sent.

Queries run as they are, over functions that Snowflake has and SQLite lacks; a MERGE runs as the
UPDATE and the INSERT that it is made of. NUMBER is kept as text, so that no cent is lost.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path

_MERGE = re.compile(
    r"MERGE INTO (?P<table>\w+) AS T USING \( ?(?P<source>SELECT .+?) ?\) AS S "
    r"ON T\.(?P<key>\w+) = S\.(?P=key) WHEN MATCHED THEN UPDATE SET (?P<sets>.+?) "
    r"WHEN NOT MATCHED THEN INSERT \((?P<columns>[^)]+)\) VALUES \((?P<values>.+)\)"
)
_TABLE = re.compile(r"CREATE TABLE (?P<name>\w+) \((?P<columns>.+)\)", re.DOTALL)
_TYPES = {"VARCHAR": "TEXT", "NUMBER": "TEXT", "TIMESTAMP_NTZ": "TEXT"}
COUNTS = ("number of rows inserted", "number of rows updated")


class Failed(Exception):
    """A statement was not carried out; the vendor's code, SQL state and words."""

    def __init__(self, code: str, state: str, message: str) -> None:
        super().__init__(message)
        self.code, self.state, self.message = code, state, message


@dataclass(frozen=True)
class Table:
    """What a statement answered."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str | None]]


class Warehouse:
    """One database. Its clock strictly increases, so that no load hides another."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._last = datetime(2000, 1, 1, tzinfo=UTC)
        self._refusal = ""
        self._db.create_function("SYSDATE", 0, self._now)
        self._db.create_function("TO_DECIMAL", 3, self._decimal)
        self._db.create_function("TO_VARCHAR", 1, lambda value: value)
        self._db.create_function("TO_VARCHAR", 2, lambda value, _form: f"{value}Z")
        self._db.create_function("TO_TIMESTAMP_NTZ", 1, _timestamp)

    def define(self, definition: str) -> None:
        """Make a table; one that is there is given the columns that it lacks."""
        for ours, theirs in _TYPES.items():
            definition = re.sub(rf"\b{ours}\b(\(\d+, \d+\))?", theirs, definition)
        self._db.execute(definition.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS", 1))
        described = _TABLE.search(definition)
        assert described is not None
        name = described["name"]
        there = {row[1] for row in self._db.execute(f"PRAGMA table_info({name})")}
        for column in map(str.strip, described["columns"].split(",")):
            if column.split()[0] not in there:
                self._db.execute(f"ALTER TABLE {name} ADD COLUMN {column}")

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def run(self, statement: str, bindings: Mapping[str, str | None]) -> Table:
        """Carry a statement out, all or nothing. Raises Failed."""
        values = [bindings[number] for number in sorted(bindings, key=int)]
        text = " ".join(statement.split())
        self._refusal = ""
        try:
            if merge := _MERGE.fullmatch(text):
                return self._merge(merge, values)
            if not text.upper().startswith("SELECT "):
                raise Failed("001003", "42000", "SQL compilation error: not of this sandbox")
            found = self._db.execute(text, values)
            return Table(
                [column[0] for column in found.description],
                [[None if v is None else str(v) for v in row] for row in found],
            )
        except sqlite3.Error as problem:
            if self._refusal:
                raise Failed("100038", "22018", self._refusal) from None
            raise Failed("001003", "42000", f"SQL compilation error: {problem}") from None

    def _merge(self, merge: re.Match[str], values: Sequence[str | None]) -> Table:
        part = merge.groupdict()
        source, table, key = f"WITH S AS ({part['source']})", part["table"], part["key"]
        self._db.execute("BEGIN IMMEDIATE")
        try:
            updated = self._db.execute(
                f"{source} UPDATE {table} AS T SET {part['sets']} FROM S WHERE T.{key} = S.{key}",
                values,
            ).rowcount
            inserted = self._db.execute(
                f"{source} INSERT INTO {table} ({part['columns']}) SELECT {part['values']} FROM S"
                f" WHERE NOT EXISTS (SELECT 1 FROM {table} AS T WHERE T.{key} = S.{key})",
                values,
            ).rowcount
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
        return Table(COUNTS, [[str(inserted), str(updated)]])

    def double(self, table: str, key: str, value: str) -> int:
        """Add a second row of a key: Snowflake keeps no key unique. How many were added."""
        return self._db.execute(
            f"INSERT INTO {table} SELECT * FROM {table} WHERE {key} = ?", (value,)
        ).rowcount

    def _now(self) -> str:
        self._last = max(datetime.now(UTC), self._last + timedelta(microseconds=1))
        return self._last.replace(tzinfo=None).isoformat(timespec="microseconds")

    def _decimal(self, value: str | None, precision: int, scale: int) -> str | None:
        if value is None:
            return None
        try:
            number = Decimal(value)
            whole = precision - scale
            if not number.is_finite() or (number and number.adjusted() >= whole):
                raise InvalidOperation
        except InvalidOperation:
            self._refusal = f"Numeric value '{value}' is not recognized"
            raise
        return format(number.quantize(Decimal(1).scaleb(-scale)), "f")


def _timestamp(text: str) -> str:
    return datetime.fromisoformat(text).isoformat(timespec="microseconds")
