"""Figures and days in the engine's sentences are written as the reader's language writes them."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.utils import translation

from controltower.web import catalogues, sayings
from controltower.web.said_figures import figure, quantity
from tests.web.test_german import SOURCE


@pytest.fixture(autouse=True)
def known() -> None:
    """The product's catalogue as the pages read it."""
    catalogues.compile_all(SOURCE.parents[2], settings.LOCALE_PATHS[0])
    sayings.sayings.cache_clear()
    sayings._anew.cache_clear()


@pytest.mark.parametrize(
    ("said", "german"),
    [
        ("Timecard TCH-7 has -7.5 hours: only positive time can be billed.",
         "Leistungsnachweis TCH-7 hat -7,5 Stunden: Nur positive Zeit kann fakturiert werden."),
        ("Timecard 2026.10 has -1240 hours: only positive time can be billed.",
         "Leistungsnachweis 2026.10 hat -1240 Stunden: Nur positive Zeit kann fakturiert werden."),
        ("An hour of E-4 is billed at 150.5 EUR, but costs 1166.00 EUR.",
         "Eine Stunde von E-4 wird mit 150,5 EUR fakturiert, kostet aber 1.166,00 EUR."),
        ("Booked on 03 December 2026, when that period begins.",
         "Gebucht am 3. Dezember 2026, wenn diese Periode beginnt."),
        ("Fast: more than 2% of a month's allowance in an hour",
         "Fast: mehr als 2\xa0% des Monatsbudgets in einer Stunde"),
        ("No value for “Tax” is mapped from “7.5”.",
         "Für „Tax“ ist „7.5“ keinem Wert zugeordnet."),
        ("Approved work is above the cap of its contract. They said so.",
         "Freigegebene Leistungen liegen über der Obergrenze ihres Vertrags. They said so."),
    ],
)  # fmt: skip
def test_a_value_in_a_sentence_is_written_as_the_language_does(said: str, german: str) -> None:
    with translation.override("de"):
        assert sayings.heard(said) == german
    assert sayings.heard(said) == said


@pytest.mark.parametrize(
    ("text", "german"),
    [
        ("EUR 1,234", "1.234,00\xa0€"),
        ("1,234.50 GBP", "1.234,50\xa0£"),
        ("99 January 2026", ""),
        ("12.5", ""),
        ("version 61.00", ""),
    ],
)
def test_what_stands_alone_is_written_when_it_can_be_nothing_else(text: str, german: str) -> None:
    assert figure(text, "de") == german


def test_where_only_a_quantity_can_stand_it_keeps_its_decimals() -> None:
    written = {text: quantity(text, "de") for text in ("12.125", "1,204", "7.", "443", "10.0.0.1")}
    assert written == {
        "12.125": "12,125", "1,204": "1.204", "7.": "", "443": "", "10.0.0.1": "",
    }  # fmt: skip
