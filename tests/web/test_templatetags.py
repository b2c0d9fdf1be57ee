"""Figures, times and marks as a person reads them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django import forms
from django.conf import settings
from django.forms.renderers import DjangoTemplates
from django.template import Context, Template
from django.test.html import parse_html
from django.utils import timezone, translation

from controltower.canonical.money import Money
from controltower.web import formats, icons
from controltower.web.marks import ICONS, STATES, state_mark

NOW = datetime(2026, 11, 26, 13, 26, tzinfo=UTC)


def draw(source: str, **context: object) -> str:
    tags = "{% load figures marks times %}"
    return Template(tags + source).render(Context({"now": NOW, **context}))


@pytest.mark.parametrize(
    ("amount", "currency", "language", "written"),
    [
        ("48200", "EUR", "en-gb", "€48,200.00"),
        ("48200.5", "GBP", "en-gb", "£48,200.50"),
        ("-1240", "EUR", "en-gb", "(€1,240.00)"),
        ("-1240", "EUR", "de", "-1.240,00\xa0€"),
        ("48200", "JPY", "en-gb", "JP¥48,200"),
        ("0", "EUR", "en-gb", "–"),
    ],
)
def test_money_follows_currency_and_locale(
    amount: str, currency: str, language: str, written: str
) -> None:
    with translation.override(language):
        assert formats.money(Money.of(amount, currency)) == written


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        ("1588000", "€1.59M"),
        ("466200", "€466K"),
        ("999950", "€1M"),
        ("740", "€740"),
        ("0", "–"),
    ],
)
def test_headlines_are_short(amount: str, written: str) -> None:
    with translation.override("en-gb"):
        assert formats.compact(Money.of(amount, "EUR")) == written


def test_an_unknown_currency_is_shown_as_it_came() -> None:
    with translation.override("en-gb"):
        assert draw("{% amount a 'XYZ' %}", a=Decimal("1200.5")) == "1,200.5 XYZ"


def test_a_percentage_has_one_decimal() -> None:
    with translation.override("en-gb"):
        assert formats.percent(Decimal("0.9421")) == "94.2%"
    with translation.override("de"):
        assert formats.percent(Decimal("0.9421")) == "94,2\xa0%"


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0.42, "0.4 s"),
        (42, "42 s"),
        (60 * 47, "47 min"),
        (3600 * 2 + 60 * 47, "2 h 47 min"),
        (3600 * 2, "2 h"),
        (86400 + 3 * 3600, "1 d 3 h"),
        (86400 * 15 + 3600, "15 d"),
        (-5, "0.0 s"),
        (0.04, "< 0.1 s"),
    ],
)
def test_durations_have_two_units_at_most(seconds: float, written: str) -> None:
    with translation.override("en-gb"):
        assert formats.duration(timedelta(seconds=seconds)) == written


def test_a_short_call_is_given_in_milliseconds() -> None:
    with translation.override("en-gb"):
        assert draw("{{ 240|milliseconds }} {{ 2900|milliseconds }}") == "240 ms 2.9 s"


def test_times_stand_in_the_viewers_zone_with_its_name() -> None:
    with timezone.override("Europe/Berlin"), translation.override("en-gb"):
        today = draw("{% when t %}", t=NOW - timedelta(hours=2))
        earlier = draw("{% ago t %}", t=NOW - timedelta(days=3))
    assert '<time datetime="2026-11-26T11:26:00+00:00"' in today
    assert ">12:26 CET</time>" in today
    assert ">23 Nov 14:26 CET</time>" in earlier


def test_what_is_compared_with_another_log_is_told_to_the_second() -> None:
    with timezone.override("Europe/Berlin"), translation.override("en-gb"):
        at = NOW + timedelta(seconds=5)
        assert ">14:26:05 CET</time>" in draw("{% exactly t %}", t=at)
        assert ">23 Nov 14:26:05 CET</time>" in draw("{% exactly t %}", t=at - timedelta(days=3))


def test_within_a_day_it_says_how_long_ago() -> None:
    with timezone.override("Europe/Berlin"), translation.override("en-gb"):
        assert ">12 min ago<" in draw("{% ago t %}", t=NOW - timedelta(minutes=12))
        assert ">in 6 min<" in draw("{% until t %}", t=NOW + timedelta(minutes=6))


def test_an_unknown_time_is_a_dash() -> None:
    assert draw("{% when t %}", t=None) == "–"


def test_words_in_a_chip_are_escaped() -> None:
    assert "<b>" not in draw("{% chip 'br' words %}", words="<b>")


def test_every_state_has_an_icon_of_the_sprite() -> None:
    sprite = (Path(settings.BASE_DIR) / "controltower/static" / icons.SPRITE).read_text()
    for name in ICONS.values():
        assert f'<symbol id="{name}"' in sprite
    for states in STATES.values():
        assert {mark.token for mark in states.values()} <= set(ICONS)


def test_an_unlisted_state_is_shown_under_its_own_name() -> None:
    assert state_mark("transaction", "half_way").word == "Half way"
    assert state_mark("transaction", "half_way").token == "nt"


class _OneOff(forms.Select):
    """One of its options cannot be chosen."""

    def create_option(self, name: str, value: Any, *others: Any, **named: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *others, **named)
        return option | {"attrs": option["attrs"] | {"disabled": value == "UK"}}


def test_a_select_offers_what_djangos_own_would() -> None:
    choices = [("", "Any"), ("Europe", [("DE", "<Germany & co>"), ("UK", "Britain")]), (7, "No")]

    class Form(forms.Form):
        where = forms.ChoiceField(choices=choices, widget=_OneOff(attrs={"aria-label": "Where"}))

    ours, djangos = Form({"where": "DE"}), Form({"where": "DE"}, renderer=DjangoTemplates())
    assert str(ours["where"]) != str(djangos["where"]), "one is drawn by a template of ours"
    assert parse_html(str(ours["where"])) == parse_html(str(djangos["where"]))
