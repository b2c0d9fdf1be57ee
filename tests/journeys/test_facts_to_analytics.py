"""Facts to analytics: what is verified is in the warehouse once, and shown by the dashboards."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from controltower.incidents import letters
from controltower.incidents.models import DeadLetter
from controltower.systems.models import Circuit, System
from controltower.transactions import publishing, replay, watching
from controltower.transactions.models import InboundEvent, Transaction, TransactionState
from integrations import catalogue
from integrations.connector import Connection, Key
from tests.integrations.conftest import running_town, town
from tests.integrations.doors import ControlDoor, Town
from tests.journeys.tower import Tower

__all__ = ["running_town", "town"]
VERIFIED = TransactionState.VERIFIED
FIGURES = "facts-to-analytics"
UNPACED = 86_400 * 1000
"""Refreshes a day: here they need not last the day."""


@pytest.fixture(autouse=True)
def analytics(town: Town, monkeypatch: pytest.MonkeyPatch) -> Town:
    """Warehouse and dashboards beside the firm's other systems."""
    for name in ("snowflake", "power_bi"):
        monkeypatch.setenv(f"SANDBOX_{name.upper()}_URL", town.urls[name])
        for secret, value in town.secrets[name].items():
            monkeypatch.setenv(f"SANDBOX_{name.upper()}_{secret.upper()}", value)
    return town


@pytest.fixture
def tower(analytics: Town, tower: Tower) -> Tower:
    """The demo firm with its figures, whose refreshes end at once."""
    dashboards = System.objects.get(slug="power_bi")
    dashboards.options = {**dashboards.options, "refreshes_a_day": UNPACED}
    dashboards.save()
    dashboards_of(analytics).do("lasts", seconds=0)
    return tower


def dashboards_of(town: Town) -> ControlDoor:
    return town.controls["power_bi"]


def figures_of(tower: Tower, one: Transaction) -> Transaction:
    """The transaction that takes a verified one to the figures."""
    publishing.publish(now=timezone.now())
    return tower.of("fact", one.reference, FIGURES)


def billed(tower: Tower, deal: Transaction, hours: str) -> Transaction:
    return tower.until(tower.billing_of(tower.approve_time(deal, hours=hours)), VERIFIED)


def loaded(town: Town, since: datetime) -> Sequence[Key]:
    """What the warehouse itself holds of the time from then on."""

    async def listed() -> Sequence[Key]:
        connector = catalogue.connect(
            "snowflake",
            Connection("warehouse", town.urls["snowflake"], town.secrets["snowflake"]),
        )
        try:
            return await connector.keys("fact", since, since + timedelta(hours=1))
        finally:
            await connector.close()

    return asyncio.run(listed())


def test_the_figures_are_those_of_the_books_though_the_warehouse_was_down(
    tower: Tower, analytics: Town
) -> None:
    since = timezone.now()
    deal = tower.set_up()
    figures = [tower.until(figures_of(tower, deal), VERIFIED)]
    warehouse = System.objects.get(slug="snowflake")
    analytics.controls["snowflake"].order("down")
    billings = [billed(tower, deal, hours) for hours in ("36.5", "7.25")]
    figures += [figures_of(tower, one) for one in billings]

    def resting() -> bool:
        tower.impatient()
        warehouse.refresh_from_db()
        return warehouse.circuit == Circuit.OPEN

    tower.play(resting)
    assert all(one.state != VERIFIED for one in figures[1:])
    analytics.controls["snowflake"].clear()
    analytics.controls["snowflake"].order("commit_then_drop", count=1, operation="write")
    for one in figures:
        tower.until(one, VERIFIED)
    facts = {key.key: (Decimal(key.amount), key.currency) for key in loaded(analytics, since)}
    assert facts == {one.reference: (one.amount, one.currency) for one in (deal, *billings)}
    assert publishing.publish(now=timezone.now()) == 0
    assert {one.correlation_id for one in figures} == {deal.correlation_id}
    for one in figures:
        shown = one.steps.get(name="refresh").values["figures_of"]
        assert shown >= one.steps.get(name="load").values["loaded_at"].replace("Z", "+00:00")


def test_a_failed_refresh_needs_the_controller_and_goes_on_by_replay(
    tower: Tower, analytics: Town
) -> None:
    dashboards_of(analytics).do("fail", text="The credentials of the warehouse have expired")
    figures = figures_of(tower, tower.set_up())
    stuck = tower.stuck(figures)
    assert stuck.name == "refresh"
    assert "its refresh failed (The credentials of the warehouse have expired)" in stuck.text
    assert "the dashboards still show" in stuck.text
    letter = DeadLetter.objects.select_related("cause").get(transaction=figures)
    assert letter.cause.owner_role == "controller"
    plan = tower.replay(figures)
    assert plan.items.get().forecast
    by = tower.person("otto.brandt")
    replay.release(plan=plan, digest=plan.digest, by=by, now=timezone.now())
    tower.until(figures, VERIFIED)


def test_figures_that_stay_old_need_the_controller_until_they_are_shown(
    tower: Tower, analytics: Town
) -> None:
    dashboards_of(analytics).order("down")
    figures = figures_of(tower, tower.set_up())
    event = InboundEvent.objects.get(items__transaction=figures)
    assert figures.due_at == event.occurred_at + timedelta(hours=4)
    tower.play(lambda: figures.steps.get(name="load").state == "verified")
    watching.watch(now=timezone.now() + timedelta(days=3))
    letters.catch_up(now=timezone.now())
    late = Transaction.objects.get(process="quote-to-cash", title__startswith="Figures shown")
    assert late.amount == 0
    letter = DeadLetter.objects.select_related("cause").get(transaction=late)
    assert letter.cause.owner_role == "controller"
    assert "The dashboards do not show this yet" in late.wait_text
    dashboards_of(analytics).clear()
    tower.until(figures, VERIFIED)
    watching.watch(now=timezone.now())
    late.refresh_from_db()
    assert late.state == VERIFIED
