"""A list as a file: the rows of the page, all of them, as cells and never as formulas."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse

from controltower.firm import audit
from controltower.firm.models import AuditEntry, Person
from controltower.incidents import watch
from controltower.mappings.models import FieldOwner
from controltower.transactions.models import Transaction
from controltower.web import (
    exception_groups,
    exports,
    incident_list,
    job_list,
    list_files,
    set_aside,
    sheets,
)
from controltower.web.demo.runbooks import agree_runbooks
from controltower.web.sheets import TYPES, XLSX, Workbook
from tests import factories
from tests.factories import Firm, signed_in
from tests.web.files import downloaded, rows_of

pytestmark = [
    pytest.mark.django_db,
    # the product answers under ASGI; the test's client reads the stream to its end first
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous"),
]


SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def _exported(person: Person, **filters: str) -> list[dict[str, str]]:
    client = Client()
    client.force_login(person)
    return rows_of(client, f"{reverse('transaction_exports')}?{'&'.join(_pairs(filters))}")


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


def _book(answer: Any, *names: str) -> dict[str, list[list[str]]]:
    """The cells of a workbook by sheet: a number as it stands, a text with its quotes."""
    book = zipfile.ZipFile(io.BytesIO(b"".join(answer)))
    sheets = {}
    for number, name in enumerate(names or ("Rows", "About"), start=1):
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
    assert ["'total GBP'", "96400.0000"] in found["About"]
    assert AuditEntry.objects.filter(verb="export").count() == 1


def test_more_digits_than_excel_holds_stay_exact() -> None:
    book = Workbook(["amount"], ZoneInfo("UTC"))
    book.add([(Decimal("12345678901234567.89"),), (Decimal("0.10"),), (None,)])
    assert _book(book.pieces([]))["Rows"][1:] == [["'12345678901234567.89'"], ["0.10"]]


def test_a_full_sheet_is_gone_on_with_in_a_further_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "TALLEST", 3)
    book = Workbook(["number"], ZoneInfo("UTC"))
    book.add((number,) for number in range(5))
    file = io.BytesIO(b"".join(book.pieces([])))
    told = zipfile.ZipFile(file).read("xl/workbook.xml").decode()
    assert re.findall(r'<sheet name="([^"]+)"', told) == ["Rows", "Rows 2", "Rows 3", "About"]
    found = _book([file.getvalue()], "Rows", "Rows 2", "Rows 3", "About")
    assert [found[name][1:] for name in ("Rows", "Rows 2", "Rows 3")] == [
        [["0"], ["1"]], [["2"], ["3"]], [["4"]],
    ]  # fmt: skip
    assert found["Rows 3"][0] == ["'number'"]
    assert ["'rows'", "5"] in found["About"]


def test_no_list_is_cut_however_many_it_holds(firm: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages list the first ones and count all; files are read part by part and have all."""
    for module in (exports, list_files):
        monkeypatch.setattr(module, "CHUNK", 2)
    for module, name in ((exception_groups, "MOST"), (incident_list, "MOST"), (set_aside, "MOST"),
                         (job_list, "MOST_LISTED")):  # fmt: skip
        monkeypatch.setattr(module, name, 1)
    kinds = [factories.refused(f"refusal {word}") for word in ("one", "two", "three")]
    for answer in kinds:
        held = firm.deal(answers={"project": answer})
        firm.plan(held, by=firm.otto)
        factories.unreadable(entity="LF-UK")
        watch.report(subject=f"system:{held.reference}", title="away", now=firm.now)
    client = signed_in(firm.otto)
    for name, (url, _columns, shown) in LISTS.items():
        if name != "systems":
            assert len(client.get(url).context[shown]) == 1, name
            assert len(rows_of(client, f"/exports/{name}/")) == 3, name
    page = client.get("/exceptions/").context
    assert (page["count"], page["more"], page["total"].count) == (3, 2, 3)


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


LISTS = {
    "exceptions": ("/exceptions/", list_files.EXCEPTIONS, "groups"),
    "incidents": ("/incidents/", list_files.INCIDENTS, "lines"),
    "jobs": ("/jobs/", list_files.JOBS, "jobs"),
    "systems": ("/systems/", list_files.SYSTEMS, "systems"),
    "set-aside": ("/exceptions/set-aside/", list_files.SET_ASIDE, "events"),
}


def test_each_list_is_a_file_of_what_its_page_shows(firm: Firm) -> None:
    bills = factories.stuck_bills(firm, 2)
    firm.deal(name="=1+1", answers={"project": factories.refused("=2+2")}, entity="LF-UK")
    firm.plan(*bills, by=firm.otto)
    factories.unreadable(entity="LF-UK")
    watch.report(subject="system:erp", title="=3+3", now=firm.now)
    for who in (firm.otto, firm.callum):
        client = signed_in(who)
        for name, (url, columns, shown) in LISTS.items():
            page = client.get(url).context[shown]
            told = downloaded(client, f"/exports/{name}/").decode("utf-8-sig")
            rows = list(csv.reader(io.StringIO(told)))
            assert tuple(rows[0]) == columns, name
            assert len(rows) - 1 == len(page), name
            assert not any(cell.startswith("=") for row in rows for cell in row), name
            if who == firm.otto:
                assert page, name
    assert AuditEntry.objects.filter(verb="export").count() == 2 * len(LISTS)


def test_a_workbook_of_exceptions_repeats_the_filter_and_the_total_of_its_page(firm: Firm) -> None:
    factories.stuck_bills(firm, 2)
    client = signed_in(firm.anna)
    total = client.get("/exceptions/?tab=unowned").context["total"].value
    answer: Any = client.post("/exports/exceptions/?tab=unowned", {"format": "xlsx"})
    found = _book(answer)
    assert len(found["Rows"]) == 2
    about = {row[0]: row[1] for row in found["About"]}
    assert Decimal(about[f"'total {total.currency}'"]) == total.amount > 0
    assert (about["'filter tab'"], about["'rows'"]) == ("'unowned'", "1")
    assert about["'written for'"] == repr(str(firm.anna))


def test_the_board_of_owners_is_a_file(firm: Firm) -> None:
    rows = rows_of(signed_in(firm.anna), "/exports/mappings/")
    assert len(rows) == FieldOwner.objects.count() > 0
    assert any("v1" in row["mappings_in_use"] for row in rows)


def test_the_rows_of_a_group_are_a_file_with_the_total_of_its_page(
    firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_files, "CHUNK", 2)
    bills = factories.stuck_bills(firm, 3)
    client, pk = signed_in(firm.anna), firm.cause(bills[0]).pk
    page = client.get(f"/exceptions/{pk}/").context
    rows = rows_of(client, f"/exports/exceptions/{pk}/")
    assert [row["key"] for row in rows] == [row.key for row in page["rows"]]
    total = page["matching"]["value"]
    assert sum(Decimal(row["value"]) for row in rows) == total.amount > 0
    found = _book(client.post(f"/exports/exceptions/{pk}/", {"format": "xlsx"}))
    assert [f"'total {total.currency}'", str(total.amount)] in found["About"]
    assert signed_in(firm.callum).post(f"/exports/exceptions/{pk}/").status_code == 404


def test_the_audit_chain_is_a_file_up_to_its_own_entry(
    firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_files, "CHUNK", 2)
    for number in range(5):
        audit.record(
            actor=firm.otto, verb="assign", subject=f"thing {number}", allowed=number < 4,
            now=firm.now, entity="LF-UK", detail={"why": "=1+1"},
        )  # fmt: skip
    before = AuditEntry.objects.count()
    client = signed_in(firm.anna)
    rows = rows_of(client, "/exports/audit/")
    assert [int(row["entry"]) for row in rows] == list(
        AuditEntry.objects.order_by("-pk").values_list("pk", flat=True)[1:]
    )
    assert len(rows) == before
    (denied,) = rows_of(client, "/exports/audit/?verb=assign&outcome=denied")
    assert (denied["object"], denied["person"], denied["outcome"]) == (
        "thing 4", firm.otto.username, "denied",
    )  # fmt: skip
    assert denied["detail"] == "Why: =1+1"
    assert signed_in(firm.otto).post("/exports/audit/").status_code == 403


def test_runbooks_are_a_file_of_what_their_list_shows(firm: Firm) -> None:
    agree_runbooks(now=firm.now)
    client = signed_in(firm.otto)
    shown = client.get("/runbooks/").context["runbooks"]
    rows = rows_of(client, "/exports/runbooks/")
    assert [int(row["steps"]) for row in rows] == [line["steps"] for line in shown]
    assert rows[0]["runbook"] == shown[0]["book"].title
    (one, *_more) = rows_of(client, f"/exports/runbooks/?q={shown[-1]['book'].title}")
    assert one["runbook"] == shown[-1]["book"].title
