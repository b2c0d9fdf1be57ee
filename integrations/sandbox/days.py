"""The days of the pretend firm: each of its companies lives by its own calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from integrations.sandbox.firm import ENTITIES

ZONE_OF = {entity.code: ZoneInfo(entity.zone) for entity in ENTITIES}


def today(entity: str) -> date:
    """The day that it is where the company works: nothing is booked there before it has come."""
    return datetime.now(ZONE_OF.get(entity, UTC)).date()
