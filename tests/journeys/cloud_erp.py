"""A cloud ERP as the books of one company, beside the one that keeps the others'."""

from __future__ import annotations

import asyncio

import pytest
from django.utils import timezone

from controltower.firm import governing
from controltower.firm.models import Person
from controltower.transactions.agreed_routes import KIND, Place
from controltower.transactions.models import Transaction
from controltower.web.demo.surroundings import connect_systems
from integrations import catalogue
from integrations.connector import Connection
from tests.integrations.conformance.verdicts import done
from tests.integrations.doors import Town
from tests.journeys.tower import Tower

NEW = ("business_central", "netsuite")


@pytest.fixture
def new_books(
    tower: Tower, town: Town, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Connection:
    """The new ERP beside the old one, which still has every company."""
    new = request.param
    monkeypatch.setenv(f"SANDBOX_{new.upper()}_URL", town.urls[new])
    for name, value in town.secrets[new].items():
        monkeypatch.setenv(f"SANDBOX_{new.upper()}_{name.upper()}", value)
    connect_systems(timezone.now())
    return Connection(new, town.urls[new], town.secrets[new], {"settle_seconds": 0})


def moved_in(books: Connection, deal: Transaction) -> None:
    """What the migration does: the customer stands in the new books under its number."""
    sent = deal.steps.get(name="customer").sent
    record = {**sent, "payment_term": "NET30", "vat_number": sent.get("vat_number") or ""}

    async def written() -> None:
        connector = catalogue.connect(books.slug, books)
        done(await connector.upsert("customer", record, "migration"))
        await connector.close()

    asyncio.run(written())


def cut_over(company: str, system: str) -> None:
    """As Admin does it: from today on, one proposes and another agrees."""
    now = timezone.now()
    amara, anna = (Person.objects.get(username=name) for name in ("amara.osei", "anna.lindqvist"))
    about = Place("erp", company)
    content = {"system": system, "from": now.date().isoformat()}
    made = governing.propose(
        subject=f"{KIND}:{about}", content=content, reason="cut-over", by=amara, now=now
    )
    governing.decide(version=made, agree=True, answer="", by=anna, now=now)
