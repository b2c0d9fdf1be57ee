"""Payroll to cost reporting: a pay period's cost is in the report once, to the cent."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from controltower.systems.models import Feed
from controltower.transactions.models import InboundEvent, Transaction, TransactionState
from tests.integrations.conftest import running_town, town
from tests.integrations.doors import ControlDoor, Town
from tests.journeys.tower import Tower

__all__ = ["running_town", "town"]
COST = "payroll-to-cost-reporting"


@pytest.fixture
def provider(town: Town, monkeypatch: pytest.MonkeyPatch) -> ControlDoor:
    """The payroll provider beside the firm's other systems."""
    monkeypatch.setenv("SANDBOX_PAYROLL_URL", town.urls["payroll"])
    for name, secret in town.secrets["payroll"].items():
        monkeypatch.setenv(f"SANDBOX_PAYROLL_{name.upper()}", secret)
    return town.controls["payroll"]


@pytest.fixture
def tower(provider: ControlDoor, tower: Tower) -> Tower:
    """The demo firm with its payroll provider."""
    return tower


def cost_of(tower: Tower, number: str) -> Transaction:
    """The transaction that a payroll has started."""
    return tower.of("payroll", number, COST)


def test_payrolls_are_recorded_once_though_the_provider_is_down_in_the_middle(
    tower: Tower, provider: ControlDoor
) -> None:
    amounts = {"LF-DE": "150000.01", "LF-UK": "99999.99", "LF-US": "33333.33"}
    numbers = {
        entity: str(provider.do("run_payroll", entity=entity, amount=amount)["id"])
        for entity, amount in amounts.items()
    }
    tower.until(cost_of(tower, numbers["LF-DE"]), TransactionState.VERIFIED)
    numbers["LF-DE again"] = str(provider.do("run_payroll", amount="0.07")["id"])
    provider.order("down")

    def noticed() -> bool:
        tower.impatient()
        return bool(Feed.objects.get(system__slug="payroll").trouble)

    tower.play(noticed)
    provider.clear()
    provider.order("commit_then_drop", count=1, operation="write /core/*")
    for number in numbers.values():
        cost = tower.until(cost_of(tower, number), TransactionState.VERIFIED)
        values = dict(cost.steps.get(name="record").values)
        period = values.pop("period")
        assert period == f"{cost.subject['to_date']:.7}" < f"{timezone.now():%Y-%m}"
        assert sum(map(Decimal, values.values())) == cost.amount
    recorded = Transaction.objects.filter(process=COST)
    assert sorted(one.amount for one in recorded) == sorted(
        map(Decimal, ["0.07", *amounts.values()])
    )

    def emptied() -> bool:
        tower.impatient()
        return provider.do("waiting") == {"messages": 0}

    tower.play(emptied)
    assert InboundEvent.objects.filter(source__startswith="payroll/").count() == len(numbers)


def test_parts_that_are_not_the_whole_are_refused_in_words(
    tower: Tower, provider: ControlDoor
) -> None:
    part: dict[str, Any] = {"costNumber": "4100", "hoursQuantity": 10}
    one, ten = ({"amountValue": value, "currencyCode": "EUR"} for value in (1, 10))
    parts = [part | {"costAmount": one}]
    number = str(provider.do("run_payroll", amount="10.00", parts=parts)["id"])
    stuck = tower.stuck(cost_of(tower, number))
    assert stuck.name == "check"
    assert f"The cost centres of {number} come to 1, the payroll to 10.00" in stuck.text
    provider.do("correct", id=number, fields={"laborCosts": [part | {"costAmount": ten}]})
    tower.until(cost_of(tower, number), TransactionState.VERIFIED)
