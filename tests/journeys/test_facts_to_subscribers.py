"""Facts to subscribers: the firm's events are on the broker once, and what others tell there is
taken once, whatever is down meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from controltower.canonical.events import CONTRACT_SIGNED
from controltower.systems.models import Circuit, Feed, System
from controltower.transactions import publishing
from controltower.transactions.models import (
    Expectation,
    InboundEvent,
    Transaction,
    TransactionState,
)
from tests.integrations.conftest import running_town, town
from tests.integrations.doors import ControlDoor, Town
from tests.journeys.tower import Tower

__all__ = ["running_town", "town"]
VERIFIED = TransactionState.VERIFIED
TOLD = "facts-to-subscribers"


@pytest.fixture(autouse=True)
def broker(town: Town, monkeypatch: pytest.MonkeyPatch) -> Iterator[ControlDoor]:
    """The firm's broker beside its other systems, where nothing happens by itself."""
    monkeypatch.setenv("SANDBOX_EVENT_BROKER_URL", town.urls["event_broker"])
    for secret, value in town.secrets["event_broker"].items():
        monkeypatch.setenv(f"SANDBOX_EVENT_BROKER_{secret.upper()}", value)
    control = town.controls["event_broker"]
    control.do("hold")
    yield control
    control.do("release")


@pytest.fixture
def tower(broker: ControlDoor, tower: Tower) -> Tower:
    """The demo firm with its subscribers."""
    return tower


def event_of(tower: Tower, one: Transaction) -> Transaction:
    """The transaction that tells of a verified one."""
    publishing.publish(now=timezone.now())
    return tower.of("event", one.reference, TOLD)


def held(broker: ControlDoor, chain: str) -> list[dict[str, Any]]:
    """What the broker itself holds of a chain, as a subscriber reads it."""
    found = broker.do("held", name="correlationid", value=chain)["events"]
    return [{**one["data"], **one} for one in found]


def test_each_fact_is_published_once_though_the_broker_was_down(
    tower: Tower, broker: ControlDoor
) -> None:
    deal = tower.set_up()
    tower.until(event_of(tower, deal), VERIFIED)
    broker.order("down")
    billings = [
        tower.until(tower.billing_of(tower.approve_time(deal, hours=hours)), VERIFIED)
        for hours in ("36.5", "7.25")
    ]
    told = [event_of(tower, one) for one in billings]

    def resting() -> bool:
        tower.impatient()
        return System.objects.filter(slug="event_broker", circuit=Circuit.OPEN).exists()

    tower.play(resting)
    assert all(one.state != VERIFIED for one in told)
    assert len(held_while_down := held(broker, deal.correlation_id)) == 1
    broker.clear()
    broker.order("commit_then_drop", count=1, operation="write")
    for one in told:
        tower.until(one, VERIFIED)
    events = held(broker, deal.correlation_id)
    assert events[:1] == held_while_down
    assert [one["type"] for one in events] == ["project.created", *["invoice.posted"] * 2]
    assert {one["id"]: Decimal(one["amount"]) for one in events} == {
        one.reference: one.amount for one in (deal, *billings)
    }
    assert {one["partitionkey"] for one in events} == {deal.correlation_id}
    assert len({one["sequence"] for one in events}) == len(events)
    assert publishing.publish(now=timezone.now()) == 0
    assert {one.correlation_id for one in told} == {deal.correlation_id}


def test_a_contract_told_on_the_broker_is_taken_once(tower: Tower, broker: ControlDoor) -> None:
    deal = tower.set_up()
    event_id = f"S-{uuid4().hex}"
    broker.do("publish")
    broker.order("drop_before_commit", count=2, operation="XREADGROUP")
    broker.order("drop_before_commit", count=1, operation="XACK")
    broker.do(
        "publish",
        id=event_id,
        type=CONTRACT_SIGNED,
        times=2,
        data={
            "source_id": event_id,
            "name": deal.title,
            "entity": "LF-DE",
            "opportunity_id": deal.subject["source_id"],
            "currency": deal.currency,
            "value": str(deal.amount),
        },
    )

    def signed() -> bool:
        tower.impatient()
        return Expectation.objects.filter(
            correlation_id=deal.correlation_id, milestone="contract-signed", met_at__isnull=False
        ).exists()

    tower.play(signed)

    def acknowledged() -> bool:
        tower.impatient()
        return not broker.do("waiting")["entries"]

    tower.play(acknowledged)
    assert InboundEvent.objects.filter(event_id__endswith=event_id).count() == 1
    feed = System.objects.get(slug="event_broker").feeds.get()
    assert (feed.trouble, feed.gap_at) == ("", None)
    for _ in range(3):
        broker.do("publish")
    broker.do("trim", keeps=1)

    def gap_is_told() -> bool:
        tower.impatient()
        return Feed.objects.filter(pk=feed.pk, gap_at__isnull=False).exists()

    tower.play(gap_is_told)
