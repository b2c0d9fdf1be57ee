"""The working calendars of the legal entities, as agreed upon or else as their country has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, time
from typing import Any
from zoneinfo import available_timezones

import holidays

from controltower.canonical.calendar import MIDNIGHT, Calendar
from controltower.firm.models import LegalEntity
from controltower.firm.policies import BadPolicy, contents

KIND = "calendar"
Content = Mapping[str, Any]
LATEST_MONTH_DAY = 15
"""Later, a month would be open when the one after it ends."""
USUAL_MONTH = {"month_day": 3, "month_time": "18:00"}
"""Also what a calendar says that was agreed upon before calendars spoke of months."""


def usual(entity: LegalEntity) -> dict[str, Any]:
    """What a calendar says before anything else was agreed upon: Monday to Friday, nine to half
    past five in the entity's zone, with the public holidays of its country; months end on the
    third working day at six."""
    country = entity.country if entity.country in holidays.list_supported_countries() else ""
    return {
        "zone": entity.zone,
        "opens": "09:00",
        "closes": "17:30",
        "weekdays": [0, 1, 2, 3, 4],
        "country": country,
        "region": "",
        "own_days": [],
        "cut_off": "",
        **USUAL_MONTH,
    }


def of_entities(entities: Mapping[str, LegalEntity]) -> dict[str, Calendar]:
    """The calendar of each entity by its code."""
    agreed = contents(KIND)
    return {code: read(agreed.get(code) or usual(one)) for code, one in entities.items()}


def of_entity(entity: LegalEntity | None) -> Calendar:
    """The calendar of one entity; UTC's for what belongs to none."""
    return of_entities({entity.code: entity})[entity.code] if entity else Calendar()


def read(content: Content) -> Calendar:
    """A calendar as it was written down."""
    month = {**USUAL_MONTH, **content}
    return Calendar(
        zone=content["zone"],
        opens=time.fromisoformat(content["opens"]),
        closes=time.fromisoformat(content["closes"]),
        weekdays=frozenset(content["weekdays"]),
        country=content["country"],
        region=content["region"],
        own_days=frozenset(date.fromisoformat(day) for day, _name in content["own_days"]),
        cut_off=time.fromisoformat(content["cut_off"]) if content["cut_off"] else None,
        month_day=int(month["month_day"]),
        month_time=time.fromisoformat(month["month_time"]),
    )


def check(about: str, content: object) -> None:
    """Raises BadPolicy unless it is the calendar of an entity, with some working time in it."""
    if not LegalEntity.objects.filter(code=about).exists():
        raise BadPolicy(f"There is no legal entity “{about}”.")
    try:
        calendar = read(content)  # type: ignore[arg-type]
    except (KeyError, TypeError, ValueError):
        raise BadPolicy("The calendar's days and hours cannot be read.") from None
    for wrong, words in _objections(calendar):
        if wrong:
            raise BadPolicy(words)


def _objections(calendar: Calendar) -> Iterator[tuple[bool, str]]:
    """What may be wrong with a calendar, whether it is, and how that is said."""
    yield (
        calendar.zone not in available_timezones(),
        f"There is no time zone “{calendar.zone}”.",
    )
    yield (
        not calendar.weekdays or not calendar.weekdays <= frozenset(range(7)),
        "At least one day of the week is a working day.",
    )
    yield (
        calendar.opens >= calendar.closes != MIDNIGHT,
        "A working day ends after it begins.",
    )
    yield (
        not 1 <= calendar.month_day <= LATEST_MONTH_DAY,
        f"A month is complete on working day 1 to {LATEST_MONTH_DAY} of the next.",
    )
    regions = holidays.list_supported_countries().get(calendar.country)
    yield (
        bool(calendar.country) and regions is None,
        f"The public holidays of “{calendar.country}” are not known.",
    )
    yield (
        bool(calendar.region) and calendar.region not in (regions or ()),
        f"“{calendar.region}” is no region of “{calendar.country}”.",
    )
