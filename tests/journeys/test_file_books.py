"""A company whose books are kept in the legacy ERP: all goes by files, worked off in batches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from controltower.firm.models import LegalEntity
from controltower.systems.models import Call, Feed, Route, System
from controltower.transactions import replay
from controltower.transactions.models import InboundEvent, Transaction, TransactionState
from controltower.transactions.protocol import STUCK
from controltower.web.demo.surroundings import connect_systems
from integrations import catalogue
from integrations.connector import Connection, Key
from tests.integrations.conftest import running_town, town
from tests.integrations.doors import ControlDoor, Town
from tests.journeys.tower import DEAL, Tower

__all__ = ["running_town", "town"]

BOOKS = "legacy_erp"


@pytest.fixture
def books(tower: Tower, town: Town, monkeypatch: pytest.MonkeyPatch) -> ControlDoor:
    """The ERP of LF-UK, whose batches run when they are told to."""
    monkeypatch.setenv("SANDBOX_LEGACY_ERP_URL", town.urls[BOOKS])
    for name, value in town.secrets[BOOKS].items():
        monkeypatch.setenv(f"SANDBOX_LEGACY_ERP_{name.upper()}", value)
    connect_systems(timezone.now())
    Feed.objects.update(every_seconds=0)
    Route.objects.create(
        role="erp",
        company=LegalEntity.objects.get(code="LF-UK"),
        system=System.objects.get(slug=BOOKS),
        starts_on=timezone.now().date() - timedelta(days=1),
    )
    control = town.controls[BOOKS]
    control.do("hold")
    return control


def test_a_deal_becomes_a_posted_invoice_by_files_alone(
    tower: Tower, books: ControlDoor, town: Town
) -> None:
    deal = tower.of("opportunity", tower.win(entity="LF-UK"), DEAL)
    _until_verified(tower, books, deal)
    billing = tower.billing_of(tower.approve_time(deal, hours="7.25"))
    books.order("down")
    tower.play(lambda: Call.objects.filter(system__slug=BOOKS, reached=False).exists())
    books.clear()
    books.order("commit_then_drop", count=1, operation="write in/INV")
    _until_verified(tower, books, billing)
    (key,) = [key for key in _keys(town) if key.key == billing.reference]
    posted = billing.steps.get(name="post").values
    assert Decimal(str(posted["untaxed"])) == billing.amount.quantize(Decimal("0.01"))
    assert (Decimal(key.amount), key.currency) == (Decimal(str(posted["total"])), billing.currency)
    assert billing.steps.get(name="status").values["invoice_number"] == posted["number"]
    told = InboundEvent.objects.filter(source=BOOKS, subject=f"invoice/{billing.reference}")
    tower.play(told.exists)


def test_what_the_batch_rejects_is_told_and_replayed(tower: Tower, books: ControlDoor) -> None:
    deal = tower.of("opportunity", tower.win(entity="LF-UK"), DEAL)
    _until_verified(tower, books, deal)
    billing = tower.billing_of(tower.approve_time(deal, hours="5"))
    books.order("refuse", count=1, text="The journal is locked.")
    _after_batches(tower, books, Transaction.objects.stuck().filter(pk=billing.pk).exists)
    assert "The journal is locked." in billing.steps.get(state__in=STUCK).text
    plan, operator = tower.replay(billing), tower.person("otto.brandt")
    replay.release(plan=plan, digest=plan.digest, by=operator, now=timezone.now())
    _until_verified(tower, books, billing)


def _until_verified(tower: Tower, books: ControlDoor, transaction: Transaction) -> None:
    verified = Transaction.objects.filter(pk=transaction.pk, state=TransactionState.VERIFIED)
    _after_batches(tower, books, verified.exists)


def _after_batches(tower: Tower, books: ControlDoor, reached: Callable[[], bool]) -> None:
    """Play, a batch after each beat, until something is so."""

    def played() -> bool:
        books.do("run")
        tower.impatient()
        return reached()

    tower.play(played)


def _keys(town: Town) -> Sequence[Key]:
    async def listed() -> Sequence[Key]:
        connector = catalogue.connect(
            BOOKS, Connection(BOOKS, town.urls[BOOKS], town.secrets[BOOKS])
        )
        now = datetime.now(UTC)
        return await connector.keys("invoice", now - timedelta(hours=1), now + timedelta(hours=1))

    return asyncio.run(listed())
