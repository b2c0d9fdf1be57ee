"""A cut-over: from a day on one company's books are kept in another ERP, and nothing upstream
changes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from controltower.measures import sides
from controltower.systems.models import System
from controltower.transactions.models import Transaction, TransactionState
from integrations import catalogue
from integrations.connector import Connection, Key
from tests.integrations.conftest import running_town, town
from tests.integrations.doors import Town
from tests.journeys.cloud_erp import NEW, cut_over, moved_in, new_books
from tests.journeys.tower import Tower

__all__ = ["new_books", "running_town", "town"]

OLD = "tryton"
VERIFIED = TransactionState.VERIFIED


@pytest.mark.parametrize("new_books", NEW, indirect=True)
def test_one_company_moves_and_the_other_stays(
    tower: Tower, new_books: Connection, town: Town
) -> None:
    british, german = tower.set_up(entity="LF-UK"), tower.set_up(entity="LF-DE")
    before = _billed(tower, british, hours="7.25")
    new = new_books.slug
    cut_over("LF-UK", new)
    moved_in(new_books, british)
    town.controls[new].order("server_error", count=2, operation="write", committed=True)
    after = [_billed(tower, british, hours=hours) for hours in ("36.5", "3.335")]
    deal = tower.set_up(entity="LF-UK", client="PEB")
    stays = _billed(tower, german, hours="8")

    assert _books_of(deal, "customer") == new
    billings = (before, stays, *after)
    there, here = (_booked(books) for books in (tower.erp.connection(), new_books))
    assert there.items() >= {one.reference: _told(one) for one in (before, stays)}.items()
    assert here == {one.reference: _told(one) for one in after}
    assert not there.keys() & here.keys()
    assert {one.reference: _books_of(one) for one in billings} == {
        one.reference: OLD if one.reference in there else new for one in billings
    }
    assert _side_by_side("LF-UK") == {OLD: _net(before), new: _net(*after)}
    assert _upstream(before) and {_upstream(one) for one in billings} == {_upstream(before)}
    for one in billings:
        step = one.steps.get(name="status")
        assert step.values["invoice_number"] == one.steps.get(name="post").values["number"]


@pytest.mark.parametrize("new_books", ["business_central"], indirect=True)
def test_a_month_that_the_new_books_have_closed_waits_for_a_person(
    tower: Tower, new_books: Connection, town: Town
) -> None:
    british = tower.set_up(entity="LF-UK")
    today = timezone.now().date()
    cut_over("LF-UK", new_books.slug)
    moved_in(new_books, british)
    control, month = town.controls[new_books.slug], {"company": "LF-UK", "period": f"{today:%Y-%m}"}
    control.do("close_period", **month)
    try:
        billing = tower.billing_of(tower.approve_time(british, hours="5"))
        tower.play(lambda: _waits(tower, billing))
    finally:
        control.do("reopen_period", **month)
    assert billing.reference not in _booked(new_books)


def _billed(tower: Tower, deal: Transaction, hours: str) -> Transaction:
    return tower.until(tower.billing_of(tower.approve_time(deal, hours=hours)), VERIFIED)


def _books_of(transaction: Transaction, step: str = "post") -> str:
    system = transaction.steps.get(name=step).system
    assert system is not None
    return str(system.slug)


def _told(billing: Transaction) -> tuple[Decimal, str]:
    """Total and currency as the tower has read them back, whose net is what it sent."""
    posted = billing.steps.get(name="post").values
    assert Decimal(str(posted["untaxed"])) == billing.amount.quantize(Decimal("0.01"))
    return Decimal(str(posted["total"])), billing.currency


def _booked(books: Connection) -> Mapping[str, tuple[Decimal, str]]:
    """What a ledger has booked, old or new asked alike: total and currency by our reference."""

    async def listed() -> Sequence[Key]:
        connector = catalogue.connect(books.slug, books)
        now = datetime.now(UTC)
        found = await connector.keys("invoice", now - timedelta(hours=1), now + timedelta(hours=1))
        await connector.close()
        return found

    found = asyncio.run(listed())
    booked = {key.key: (Decimal(key.amount), key.currency) for key in found}
    assert len(booked) == len(found), "a reference is booked twice"
    return booked


def _side_by_side(company: str) -> Mapping[str, Decimal]:
    """What both sets of books say was billed, as Admin compares them."""
    able = System.objects.filter(role="erp")
    rows = [row for row in sides.billed(able, date.min) if row.company == company]
    named = {system.pk: system.slug for system in able}
    return {named[pk]: worth for row in rows for pk, worth in row.amounts.items()}


def _net(*billings: Transaction) -> Decimal:
    return sum((one.amount.quantize(Decimal("0.01")) for one in billings), Decimal(0))


def _upstream(billing: Transaction) -> tuple[object, ...]:
    """What the systems before the ledger see of a billing: which, by which mapping, told what."""
    steps = billing.steps.exclude(system__slug__in=(OLD, *NEW)).order_by("position")
    return tuple(
        (step.name, step.system and step.system.slug, step.mapping_version_id, *sorted(step.sent))
        for step in steps
    )


def _waits(tower: Tower, billing: Transaction) -> bool:
    tower.impatient()
    return billing.steps.filter(kind="period_closed").exists()
