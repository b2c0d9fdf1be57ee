"""A folder of a document library as the place of a project's papers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from controltower.canonical.verdicts import Done, Outcome
from integrations.connector import Key
from integrations.graph import content_of
from integrations.http import Answer
from integrations.shape import Row, at, object_of, required, text

FORBIDDEN = '"*:<>?/\\|'
LONGEST = 250


def unfit(name: str) -> str:
    """Why the library would not take a name, or ""."""
    if not name or len(name) > LONGEST:
        return f"A folder's name has from 1 to {LONGEST} characters."
    if any(sign in FORBIDDEN for sign in name):
        return f"A folder's name has none of {' '.join(FORBIDDEN)}"
    if name != name.strip() or name.endswith("."):
        return "A folder's name neither begins nor ends with a space, nor ends with a full stop."
    return ""


def folder(row: Row) -> dict[str, Any]:
    """A folder in canonical words. Raises Drift, for a file too."""
    object_of(at(row, "folder"))
    return {
        "source_id": required(row, "id"),
        "name": required(row, "name"),
        "title": _title(row),
        "url": required(row, "webUrl"),
    }


def shown(answer: Answer, outcome: Outcome = Outcome.READ) -> Done:
    """The folder that an answer tells of. Raises Drift."""
    row = content_of(answer)
    values = folder(row)
    return Done(
        ref=values["source_id"],
        outcome=outcome,
        version=required(row, "eTag"),
        values=values,
        exchange=answer.exchange,
    )


def names(rows: Sequence[Row]) -> Collection[str]:
    """The names of items. Raises Drift."""
    return {required(row, "name") for row in rows}


def key_of(row: Row) -> Key:
    """What reconciliation compares. Raises Drift."""
    return Key(required(row, "id"), required(row, "name"), required(row, "eTag"))


def _title(row: Row) -> str:
    """The title column; an item that nobody gave one has no such member."""
    fields = object_of(at(row, "listItem.fields"))
    return text(fields, "Title") if "Title" in fields else ""
