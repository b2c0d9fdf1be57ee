"""A list as a file: the rows of the page, all of them, as cells and never as formulas."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from controltower.firm.models import AuditEntry, Person
from controltower.transactions.models import Transaction
from controltower.web import exports
from tests.factories import Firm, found

pytestmark = [
    pytest.mark.django_db,
    # the product answers under ASGI; the test's client reads the stream to its end first
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous"),
]


@pytest.fixture
def firm() -> Firm:
    return found()


def _exported(person: Person, **filters: str) -> list[dict[str, str]]:
    client = Client()
    client.force_login(person)
    answer: Any = client.post(f"{reverse('transaction_exports')}?{'&'.join(_pairs(filters))}")
    assert answer.status_code == 200
    assert "attachment" in answer["Content-Disposition"]
    text = b"".join(answer).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def _pairs(filters: dict[str, str]) -> Iterable[str]:
    return (f"{name}={value}" for name, value in filters.items())


def test_the_file_has_every_row_of_the_list_exactly(
    firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "CHUNK", 2)
    deals = [firm.deal() for _ in range(5)]
    bill = firm.bill(deals[0])
    rows = _exported(firm.anna)
    assert [row["reference"] for row in rows] == list(
        Transaction.objects.order_by("-started_at", "-pk").values_list("reference", flat=True)
    )
    (mine,) = [row for row in rows if row["reference"] == bill.reference]
    assert (mine["amount"], mine["currency"], mine["entity"]) == ("7200.0000", "EUR", "LF-DE")
    assert [row["reference"] for row in _exported(firm.anna, process=bill.process)] == [
        bill.reference
    ]


def test_each_sees_their_own_companies_only(firm: Firm) -> None:
    firm.deal()
    mine = firm.deal(entity="LF-UK", currency="GBP")
    assert [row["reference"] for row in _exported(firm.callum)] == [mine.reference]


def test_words_are_never_formulas(firm: Firm) -> None:
    firm.deal(name='=HYPERLINK("http://x.example","pay")', customer_name="@SUM(A1)")
    (row,) = _exported(firm.anna)
    assert row["title"].startswith("'=")
    assert row["client"].startswith("'@")


def test_it_is_in_the_audit_trail(firm: Firm) -> None:
    _exported(firm.anna, state="verified")
    entry = AuditEntry.objects.get(verb="export")
    assert (entry.actor, entry.detail) == (firm.anna.username, {"filters": {"state": "verified"}})


def test_a_filter_without_sense_exports_nothing(firm: Firm) -> None:
    client = Client()
    client.force_login(firm.anna)
    answer = client.post(f"{reverse('transaction_exports')}?state=lost")
    assert answer.status_code == 400
    assert not AuditEntry.objects.filter(verb="export").exists()
