"""SuiteQL over the pretend account: its records as tables of SQLite, read and thrown away."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

Tables = Mapping[str, tuple[Sequence[str], Sequence[Mapping[str, Any]]]]
"""Table to its columns and rows."""
_DISPLAY = re.compile(r"BUILTIN\.DF\((\w+)\)", re.IGNORECASE)
_READS = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION}


class Unreadable(Exception):
    """A query that the vendor would not run; the text says why."""


def asked(query: str, tables: Tables) -> list[dict[str, str]]:
    """The rows that a query finds: every value as text, empty ones left out. Raises Unreadable."""
    db = sqlite3.connect(":memory:")
    for name, (columns, rows) in tables.items():
        db.execute(f'CREATE TABLE "{name}" ({", ".join(columns)})')
        marks = ", ".join("?" * len(columns))
        values = [tuple(row.get(column) for column in columns) for row in rows]
        db.executemany(f'INSERT INTO "{name}" VALUES ({marks})', values)
    db.create_function("NVL", 2, lambda value, other: other if value is None else value)
    db.create_function("TO_DATE", 2, lambda value, _form: value)
    db.create_function("TO_TIMESTAMP", 2, lambda value, _form: value)
    db.create_function("TO_CHAR", 2, lambda value, _form: str(value).replace(" ", "T"))
    db.set_authorizer(lambda act, *_: sqlite3.SQLITE_OK if act in _READS else sqlite3.SQLITE_DENY)
    readable = _DISPLAY.sub(r"\1_df", query).replace(" transaction ", ' "transaction" ')
    readable = readable.replace("l.transaction ", 'l."transaction" ')
    try:
        cursor = db.execute(readable)
        found = cursor.fetchall()
    except sqlite3.Error as problem:
        raise Unreadable(str(problem)) from None
    finally:
        db.close()
    if cursor.description is None:
        raise Unreadable("there is no query")
    names = [column[0] for column in cursor.description]
    return [
        {name: str(value) for name, value in zip(names, row, strict=True) if value is not None}
        for row in found
    ]
