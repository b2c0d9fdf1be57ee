"""A contract is signed in DocuSign: its message, or the list of envelopes, closes the milestone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from controltower.systems.models import Feed, System
from controltower.transactions.models import EventState, Expectation, InboundEvent, Transaction
from controltower.web.demo.surroundings import connect_systems
from tests.integrations.conftest import running_town, town
from tests.integrations.doors import ControlDoor, Town
from tests.integrations.subject import lower
from tests.journeys.tower import Tower
from tests.web.doorway import Answer, post

__all__ = ["running_town", "town"]

LATER = timedelta(days=1)


@pytest.fixture(autouse=True)
def docusign(tower: Tower, town: Town, monkeypatch: pytest.MonkeyPatch) -> ControlDoor:
    """The sandbox's account, connected as the demo firm connects it."""
    monkeypatch.setenv("SANDBOX_DOCUSIGN_URL", town.urls["docusign"])
    for name, value in town.secrets["docusign"].items():
        monkeypatch.setenv(f"SANDBOX_DOCUSIGN_{name.upper()}", value)
    connect_systems(timezone.now() + LATER)
    System.objects.filter(slug="docusign").update(options={"settle_seconds": 0})
    account = town.controls["docusign"]
    account.do("subscribe", url="http://127.0.0.1:9/")
    return account


def sign(account: ControlDoor, deal: Transaction) -> dict[str, Any]:
    """The client signs; the message that DocuSign sends of it."""
    account.do(
        "sign",
        opportunity_id=deal.subject["source_id"],
        legal_entity="LF-DE",
        currency="EUR",
        contract_value="48200.00",
    )
    return account.sent()[-1]


def deliver(message: dict[str, Any]) -> Answer:
    """The message reaches the webhook door."""
    headers = lower(message["headers"])
    kind = headers.pop("content-type")
    return post(message["body"].encode(), headers, path="/inbound/docusign/", content_type=kind)


def feed(tower: Tower) -> Feed:
    """The list of envelopes as it is read just now."""
    tower.impatient()
    return Feed.objects.get(system__slug="docusign")


def signed(tower: Tower, deal: Transaction) -> Callable[[], bool]:
    """Whether the milestone of the deal's chain is met, with everything due now."""
    row = Expectation.objects.get(correlation_id=deal.correlation_id, milestone="contract-signed")
    assert (row.met_at, row.owner_role) == (None, "pmo_lead")

    def met() -> bool:
        tower.impatient()
        row.refresh_from_db()
        return row.met_at is not None

    return met


def told(deal: Transaction) -> InboundEvent | None:
    """What is stored of the deal's contract; it is never stored twice."""
    known = InboundEvent.objects.filter(type="contract.signed")
    found = known.filter(record__opportunity_id=deal.subject["source_id"])
    assert found.count() < 2
    return found.first()


def test_a_signed_message_closes_the_milestone_and_the_list_adds_nothing(
    tower: Tower, docusign: ControlDoor
) -> None:
    deal = tower.set_up()
    is_signed = signed(tower, deal)
    message = sign(docusign, deal)
    forged = message | {"body": message["body"].replace("48200.00", "84200.00")}
    assert deliver(forged).status_code == 401
    assert [deliver(message).status_code for _ in range(2)] == [202, 200]
    tower.play(is_signed)
    before = timezone.now()
    tower.play(lambda: (feed(tower).ended_at or before) > before)
    event = told(deal)
    assert event is not None
    assert event.state == EventState.ACCEPTED
    assert deal.correlation_id in event.reason


def test_a_lost_message_is_made_good_once_docusign_is_back(
    tower: Tower, docusign: ControlDoor
) -> None:
    deal = tower.set_up()
    is_signed = signed(tower, deal)
    docusign.order("down")
    tower.play(lambda: feed(tower).trouble)
    sign(docusign, deal)
    tower.beat()
    assert told(deal) is None
    docusign.clear()
    tower.play(is_signed)
    assert told(deal)
