"""What was changed and what was deleted between two times, as replicating clients ask for it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from integrations.sandbox.salesforce.errors import Refused
from integrations.sandbox.salesforce.query import select
from integrations.sandbox.salesforce.store import Store
from integrations.sandbox.salesforce.values import stamp

_NAMES = ("start", "end")


def updated(store: Store, name: str, query: Mapping[str, str]) -> dict[str, Any]:
    """The ids of records that are there and changed within. Raises Refused."""
    rows, end = _between(store, name, query, "IsDeleted = false")
    return {"ids": [row["Id"] for row in rows], "latestDateCovered": end}


def deleted(store: Store, name: str, query: Mapping[str, str]) -> dict[str, Any]:
    """The records that were deleted within, and when. Raises Refused."""
    rows, end = _between(store, name, query, "IsDeleted = true")
    gone = [{"id": row["Id"], "deletedDate": row["SystemModstamp"]} for row in rows]
    return {"deletedRecords": gone, "earliestDateAvailable": query["start"],
            "latestDateCovered": end}  # fmt: skip


def _between(
    store: Store, name: str, query: Mapping[str, str], condition: str
) -> tuple[list[dict[str, Any]], str]:
    start, end = (_time(query, one) for one in _NAMES)
    if start >= end:
        raise Refused(400, "INVALID_REPLICATION_DATE", "startDate must be before endDate")
    text = (
        f"SELECT Id, SystemModstamp FROM {name} WHERE {condition}"
        f" AND SystemModstamp >= {start} AND SystemModstamp < {end} ORDER BY SystemModstamp, Id"
    )
    return select(text, include_deleted=True).run(store), end


def _time(query: Mapping[str, str], name: str) -> str:
    try:
        found = datetime.fromisoformat(query[name])
    except (KeyError, ValueError):
        raise Refused(400, "MALFORMED_QUERY", f"{name} must be a date and time") from None
    if found.tzinfo is None:
        raise Refused(400, "MALFORMED_QUERY", f"{name} must have a zone")
    return stamp(found)
