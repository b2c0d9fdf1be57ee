"""A list as a file: the rows of the page, all of them, as cells and never as formulas."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse

from controltower.firm.models import AuditEntry, Person
from controltower.transactions.models import Transaction
from controltower.web import exports
from controltower.web.sheets import TYPES, XLSX, Workbook
from tests.factories import Firm

pytestmark = [
    pytest.mark.django_db,
    # the product answers under ASGI; the test's client reads the stream to its end first
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous"),
]


SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


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


def _book(answer: Any) -> dict[str, list[list[str]]]:
    """The cells of a workbook by sheet: a number as it stands, a text with its quotes."""
    book = zipfile.ZipFile(io.BytesIO(b"".join(answer)))
    sheets = {}
    for number, name in enumerate(("Rows", "About"), start=1):
        tree = ElementTree.fromstring(book.read(f"xl/worksheets/sheet{number}.xml"))
        assert not list(tree.iter(f"{SHEET}f")), "no formula"
        sheets[name] = [
            [_cell(c) for c in row.iter(f"{SHEET}c")] for row in tree.iter(f"{SHEET}row")
        ]
    return sheets


def _cell(cell: ElementTree.Element) -> str:
    text = "".join(cell.itertext())
    return repr(text) if cell.get("t") == "inlineStr" else text


def test_a_workbook_has_typed_cells_and_says_what_it_is(
    firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "CHUNK", 2)
    for _ in range(2):
        firm.deal(entity="LF-UK", currency="GBP")
    firm.deal(name='=HYPERLINK("http://x.example","pay")')
    client = Client()
    client.force_login(firm.anna)
    answer: Any = client.post(
        f"{reverse('transaction_exports')}?state=verified", {"format": "xlsx"}
    )
    assert answer["Content-Type"] == TYPES[XLSX]
    assert answer["Content-Disposition"].endswith('.xlsx"')
    found = _book(answer)
    head, *rows = found["Rows"]
    assert head == [repr(name) for name in exports.COLUMNS]
    assert len(rows) == Transaction.objects.filter(state="verified").count() == 3
    row = dict(zip(exports.COLUMNS, rows[0], strict=True))
    assert row["title"] == repr('=HYPERLINK("http://x.example","pay")')
    assert (Decimal(row["amount"]), row["currency"]) == (Decimal(48200), "'EUR'")
    assert float(row["began"]) > 40_000, "a time is a number with the look of a time"
    assert ["'filter state'", "'verified'"] in found["About"]
    assert ["'rows'", "3"] in found["About"]
    assert AuditEntry.objects.filter(verb="export").count() == 1


def test_more_digits_than_excel_holds_stay_exact() -> None:
    book = Workbook(["amount"], ZoneInfo("UTC"))
    book.add([(Decimal("12345678901234567.89"),), (Decimal("0.10"),), (None,)])
    assert _book(book.pieces([]))["Rows"][1:] == [["'12345678901234567.89'"], ["0.10"]]


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
