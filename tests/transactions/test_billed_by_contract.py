"""A contract that spans several projects is one invoice a month, when its rule says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from controltower.canonical.events import CanonicalEvent
from controltower.canonical.records import TimeEntry
from controltower.measures.checks.finding import Span
from controltower.measures.checks.money import balanced
from controltower.transactions.models import Transaction
from tests.factories import Firm
from tests.transactions.test_capped_contracts import capped, listening, worth
from tests.transactions.test_projects_of_one_contract import SECOND, billed, card
from tests.transactions.test_retainers import retained

pytestmark = pytest.mark.django_db


@pytest.fixture
def firm(firm: Firm) -> Firm:
    return listening(firm)


def by_contract(firm: Firm, deal: Transaction, project: str = "", **said: Any) -> CanonicalEvent:
    """Approved time, 7,200.00 EUR, on a project whose contract is billed as one."""
    told = card(firm, deal, project)
    assert isinstance(told.record, TimeEntry)
    assert told.record.project is not None
    whose = replace(told.record.project, billing_grouping="Contract", **said)
    return replace(told, record=replace(told.record, project=whose))


def month_before(told: CanonicalEvent) -> CanonicalEvent:
    assert isinstance(told.record, TimeEntry)
    assert told.record.on is not None
    on = told.record.on.replace(day=1) - timedelta(days=1)
    return replace(told, record=replace(told.record, on=on, week_start=on))


def test_the_projects_of_a_contract_are_one_invoice(firm: Firm) -> None:
    deal = firm.deal()
    bill = billed(firm, by_contract(firm, deal), by_contract(firm, deal, SECOND))
    assert worth(bill) == ("verified", Decimal(14400))
    assert bill.items.values("record__project__source_id").distinct().count() == 2
    assert bill.title == f"Invoice for the contract of {deal.title}"
    assert bill.keys.filter(kind="project", value=SECOND).exists()
    assert bill.correlation_id == deal.correlation_id


def test_what_is_of_another_contract_month_money_or_owner_is_another_invoice(firm: Firm) -> None:
    deal, another = firm.deal(), firm.deal()
    first = firm.tell(by_contract(firm, deal))
    owner = {"customer_id": "001OTHER", "customer_name": "Another Client"}
    others = [
        by_contract(firm, another),
        month_before(by_contract(firm, deal, SECOND)),
        by_contract(firm, deal, SECOND, **owner),
        by_contract(firm, deal, SECOND, entity="LF-UK"),
        card(firm, deal, SECOND),
    ]
    dollars = by_contract(firm, deal, SECOND, currency="USD")
    assert isinstance(dollars.record, TimeEntry)
    others.append(replace(dollars, record=replace(dollars.record, currency="USD")))
    assert len({first.pk, *(firm.tell(one).pk for one in others)}) == len(others) + 1
    assert firm.tell(by_contract(firm, deal, SECOND)).pk == first.pk
    of_no_deal = firm.tell(by_contract(firm, deal, SECOND, correlation_id=""))
    assert of_no_deal.group.endswith(f":project:{SECOND}:{firm.today:%Y-%m}")


def test_its_projects_share_the_cap(firm: Firm) -> None:
    deal = capped(firm, "10000.00")
    bill = billed(firm, by_contract(firm, deal), by_contract(firm, deal, SECOND))
    assert worth(bill) == ("verified", Decimal(10000))
    assert not balanced(Span(timezone.now())).breaches


def test_its_projects_share_what_a_retainer_covers(firm: Firm) -> None:
    """Of 60 hours the first week's 40 are covered, and 20 of the other project's."""
    deal = retained(firm)
    bill = billed(firm, by_contract(firm, deal), by_contract(firm, deal, SECOND))
    assert worth(bill) == ("verified", Decimal(3600))
