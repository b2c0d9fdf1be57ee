"""The calls of thirty days in two measures, and the calls of two days behind them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from controltower.measures.exposure import Scope
from controltower.measures.kpis import catalogue
from controltower.measures.kpis.measure import Reading, Window
from controltower.systems.models import Call, CallPace, System
from controltower.transactions import interfaces
from tests.factories import Firm
from tests.web.cast import browser

pytestmark = pytest.mark.django_db
LATER = timedelta(minutes=2)


def call(firm: Firm, milliseconds: int, *, reached: bool = True, slug: str = "tryton") -> None:
    Call.objects.create(
        system=System.objects.get(slug=slug), at=timezone.now(), operation="read changes invoice",
        milliseconds=milliseconds, verdict="done" if reached else "unavailable", reached=reached,
    )  # fmt: skip


def reading(firm: Firm, name: str) -> Reading:
    return catalogue.named(name).read(Window(Scope(firm.anna), timezone.now()))


def counted(firm: Firm, *milliseconds: int) -> None:
    """Calls, the last of which got lost, counted once in two rounds."""
    interfaces.count(now=timezone.now() - LATER)
    for number, length in enumerate(milliseconds, start=1):
        call(firm, length, reached=number < len(milliseconds))
    for _round in range(2):
        interfaces.count(now=timezone.now() + LATER)


def test_calls_are_counted_once_and_outlive_themselves(firm: Firm) -> None:
    counted(firm, 100, 100, 100, 40_000)
    Call.objects.all().delete()
    time, lost = reading(firm, "api-latency"), reading(firm, "sync-failures")
    assert time.value == pytest.approx(0.1, rel=0.041)
    assert (time.days[-1], time.days[:-1]) == (time.value, (None,) * 29)
    assert (lost.value, lost.days[-1]) == (0.25, 0.25)


def test_they_are_compared_with_the_thirty_days_before(firm: Firm) -> None:
    counted(firm, 100, 100)
    before = timezone.now().date() - timedelta(days=45)
    CallPace.objects.create(day=before, grade=0, calls=9, lost=9)
    CallPace.objects.create(day=before - timedelta(days=45), grade=0, calls=9, lost=0)
    time, lost = reading(firm, "api-latency"), reading(firm, "sync-failures")
    assert time.before == pytest.approx(0.001, rel=0.041)
    assert (lost.value, lost.before) == (0.5, 1.0)


def test_a_measure_leads_to_the_calls_behind_it(firm: Firm) -> None:
    client = browser(firm.anna)
    for milliseconds in (1, 2):
        call(firm, milliseconds)
    call(firm, 3, reached=False, slug="salesforce")
    for name, query, rows in (("api-latency", "", 3), ("sync-failures", "?came=lost", 1)):
        page = client.get(f"/measures/{name}/").content.decode()
        (address,) = set(re.findall(r'<a class="button" href="(/systems/[^"]+)"', page))
        assert address == f"/systems/calls/{query}"
        assert client.get(address).content.decode().count("data-row") == rows
    listed = client.get("/systems/calls/").content.decode()
    assert len(re.findall(r">\d\d:\d\d:\d\d \w+</time>", listed)) == 3
    for query, rows in (("system=tryton", 2), ("system=tryton&came=lost", 0), ("came=odd", 0)):
        assert client.get(f"/systems/calls/?{query}").content.decode().count("data-row") == rows
