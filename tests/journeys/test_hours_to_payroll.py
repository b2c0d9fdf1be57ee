"""Approved hours of a month reach payroll: once for each worker, adjusted later, and answered."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from controltower.transactions import paying
from controltower.transactions.models import Expectation, Transaction, TransactionState
from controltower.transactions.world import entities
from tests.integrations.conftest import running_town, town
from tests.integrations.doors import ControlDoor
from tests.journeys.test_payroll_to_cost import provider, tower
from tests.journeys.tower import Tower

__all__ = ["provider", "running_town", "tower", "town"]
HOURS, COST = "hours-to-payroll", "time-to-cost-reporting"
VERIFIED = TransactionState.VERIFIED


class PayDay:
    """A project's people and the latest month that is cut off."""

    def __init__(self, tower: Tower, provider: ControlDoor) -> None:
        self.tower, self.provider = tower, provider
        self.project = tower.set_up().steps.get(name="project").ref
        self.month = next(paying.months_over(entities()["LF-DE"], timezone.now()))
        self.before = len(self.handed_in())

    def works(self, hours: str, week: int = 0) -> str:
        """Approved, unpaid-for hours of a week of that month; their number."""
        monday = next(
            day for n in range(7) if (day := self.month + timedelta(days=n)).weekday() == 0
        )
        work = self.tower.org.control.do(
            "approve_time", project=self.project, hours=hours, billable="no",
            week=str(monday + timedelta(weeks=week)),
        )  # fmt: skip
        self.tower.until(self.tower.of("approved work", str(work["number"]), COST), VERIFIED)
        self.header = str(work["header"])
        return str(work["timecard"])

    def input(self, place: int = 0) -> Transaction:
        """The pay input that was begun so manieth."""
        known = Transaction.objects.filter(process=HOURS).order_by("started_at")
        self.tower.play(lambda: known.count() > place)
        return known[place]

    def handed_in(self) -> list[dict[str, Any]]:
        return list(self.provider.do("inputs")["inputs"])

    def hours_of(self, place: int) -> tuple[str, Decimal]:
        """Worker and hours of what was handed in since this test began."""
        (payee,) = self.handed_in()[self.before + place]["payeePayInputs"]
        ((given,),) = [one["payInputs"] for one in payee["payrollProfilePayInputs"]]
        (earning,) = given["earningInputs"]
        return payee["associateOID"], Decimal(earning["numberOfHours"])


@pytest.fixture
def payday(tower: Tower, provider: ControlDoor) -> PayDay:
    provider.do("answer")
    people = tower.org.control.books("Contact")
    for number, one in enumerate(people, start=1):
        if one["pse__Is_Resource__c"] and not one["Tower_External_Id__c"]:
            tower.correct("Contact", one["Id"], Tower_External_Id__c=f"LF-{number:04d}")
    return PayDay(tower, provider)


def test_a_month_is_handed_in_once_and_corrected_by_an_adjustment(payday: PayDay) -> None:
    payday.works("30")
    assert paying.tell(now=timezone.now()) == 1
    assert paying.tell(now=timezone.now()) == 0
    first = payday.input()
    payday.tower.until(first, VERIFIED)
    worker, hours = payday.hours_of(0)
    assert (worker, hours) == (first.subject["number"], Decimal(30))
    payday.works("8", week=1)
    told = paying.tell(now=timezone.now())
    assert told == 1
    second = payday.input(1)
    payday.tower.until(second, VERIFIED)
    assert payday.hours_of(1)[1] == Decimal(8)
    assert second.title.startswith(
        "Adjustment" if second.subject["number"] == worker else "Pay input"
    )
    assert paying.tell(now=timezone.now()) == 0
    assert len(payday.handed_in()) == payday.before + 2


def test_what_is_not_cut_off_is_not_handed_in(payday: PayDay) -> None:
    payday.works("30")
    month = payday.month
    before = (month + timedelta(days=32)).replace(day=1)
    calendar = entities()["LF-DE"].calendar
    cut_off = calendar.at(calendar.month_end(month), calendar.month_time)
    assert before < cut_off.date()
    assert paying.tell(now=cut_off - timedelta(seconds=1)) == 0
    assert paying.tell(now=cut_off) == 1
    payday.tower.until(payday.input(), VERIFIED)


def test_the_provider_s_word_is_waited_for(payday: PayDay) -> None:
    payday.works("12")
    paying.tell(now=timezone.now())
    payday.tower.until(payday.input(), VERIFIED)
    waited = Expectation.objects.filter(milestone="pay-input-processed")
    payday.tower.play(waited.filter(met_at__isnull=False).exists)
    payday.provider.do("answer", **{"with": "silent"})
    payday.works("5", week=1)
    paying.tell(now=timezone.now())
    payday.tower.until(silent := payday.input(1), VERIFIED)
    late = waited.get(set_by=silent)
    assert late.met_at is None
    assert late.due_at is not None


def test_what_the_provider_does_not_take_needs_somebody(payday: PayDay) -> None:
    payday.provider.do("answer", **{"with": "Associate is terminated."})
    payday.works("12")
    paying.tell(now=timezone.now())
    handed = payday.input()
    refused = payday.tower.of("reference", handed.reference, HOURS)
    stuck = payday.tower.stuck(refused)
    assert (stuck.name, stuck.kind) == ("refused", "conflict")
    assert "Associate is terminated." in stuck.text


def test_a_lost_answer_is_in_doubt_and_never_sent_again(payday: PayDay) -> None:
    payday.works("12")
    payday.provider.order("commit_then_drop", count=1, operation="write /events/*")
    paying.tell(now=timezone.now())
    stuck = payday.tower.stuck(payday.input())
    assert (stuck.name, stuck.kind) == ("submit", "unknown")
    assert len(payday.handed_in()) == payday.before + 1
