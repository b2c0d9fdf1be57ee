"""Nothing is booked before its day has come in its company's own calendar."""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from controltower.processes.definition import Entity, Hold


def too_early(entity: Entity, on: date, now: datetime, done: str) -> Hold | None:
    """Wait for a day that is still to come; `done` says what happens then: "Billed"."""
    if on <= entity.today(now):
        return None
    start = datetime.combine(on, time(), tzinfo=ZoneInfo(entity.zone))
    return Hold("schedule", f"{done} on {on:%d %B %Y}, when the next open period begins.", start)
