"""Requests for time off as the pretend account keeps and shows them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from integrations.sandbox.store import Document

KIND = "time off"
_DAY = Decimal(8)


def requested(employee: Document, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """A request of an employee: `start` (today), `end` (the same), `unit` ("hours"), `hours` a day
    (8), `status` ("approved"). Weekends are no days off."""
    first = date.fromisoformat(str(wanted.get("start") or datetime.now(UTC).date()))
    last = date.fromisoformat(str(wanted.get("end") or first))
    unit = str(wanted.get("unit", "hours"))
    a_day = Decimal(str(wanted.get("hours", _DAY))) if unit == "hours" else Decimal(1)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    dates = {str(on): a_day if on.weekday() < 5 else Decimal(0) for on in days}
    return {
        "employeeId": employee.id,
        "name": f"{employee.content['firstName']} {employee.content['lastName']}",
        "start": str(first),
        "end": str(last),
        "created": str(datetime.now(UTC).date()),
        "unit": unit,
        "dates": {on: str(off) for on, off in dates.items()},
        "status": str(wanted.get("status", "approved")),
    }


def asked_for(request: Document, query: Mapping[str, str]) -> bool:
    """Whether a listing shows a request: some of its days lie within the window, and it is as is
    asked."""
    content, statuses = request.content, query.get("status", "")
    return (
        content["end"] >= query["start"]
        and content["start"] <= query["end"]
        and query.get("id", request.id) == request.id
        and query.get("employeeId", content["employeeId"]) == content["employeeId"]
        and (not statuses or content["status"] in statuses.split(","))
    )


def shown(request: Document, query: Mapping[str, str]) -> dict[str, Any]:
    """A request on the wire."""
    content = request.content
    dates = {on: Decimal(off) for on, off in content["dates"].items()}
    notes = {} if query.get("excludeNote") else {"notes": {"employee": "", "manager": ""}}
    return {
        "id": int(request.id),
        "employeeId": int(content["employeeId"]),
        "status": {
            "status": content["status"],
            "lastChanged": str(request.changed.date()),
            "lastChangedByUserId": 1,
        },
        "name": content["name"],
        "start": content["start"],
        "end": content["end"],
        "created": content["created"],
        "type": {"id": 78, "name": "Vacation", "icon": "palm-trees"},
        "amount": {"unit": content["unit"], "amount": sum(dates.values(), Decimal(0))},
        "actions": {"view": True},
        "dates": dates,
        **notes,
    }
