"""Utilisation: approved hours of what people could have worked, reckoned by hand; and the list."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from statistics import median
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import holidays
import pytest
from django.utils import timezone

from controltower.canonical import events
from controltower.canonical.records import Resource, ResourceStatus
from controltower.measures.exposure import Scope
from controltower.measures.kpis import catalogue
from controltower.measures.kpis.measure import Reading, Window
from controltower.transactions.models import InboundEvent, Item, Transaction
from tests.factories import Firm
from tests.web.cast import browser

pytestmark = pytest.mark.django_db
NAMES = ("Ilse Brunnhof", "Emre Falkensee", "Greta Hollander", "Jonte Vierland", "Malin Rothbach")
_numbers = count(1)


def hire(firm: Firm, name: str, source_id: str = "", **values: Any) -> None:
    """An HR system tells of somebody, anew each time."""
    number = next(_numbers)
    source_id = source_id or f"W{number}"
    said: dict[str, Any] = {
        "number": f"LF-{source_id}", "name": name, "entity": "LF-DE", "role": "Consultant",
        "cost_rate": Decimal(60), "currency": "EUR", "weekly_hours": Decimal(40),
    }  # fmt: skip
    record = Resource(source_id=source_id, **said | values)
    told = firm.event(
        events.RESOURCE_CHANGED, "workday", f"resource:{source_id}", record, 1000 + number
    )
    firm.receive(told)


def reading(firm: Firm, who: str = "anna", entity: str = "") -> Reading:
    return catalogue.named("utilisation").read(
        Window(Scope(getattr(firm, who), entity), timezone.now())
    )


def working_days(last: date) -> int:
    off = holidays.country_holidays("DE", years=[last.year - 1, last.year])
    days = (last - timedelta(days=ago) for ago in range(28))
    return sum(1 for day in days if day.weekday() < 5 and day not in off)


def today(firm: Firm) -> date:
    """The day on which the factories' work is dated, which is today to whoever looks."""
    return firm.now.astimezone(ZoneInfo(firm.anna.zone)).date()


def test_approved_hours_are_a_share_of_what_could_be_worked(firm: Firm) -> None:
    deal = firm.deal()
    for name in NAMES:
        hire(firm, name)
    firm.gathering(deal, resource_name="Ilse Brunnhof", hours=Decimal("30.5"))
    firm.gathering(deal, resource_name="Emre Falkensee", billable=False, hours=Decimal(8))
    firm.gathering(deal, resource_name="A Stranger", hours=Decimal(40))
    long_ago = today(firm) - timedelta(days=29)
    firm.gathering(deal, resource_name="Ilse Brunnhof", hours=Decimal(40), on=long_ago)
    found = reading(firm)
    assert found.value == pytest.approx(38.5 / (5 * 8 * working_days(today(firm))))
    assert (found.days[-1], found.note) == (found.value, "")
    assert len(found.days) == 30 and found.days[-3] == 40 / (5 * 8 * working_days(
        today(firm) - timedelta(days=2)
    )), "four weeks until then"  # fmt: skip
    client = browser(firm.anna)
    page = client.get("/tx/", {"worked": "28"}).content.decode()
    assert found.records == 2 == page.count("data-row")
    listed = [one for one in Item.objects.all() if one.transaction.reference in page]
    mine = [one.record for one in listed if one.record["resource_name"] in NAMES]
    recent = [one for one in mine if one["on"] > str(today(firm) - timedelta(days=28))]
    assert sum(Decimal(one["hours"]) for one in recent) == Decimal("38.5")


def test_a_weeks_time_is_as_fresh_as_it_came_after_its_end(firm: Firm) -> None:
    """Four weeks of five people: at once, after two, four and six hours, and never."""
    deal, hours = firm.deal(), dict(zip(NAMES, (-5, 2, 4, 6), strict=False))
    sunday = today(firm) - timedelta(days=today(firm).weekday() + 1)
    for name in NAMES:
        hire(firm, name)
    for name in hours:
        for week in range(4):
            on = sunday - timedelta(weeks=week, days=2)
            firm.gathering(deal, resource_name=name, hours=Decimal(40), on=on)
    here = ZoneInfo(firm.anna.zone)
    for item in Item.objects.filter(record__resource_name__in=list(hours)):
        over = datetime.combine(date.fromisoformat(item.record["on"]), time.min, tzinfo=here)
        came = over + timedelta(days=3, hours=hours[item.record["resource_name"]])
        InboundEvent.objects.filter(pk=item.event_id).update(received_at=came)
    found = catalogue.named("utilisation-freshness").read(Window(Scope(firm.anna), timezone.now()))
    assert (found.value, found.days[-1]) == (4 * 3600, 4 * 3600)
    assert found.days[0] is None, "nothing was known of that time"
    assert found.records == reading(firm).records
    for number in range(8):
        hire(firm, f"Silent {number}")
    ends = [datetime.combine(sunday, time.max, here) - timedelta(weeks=week) for week in range(4)]
    ages = [(timezone.now() - end).total_seconds() for end in ends]
    told = [3600 * max(hour, 0) for hour in hours.values()] * 4
    found = catalogue.named("utilisation-freshness").read(Window(Scope(firm.anna), timezone.now()))
    assert found.value == pytest.approx(median(told + ages * 9), abs=60), "what is not here is old"


def test_people_are_as_they_were_told_last(firm: Firm) -> None:
    for number, name in enumerate(NAMES):
        hire(firm, name, f"P{number}", weekly_hours=Decimal(20))
    hire(firm, "Oskar Tiedemond", "P9")
    firm.gathering(firm.deal(), resource_name=NAMES[0], hours=Decimal(16))
    days = working_days(today(firm))
    assert reading(firm).value == pytest.approx(16 / ((5 * 4 + 8) * days))
    hire(firm, "", "P9", number="", status=ResourceStatus.REMOVED)
    ahead = Transaction.objects.get(items__source_id="P0")
    ahead.pk, ahead.reference, ahead.started_at = uuid4(), "CT-AHEAD", timezone.now()
    ahead.subject |= {"weekly_hours": "40", "valid_from": str(today(firm) + timedelta(days=9))}
    ahead.save(force_insert=True)
    assert reading(firm).value == pytest.approx(16 / (5 * 4 * days))
    hire(firm, NAMES[4], "P4", weekly_hours=Decimal(20), to_date=today(firm) - timedelta(days=60))
    assert reading(firm).value == pytest.approx(16 / (4 * 4 * days)), "left long ago"


def test_nothing_is_told_of_few_and_nobody_is_guessed(firm: Firm) -> None:
    for name in NAMES[:4]:
        hire(firm, name)
    hire(firm, NAMES[4], weekly_hours=Decimal(0))
    found = reading(firm)
    assert (found.value, found.note[:21]) == (None, "Of 4 people nothing i")
    hire(firm, "Selma Kornfeld")
    assert "Without 1 person" in reading(firm).note
    hire(firm, "Selma Kornfeld", entity="LF-UK", currency="GBP")
    assert reading(firm).value is None, "whose of two Selmas an hour is nobody knows"
    assert reading(firm, "callum").value is None
    assert reading(firm, "anna", "LF-DE").records == 0
