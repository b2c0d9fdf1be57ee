"""Project change to forecast: a change order reaches contract, forecast and deal, in either PSA."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from controltower.systems.models import Circuit, System
from controltower.transactions.models import Step, Transaction, TransactionState
from tests.integrations.conftest import running_town, town
from tests.integrations.doors import ControlDoor, Town
from tests.journeys.tower import Tower

__all__ = ["running_town", "town"]
VERIFIED = TransactionState.VERIFIED
CHANGE = "project-change-to-forecast"
IN_TEN_WEEKS = (timezone.now().date() + timedelta(days=70)).isoformat()


def agree(tower: Tower, deal: Transaction, **wanted: Any) -> Transaction:
    """Both sides agree on a change order to the deal's project in Certinia."""
    project = deal.steps.get(name="project").ref
    agreed = tower.org.control.do("agree_change", project=project, **wanted)
    return tower.of("change order", str(agreed["number"]), CHANGE)


def forecast_of(change: Transaction) -> Decimal:
    """What the PSA says that the change adds to its forecast, all months together."""
    parts = change.steps.filter(name__startswith="forecast-")
    return sum((Decimal(str(part.values["amount"])) for part in parts), Decimal(0))


def test_a_change_order_reaches_contract_forecast_and_deal(tower: Tower) -> None:
    deal = tower.set_up(amount="48200.00")
    change = tower.until(agree(tower, deal, amount="12500.01", ends_on=IN_TEN_WEEKS), VERIFIED)
    budget = change.steps.get(name="contract").values
    assert Decimal(str(budget["contract_value"])) == Decimal("60700.01")
    assert budget["end_date"] == IN_TEN_WEEKS
    assert forecast_of(change) == Decimal("12500.01")
    assert change.steps.filter(name__startswith="forecast-").count() in {3, 4}
    (number,) = budget["change_orders"]
    assert change.steps.get(name="flag").values["change_order"] == number
    assert change.correlation_id == deal.correlation_id


def test_two_changes_at_once_are_both_in_the_contract(tower: Tower) -> None:
    deal = tower.set_up(amount="10000.00")
    changes = [agree(tower, deal, amount=amount) for amount in ("1000.00", "-250.50")]
    for change in changes:
        tower.until(change, VERIFIED)
    worth = {str(c.steps.get(name="contract").values["contract_value"]) for c in changes}
    assert Decimal("10749.50") in {Decimal(value) for value in worth}
    assert sum(map(forecast_of, changes)) == Decimal("749.50")


@pytest.mark.parametrize(
    ("changed", "wanted", "words"),
    [
        ({"Change_Limit__c": "5000"}, {}, "but the contract lets one change order add 5000"),
        ({}, {"currency": "USD"}, "is in USD, but its contract is in EUR."),
        ({"pse__Stage__c": "Completed"}, {}, "is completed: nothing can be added to it."),
    ],
    ids=["above the approval", "another currency", "closed project"],
)
def test_what_the_contract_does_not_cover_is_refused_in_words(
    tower: Tower, changed: dict[str, str], wanted: dict[str, str], words: str
) -> None:
    deal = tower.set_up()
    project = deal.steps.get(name="project").ref
    tower.correct("pse__Proj__c", project, **changed)
    change = agree(tower, deal, amount="5000.01", **wanted)
    stuck = tower.stuck(change)
    assert (stuck.name, words in stuck.text) == ("check", True), stuck.text
    assert not change.steps.exclude(name="check").filter(sent_at__isnull=False).exists()


def test_an_order_approved_again_under_a_raised_limit_goes_on(tower: Tower) -> None:
    deal = tower.set_up(amount="20000.00")
    project = deal.steps.get(name="project").ref
    tower.correct("pse__Proj__c", project, Change_Limit__c="100")
    agreed = tower.org.control.do("agree_change", project=project, amount="500.00")
    change = tower.of("change order", str(agreed["number"]), CHANGE)
    tower.stuck(change)
    tower.correct("pse__Proj__c", project, Change_Limit__c="500")
    tower.correct("pse__Budget__c", str(agreed["change_order"]), pse__Status__c="Approved")
    tower.until(change, VERIFIED)
    assert Decimal(change.steps.get(name="contract").values["contract_value"]) == 20500


def test_a_change_is_forecast_once_though_the_crm_is_down_in_the_middle(tower: Tower) -> None:
    """CRM and PSA are one org: both are away, and come back with an answer lost."""
    deal = tower.set_up(amount="30000.00")
    change = agree(tower, deal, amount="9000.00", ends_on=IN_TEN_WEEKS)
    tower.org.control.order("down")

    def resting() -> bool:
        Step.objects.filter(transaction=change).exclude(due_at=None).update(due_at=timezone.now())
        return System.objects.filter(slug__in=["certinia"], circuit=Circuit.OPEN).exists()

    tower.play(resting)
    tower.org.control.clear()
    tower.org.control.order("commit_then_drop", count=1, operation="write pse__Revenue_Forecast__c")
    tower.until(change, VERIFIED)
    assert forecast_of(change) == Decimal("9000.00")
    refs = [step.ref for step in change.steps.filter(name__startswith="forecast-")]
    assert len(refs) == len(set(refs))
    records = tower.org.control.state()["life"]["records"]
    assert records["Revenue Forecast"] >= len(refs)


@pytest.fixture
def account(town: Town, monkeypatch: pytest.MonkeyPatch) -> ControlDoor:
    """The second PSA beside the firm's others."""
    monkeypatch.setenv("SANDBOX_KANTATA_URL", town.urls["kantata"])
    monkeypatch.setenv("SANDBOX_KANTATA_TOKEN", town.secrets["kantata"]["token"])
    return town.controls["kantata"]


@pytest.fixture
def two_psas(account: ControlDoor, tower: Tower) -> Tower:
    """The demo firm whose American company plans its projects in Kantata."""
    System.objects.filter(slug="kantata").update(options={"settle_seconds": 1})
    return tower


def test_the_american_company_lives_in_the_other_psa(two_psas: Tower, account: ControlDoor) -> None:
    """Deal, time, invoice and change order, with the PSA away in the middle."""
    tower = two_psas
    deal = tower.set_up(entity="LF-US", amount="18000.00", client="COP")
    step = deal.steps.get(name="project")
    assert step.system is not None
    assert step.system.slug == "kantata"
    worked = account.do("approve_time", project=step.ref, hours="7.5", rate="225.00")
    billing = tower.until(tower.billing_of(f"TE-{worked['id']}"), VERIFIED)
    (invoice,) = tower.erp.invoices(billing.reference)
    assert (invoice["state"], Decimal(invoice["untaxed"])) == ("posted", Decimal("1687.50"))
    assert billing.steps.get(name="status").values["invoice_number"] == invoice["number"]
    agreed = account.do("agree_change", project=step.ref, amount="2000.02", ends_on=IN_TEN_WEEKS)
    change = tower.of("change order", str(agreed["title"]).partition(" ")[0], CHANGE)
    account.order("commit_then_drop", count=1, operation="write /api/v1/project_accounting")
    account.order("throttle", count=2)
    tower.until(change, VERIFIED)
    budget = change.steps.get(name="contract").values
    assert Decimal(str(budget["contract_value"])) == Decimal("20000.02")
    assert forecast_of(change) == Decimal("2000.02")
    assert change.correlation_id == deal.correlation_id
    assert date.fromisoformat(budget["end_date"]).isoformat() == IN_TEN_WEEKS
