"""Probes and gauges: true, and only for whom they are meant."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django.fixtures import Settings

from controltower import queues
from controltower.systems.models import System
from controltower.transactions.models import TransactionState
from controltower.web.health import HEARTBEAT
from tests.web.cast import transaction

pytestmark = pytest.mark.django_db


@pytest.fixture
def beat() -> Iterator[None]:
    """A dispatcher that has just said that it lives."""
    queues.connection().set(HEARTBEAT, timezone.now().isoformat())
    yield
    queues.connection().delete(HEARTBEAT)


def gauges(client: Client) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    text = client.get("/metrics").content.decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_alive() -> None:
    assert Client().get("/healthz").json()["alive"] is True


def test_ready(beat: None) -> None:
    answer = Client().get("/readyz")
    assert answer.status_code == 200, answer.content
    assert set(answer.json()["checks"].values()) == {"ok"}


def test_not_ready_without_a_dispatcher() -> None:
    queues.connection().delete(HEARTBEAT)
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["dispatcher"] == "The dispatcher is not running."
    assert answer.json()["checks"]["database"] == "ok"


@pytest.mark.breaks("I5")
def test_gauges_tell_what_is_stuck_and_for_how_much() -> None:
    System.objects.create(
        slug="erp", title="ERP", domain="erp", role="erp", connector="tryton",
        connection="erp", base_url="http://127.0.0.1:1",
    )  # fmt: skip
    transaction("CT-1", "LF-DE", state=TransactionState.DEAD_LETTERED, amount=Decimal("100.50"))
    transaction("CT-2", "LF-DE", state=TransactionState.DEAD_LETTERED, amount=Decimal("0.25"))
    transaction("CT-3", None, state=TransactionState.DEAD_LETTERED, currency="GBP")
    transaction("CT-4", "LF-DE")
    transaction("CT-5", "LF-DE", state=TransactionState.VERIFIED)
    found = gauges(Client())
    ours = frozenset({("entity", "LF-DE"), ("currency", "EUR")})
    assert found["controltower_stuck", ours] == 2
    assert found["controltower_stuck_amount", ours] == 100.75
    live = {k[1]: v for k, v in found.items() if k[0] == "controltower_transactions_live"}
    assert live == {
        frozenset({("state", "dead_lettered")}): 3,
        frozenset({("state", "in_progress")}): 1,
    }
    assert found["controltower_circuit", frozenset({("system", "erp"), ("state", "closed")})] == 1
    assert found["controltower_redis_up", frozenset()] == 1
    assert found["controltower_stuck_oldest_seconds", frozenset()] >= 0


def test_gauges_are_for_this_machine_only() -> None:
    answer = Client().get("/metrics", REMOTE_ADDR="192.0.2.1")
    assert answer.status_code == 401
    assert b"controltower_" not in answer.content


def test_with_a_token_gauges_are_for_its_holder(settings: Settings) -> None:
    settings.METRICS_TOKEN = "scrape"
    assert Client().get("/metrics").status_code == 401
    for wrong in ("Bearer scrap", "Bearer scrapé", "scrape", "Bearer scrape "):
        assert Client().get("/metrics", headers={"Authorization": wrong}).status_code == 401
    answer = Client().get(
        "/metrics", headers={"Authorization": "Bearer scrape"}, REMOTE_ADDR="192.0.2.1"
    )
    assert answer.status_code == 200
