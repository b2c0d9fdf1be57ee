"""A place on a project as far as it takes somebody's time, as every PSA tells it."""

from __future__ import annotations

from typing import Any

from controltower.canonical.records import Assignment


def taken(place: Assignment) -> dict[str, Any]:
    """Days, planned hours, and what an hour of it is worth. Nobody is named."""
    return {
        "source_id": place.source_id,
        "project": place.project.name if place.project else "",
        "status": place.status,
        "from_date": place.from_date,
        "to_date": place.to_date,
        "hours": place.hours,
        "rate": place.rate,
        "currency": place.currency,
    }
