"""Measures over the API: the readings of the page, by the same functions."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.http import HttpRequest
from django.utils import timezone
from ninja import Field, Router, Schema

from controltower.measures import targets
from controltower.measures.exposure import Scope
from controltower.measures.kpis import catalogue
from controltower.measures.kpis.measure import Measure, Window
from controltower.measures.models import Target
from controltower.web.api_access import caller, require_entity
from controltower.web.api_words import Text

router = Router()


class TargetOut(Schema):
    """What the firm wants a measure to be."""

    value: Decimal
    set_by: str
    set_at: datetime
    reason: str
    met: bool | None


class PartOut(Schema):
    """A part that the value adds up from."""

    label: str
    value: float
    records: int


class MeasureOut(Schema):
    """A reading, in `unit`: seconds, a share of 1, a count, or money in the reporting currency."""

    name: str
    title: str
    definition: str
    unit: str
    less_is_better: bool
    value: float | None
    before: float | None = Field(description="Of the 30 days before; null where not known.")
    trend: list[float | None] = Field(description="Oldest first; null where nothing happened.")
    records: int | None = Field(description="How many stand behind the value.")
    parts: list[PartOut]
    note: str = Field(description="What of the records is not told in the value, and why.")
    target: TargetOut | None


@router.get("/measures", response=list[MeasureOut], summary="Measures and their targets")
def measures(request: HttpRequest, entity: Text | None = None) -> list[MeasureOut]:
    """All of them, as they stand now."""
    person = caller(request)
    require_entity(person, entity)
    window, wanted = Window(Scope(person, entity or ""), timezone.now()), targets.in_force()
    return [_measure(one, window, wanted.get(one.name)) for one in catalogue.MEASURES]


def _measure(one: Measure, window: Window, target: Target | None) -> MeasureOut:
    reading = one.read(window)
    return MeasureOut(
        name=one.name,
        title=str(one.title),
        definition=str(one.definition),
        unit=one.unit,
        less_is_better=one.less,
        value=reading.value,
        before=reading.before,
        trend=list(reading.days),
        records=reading.records,
        note=reading.note,
        parts=[
            PartOut(label=str(part.label), value=part.value, records=part.records)
            for part in reading.parts
        ],
        target=_target(one, reading.value, target) if target else None,
    )


def _target(one: Measure, value: float | None, target: Target) -> TargetOut:
    return TargetOut(
        value=target.value,
        set_by=target.set_by.username,
        set_at=target.set_at,
        reason=target.reason,
        met=targets.is_met(one, value, target.value),
    )
