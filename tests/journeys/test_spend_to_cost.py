"""Spend to project cost: what is bought for a project is booked once, in every book to the cent."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from controltower.systems.models import Circuit, System
from controltower.transactions.models import Step, Transaction, TransactionState
from integrations import catalogue
from integrations.connector import Connection, Connector
from tests.integrations.conftest import running_town, town
from tests.integrations.doors import ControlDoor, Town
from tests.journeys.tower import Tower

__all__ = ["running_town", "town"]
VERIFIED = TransactionState.VERIFIED
COST = "spend-to-project-cost"


@pytest.fixture
def coupa(town: Town, monkeypatch: pytest.MonkeyPatch) -> ControlDoor:
    """The spend system beside the firm's others."""
    monkeypatch.setenv("SANDBOX_COUPA_URL", town.urls["coupa"])
    for name, secret in town.secrets["coupa"].items():
        monkeypatch.setenv(f"SANDBOX_COUPA_{name.upper()}", secret)
    return town.controls["coupa"]


@pytest.fixture
def tower(coupa: ControlDoor, tower: Tower) -> Tower:
    """The demo firm with its spend system."""
    return tower


@pytest.fixture
def spend(town: Town) -> Connector:
    """The spend system as its own people see it."""
    return catalogue.connect(
        "coupa", Connection("coupa", town.urls["coupa"], town.secrets["coupa"])
    )


def buy(coupa: ControlDoor, deal: Transaction, **wanted: Any) -> dict[str, Any]:
    """A supplier's invoice for the deal's project is approved."""
    project = deal.steps.get(name="project").ref
    given = {"project": project, "entity": deal.entity.code if deal.entity else "", **wanted}
    return dict(coupa.do("approve_invoice", **given))


def cost_of(tower: Tower, bought: dict[str, Any]) -> Transaction:
    """The transaction that a purchase has started."""
    return tower.of("purchase", str(bought.get("invoice-number") or bought["title"]), COST)


def unflagged(spend: Connector) -> list[str]:
    """The purchases that the spend system still has to hand out."""

    async def read() -> list[str]:
        try:
            page = await spend.read_changes("purchase", "", 50)
        finally:
            await spend.close()
        return [change.event.record.source_id for change in page.changes]

    return asyncio.run(read())


@pytest.mark.parametrize("entity", ["LF-DE", "LF-UK"])
def test_a_supplier_invoice_is_cost_in_every_book(
    tower: Tower, coupa: ControlDoor, spend: Connector, entity: str
) -> None:
    deal = tower.set_up(entity=entity)
    bought = buy(coupa, deal, amount="1234.57")
    cost = tower.until(cost_of(tower, bought), VERIFIED)
    (bill,) = tower.erp.supplier_invoices(cost.reference)
    assert (bill["state"], bill["company"], bill["untaxed"]) == ("posted", entity, "1234.57")
    assert bill["total"] == bought["gross-total"]
    assert cost.keys.filter(kind="supplier invoice", value=bill["number"]).exists()
    assert cost.steps.get(name="expense").values["amount"] == "1234.57"
    run = cost.steps.get(name="status").values
    assert run["status"] == "success"
    assert bill["number"] in run["text"]
    assert unflagged(spend) == []


def test_costs_are_booked_once_though_the_erp_is_down_in_the_middle(
    tower: Tower, coupa: ControlDoor
) -> None:
    deal = tower.set_up()
    tower.erp.control.order("down")
    amounts = ("99.99", "1000.01", "33.35")
    bought = [buy(coupa, deal, amount=amount) for amount in amounts]
    costs = [cost_of(tower, one) for one in bought]

    def resting() -> bool:
        Step.objects.filter(system__slug="tryton").update(due_at=timezone.now())
        return System.objects.get(slug="tryton").circuit == Circuit.OPEN

    tower.play(resting)
    tower.erp.control.clear()
    tower.erp.once("commit_then_drop", "write account.invoice create")
    bills = []
    for cost in costs:
        tower.until(cost, VERIFIED)
        bills += tower.erp.supplier_invoices(cost.reference)
    assert [bill["state"] for bill in bills] == ["posted"] * 3
    charged = sum(Decimal(one["gross-total"]) for one in bought)
    assert sum(Decimal(bill["total"]) for bill in bills) == charged
    carried = [Decimal(cost.steps.get(name="expense").values["amount"]) for cost in costs]
    assert sorted(carried) == sorted(map(Decimal, amounts))


def test_a_closed_project_is_refused_in_words_until_the_purchase_names_another(
    tower: Tower, coupa: ControlDoor
) -> None:
    closed, other = tower.set_up(), tower.set_up()
    project = closed.steps.get(name="project").ref
    tower.correct("pse__Proj__c", project, pse__Stage__c="Completed")
    bought = buy(coupa, closed)
    stuck = tower.stuck(cost_of(tower, bought))
    assert stuck.name == "check"
    assert "is completed: nothing is charged to it" in stuck.text
    (line,) = bought["invoice-lines"]
    line["custom-fields"]["project"] = other.steps.get(name="project").ref
    fields = {"invoice-lines": [line], "exported": False}
    coupa.do("change", id=bought["id"], fields=fields)
    cost = tower.until(cost_of(tower, bought), VERIFIED)
    assert len(tower.erp.supplier_invoices(cost.reference)) == 1


def test_what_cannot_be_booked_is_refused_by_its_name(tower: Tower, coupa: ControlDoor) -> None:
    deal = tower.set_up()
    unmapped = cost_of(tower, buy(coupa, deal, account="6999"))
    astray = cost_of(tower, buy(coupa, deal, project="a0P000000000000AAA"))
    stuck = tower.stuck(unmapped)
    assert stuck.name == "draft"
    assert "“Cost account” is mapped from “6999”" in stuck.text
    stuck = tower.stuck(astray)
    assert stuck.name == "project"
    assert "Certinia has no project with the id a0P000000000000AAA" in stuck.text


def test_what_is_rebilled_reaches_the_clients_invoice(tower: Tower, coupa: ControlDoor) -> None:
    deal = tower.set_up(entity="LF-US")
    project = deal.steps.get(name="project").ref
    given = {"project": project, "entity": "LF-US", "amount": "210.10", "billable": True}
    cost = tower.until(cost_of(tower, coupa.do("approve_report", **given)), VERIFIED)
    expense = cost.steps.get(name="expense").values["number"]
    billing = tower.until(tower.billing_of(expense), VERIFIED)
    (invoice,) = tower.erp.invoices(billing.reference)
    assert invoice["untaxed"] == "210.10"
