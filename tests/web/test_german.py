"""The German catalogue is whole, keeps every placeholder, and is heard on the pages."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from django.conf import settings as product
from django.utils import timezone, translation
from pytest_django.fixtures import Settings

from controltower.canonical.money import Money
from controltower.firm.models import Person
from controltower.web import catalogues, formats, sayings, wording
from tests.browser import world
from tests.factories import signed_in
from tests.web import leftovers

SOURCE = product.CATALOGUES / "de" / "LC_MESSAGES" / "django.po"
HOLE = re.compile(r"%\(\w+\)[sd]|\{\w+(?::[^}]*)?\}|%%")
TOLD = (
    "tower", "processes", "process", "transactions", "transaction refused", "exceptions",
    "transaction verified", "transaction period closed", "exception", "measures", "mappings",
    "mapping", "systems", "system", "incidents", "incident", "run", "runbooks", "assurance",
    "promises",
)  # fmt: skip


@cache
def german() -> Catalog:
    """The catalogue as it is kept."""
    return catalogues.read(SOURCE)


def test_days_are_written_as_germans_write_them() -> None:
    christmas = date(2026, 12, 25)
    with translation.override("de"):
        assert formats.short_day(christmas) == "25. Dez."
    with translation.override("en"):
        assert "Dec" in formats.short_day(christmas)


def test_what_the_sources_say_is_said_in_german() -> None:
    """What is in the catalogue is translated without exception. Of the sources' messages one in
    twenty may have come since it was refreshed: they are read in English until then."""
    kept = german()
    said = [one for one in catalogues.gathered(product.BASE_DIR) if one.id]
    absent = [one.id for one in said if kept.get(one.id, one.context) is None]
    assert len(absent) <= len(said) // 20, f"Run manage.py catalogue, and translate {absent}."
    assert catalogues.missing(kept) == []


def test_every_translation_keeps_the_places_of_its_values() -> None:
    for one in german():
        if isinstance(one.id, str):
            assert _holes(str(one.string)) == _holes(one.id), one.id
        else:
            assert isinstance(one.string, list | tuple), one.id
            singular, plural = one.string
            assert _holes(plural) == _holes(one.id[1]), one.id
            assert _holes(singular) <= _holes(one.id[1]), one.id


def _holes(text: str) -> set[str]:
    return {re.sub(r":[^}]*", "", one) for one in HOLE.findall(text)}


def test_figures_and_days_are_written_as_germans_do() -> None:
    now = timezone.now().replace(year=2026, month=11, day=21, hour=10)
    with translation.override("de"):
        assert formats.money(Money.of(Decimal("28537.58"), "EUR")) == "28.537,58\xa0€"
        assert formats.money(Money.of(Decimal("-28537.58"), "EUR")) == "-28.537,58\xa0€"
        assert formats.percent(0.942) == "94,2\xa0%"
        assert formats.duration(timedelta(hours=2, minutes=47)) == "2 h 47 min"
        assert formats.day(now, now) == "21. Nov."
        assert formats.long_day(now) == "Samstag, 21. November"
        assert wording.totals_note("EUR", date(2026, 11, 20), 0) == (
            "Summen in EUR zu den Kursen vom 20. November"
        )


@pytest.mark.django_db(transaction=True)
def test_what_the_catalogue_knows_is_shown_in_its_words(settings: Settings, tmp_path: Path) -> None:
    """Every page of a firm at work, in a language that brackets what it says: nothing that the
    catalogue recognises stands outside of brackets."""
    pages = world.build()
    leftovers.bracket(SOURCE, tmp_path / "compiled")
    settings.LOCALE_PATHS = [tmp_path / "compiled"]
    _forget()
    try:
        found = {name: _recognised(pages[name]) for name in TOLD}
    finally:
        _forget()
    assert {name: texts for name, texts in found.items() if texts} == {}


def _recognised(path: str) -> list[str]:
    who = "amara.osei" if path.startswith("/manage/") else "otto.brandt"
    window = signed_in(Person.objects.get(username=who))
    answer = window.get(path, headers={"Accept-Language": "de"})
    assert answer.status_code == 200, path
    texts = leftovers.left(answer.content.decode())
    return [text for text in texts if " " in text and sayings.known(text, "de")]


def _forget() -> None:
    sayings.sayings.cache_clear()
    sayings._anew.cache_clear()


def test_what_a_person_wrote_is_not_said_anew_by_half(settings: Settings, tmp_path: Path) -> None:
    catalogues.compile_all(SOURCE.parents[2], tmp_path / "compiled")
    settings.LOCALE_PATHS = [tmp_path / "compiled"]
    _forget()
    try:
        with translation.override("de"):
            assert sayings.heard("Nothing is stuck.") == "Nichts hängt fest."
            title = "Wait until nothing is stuck"
            assert sayings.heard(title) == title, "a step of a runbook of theirs"
    finally:
        _forget()
