"""Work above a contract's cap on the Tower: counted once, in the figure as in its list."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from controltower.measures import exposure
from controltower.measures.exposure import Scope
from controltower.systems.models import Feed, System
from controltower.transactions import cases, engine, watching
from controltower.transactions.models import Expectation
from tests.factories import Firm, found, refused, signed_in
from tests.transactions.test_capped_contracts import above, agreed, capped, listening, story, worth

pytestmark = pytest.mark.django_db


@pytest.fixture
def firm() -> Firm:
    return listening(found())


def test_work_above_a_cap_is_money_beside_the_deals_own(firm: Firm) -> None:
    """The deal lacks its people, and is at stake with all it is worth. What is above the cap was
    never sold."""
    told = System.objects.get(slug="certinia")
    Feed.objects.get_or_create(system=told, entity="assignment", defaults={"due_at": firm.now})
    deal = capped(firm, "5000.00")
    assert worth(above(firm, firm.bill(deal))) == ("dead_lettered", Decimal(2200))
    assert at_stake(firm) == Decimal(2200)
    Expectation.objects.filter(milestone="cash-applied").delete()
    watching.watch(now=firm.now + timedelta(days=60))
    assert at_stake(firm) == deal.amount + Decimal(2200)
    parts = exposure.stakes(exposure.stuck(Scope(firm.anna)), "pk")
    assert sum(part.amount for part in parts.values()) == at_stake(firm)
    page = signed_in(firm.anna).get("/tx/?state=stuck").content.decode()
    assert f"{at_stake(firm):,.2f}" in page
    assert f"{at_stake(firm):,.0f}" in signed_in(firm.anna).get("/").content.decode()


@pytest.mark.parametrize(("changed", "all_in_all"), [("2500.00", 2500), ("300.00", 2500)])
def test_a_change_order_that_waits_carries_no_more_than_it_is_worth(
    firm: Firm, changed: str, all_in_all: int
) -> None:
    deal = capped(firm, "5000.00")
    assert worth(above(firm, firm.bill(deal))) == ("dead_lettered", Decimal(2200))
    assert agreed(firm, deal, changed, refused()).state == "dead_lettered"
    assert at_stake(firm) == all_in_all


def test_what_a_stuck_invoice_leaves_out_is_at_stake_with_it_and_once(firm: Firm) -> None:
    """All 7,200.00 EUR wait for somebody, of which the invoice carries 5,000.00."""
    bill = firm.bill(capped(firm, "5000.00"), answers={"draft": refused()})
    assert at_stake(firm) == Decimal(7200)
    assert "2,200.00 EUR above what the contract lets be billed is left out." in story(bill)
    with cases.case_of(bill, now=firm.now) as case:
        engine.reconsider(case, why="the tax code is there again")
    assert worth(firm.play(bill)) == ("verified", Decimal(5000))
    assert worth(above(firm, bill)) == ("dead_lettered", Decimal(2200))
    assert at_stake(firm) == Decimal(2200)


def at_stake(firm: Firm) -> Decimal:
    return exposure.stake(exposure.stuck(Scope(firm.anna))).amount
