"""What a company of the firm is, as a policy for each: whoever changes one needs a second person.

Its code never changes, since everything of it is found by that; its currency not once it has books,
which the room that keeps them watches (`transactions/agreed_companies.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import available_timezones

from babel import Locale

from controltower.canonical.money import MINOR_UNITS
from controltower.firm.models import LegalEntity, Period, PolicyVersion
from controltower.firm.policies import BadPolicy

KIND = "company"
Content = Mapping[str, Any]
Objection = tuple[str, str]
"""Which field of a content is wrong, and what to write."""

CODE = re.compile(r"[A-Z0-9][A-Z0-9-]{1,15}\Z")
REGION = re.compile(r"[A-Z][A-Z0-9-]{0,15}\Z")
MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])\Z")
NO_COUNTRIES = frozenset({"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"})
COUNTRIES = frozenset(
    str(code)
    for code in Locale("en").territories
    if len(str(code)) == 2 and code not in NO_COUNTRIES
)
LONGEST_GATHERING = 31 * 24 * 60
MOST_TOLERATED, MOST_HOURS = Decimal(10) ** 6, Decimal(1000)
USUAL = {
    "residency": "", "gathering_minutes": 240, "revenue_tolerance": "1", "staffing_tolerance": "8",
}  # fmt: skip
"""What a company is where nothing else is said of it."""
FIELDS = (
    "name", "country", "currency", "zone", "residency", "gathering_minutes", "revenue_tolerance",
    "staffing_tolerance", "first_open_month",
)  # fmt: skip
CLOSED_BEFORE, OPEN_FROM = 11, 4
"""Months before the first open one that are closed, and months from it on that are open, until an
ERP says how it is."""


def content_of(entity: LegalEntity) -> dict[str, Any]:
    """A company that is there, as a policy writes it down. Its months are said once, when it is
    new."""
    return {
        "name": entity.name,
        "country": entity.country,
        "currency": entity.currency,
        "zone": entity.zone,
        "residency": entity.residency,
        "gathering_minutes": -(-entity.gather_for // timedelta(minutes=1)),
        "revenue_tolerance": f"{entity.revenue_tolerance.normalize():f}",
        "staffing_tolerance": f"{entity.staffing_tolerance.normalize():f}",
    }


def objections(about: str, content: Content, *, is_new: bool = True) -> Iterator[Objection]:
    """Everything that is wrong with a company as it is written."""
    if not CODE.match(about):
        yield "code", f"“{about}” is no code: write 2 to 16 of A-Z, 0-9 and dash, such as FE-DE."
    said = {**USUAL, **content}
    name = said.get("name")
    if not isinstance(name, str) or not 0 < len(name.strip()) <= 120:
        yield "name", "Write the company's name, in up to 120 characters."
    if said.get("country") not in COUNTRIES:
        yield "country", f"“{said.get('country')}” is no country: write two letters, such as DE."
    if said.get("currency") not in MINOR_UNITS:
        words = f"“{said.get('currency')}” is no currency: write its ISO 4217 code, such as EUR."
        yield "currency", words
    if said.get("zone") not in available_timezones():
        yield "zone", f"There is no time zone “{said.get('zone')}”: write one as Europe/Berlin."
    region = said["residency"]
    if not isinstance(region, str) or (region and not REGION.match(region)):
        yield "residency", f"“{region}” is no region: write one as the systems have it, such as EU."
    yield from _amounts(said)
    month = said.get("first_open_month", "")
    if (is_new or month) and not (isinstance(month, str) and MONTH.match(month)):
        yield "first_open_month", f"“{month}” is no month: write one as 2026-11."


def _amounts(said: Content) -> Iterator[Objection]:
    minutes = said["gathering_minutes"]
    if type(minutes) is not int or not 0 <= minutes <= LONGEST_GATHERING:
        words = f"Write whole minutes from 0 to {LONGEST_GATHERING}; 240 are four hours."
        yield "gathering_minutes", words
    if not _is_within(said["revenue_tolerance"], MOST_TOLERATED):
        yield "revenue_tolerance", f"Write an amount from 0 to {MOST_TOLERATED}."
    if not _is_within(said["staffing_tolerance"], MOST_HOURS):
        yield "staffing_tolerance", f"Write hours from 0 to {MOST_HOURS}."


def _is_within(tolerance: object, most: Decimal) -> bool:
    try:
        number = Decimal(str(tolerance))
    except InvalidOperation:
        return False
    return number.is_finite() and 0 <= number <= most


def check(about: str, content: object) -> None:
    """Raises BadPolicy with everything that is wrong."""
    if not isinstance(content, dict):
        raise BadPolicy("A company is a name, a country, a currency and a time zone.")
    is_new = not LegalEntity.objects.filter(code=about).exists()
    wrong = [words for _field, words in objections(about, content, is_new=is_new)]
    if wrong:
        raise BadPolicy(" ".join(wrong))


def apply(version: PolicyVersion) -> None:
    """Make the company what the version says; a new one gets its first months."""
    set_up(version.about, version.content)


def set_up(code: str, content: Content) -> LegalEntity:
    """The company as it is written down; which of its months are open is said once, when it is
    new."""
    said = {**USUAL, **content}
    entity, is_new = LegalEntity.objects.update_or_create(
        code=code,
        defaults={
            "name": said["name"],
            "country": said["country"],
            "currency": said["currency"],
            "zone": said["zone"],
            "residency": said["residency"],
            "gather_for": timedelta(minutes=said["gathering_minutes"]),
            "revenue_tolerance": Decimal(str(said["revenue_tolerance"])),
            "staffing_tolerance": Decimal(str(said["staffing_tolerance"])),
        },
    )
    if is_new:
        open_from(entity, said["first_open_month"])
    return entity


def open_from(entity: LegalEntity, month: str) -> None:
    """The months around the first open one ("2026-11"): those before it are closed."""
    first = int(month[:4]) * 12 + int(month[5:]) - 1
    Period.objects.bulk_create(
        [
            Period(entity=entity, month=f"{one // 12}-{one % 12 + 1:02d}", closed=one < first)
            for one in range(first - CLOSED_BEFORE, first + OPEN_FROM)
        ],
        ignore_conflicts=True,
    )
