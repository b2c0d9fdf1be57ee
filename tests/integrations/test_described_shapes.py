"""Two shapes of described systems: a JSON:API time tracker, whose pages say where the next one is,
and a ledger that keeps amounts of lines in cents."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from controltower.canonical.records import TimeEntry
from controltower.canonical.verdicts import Done, Kind, Misconfigured, Rejected
from integrations.connector import CallFailed, Connection
from integrations.described import faults, forms
from integrations.described.connector import DescribedConnector

TRACKER = Path(__file__).resolve().parents[2] / "docs" / "examples" / "quay-time.json"
MEDIA = "application/vnd.api+json"
KNOWN = "Basic " + b64encode(b"tower:s3cret").decode()


def copied(source: str, target: str, **more: Any) -> dict[str, Any]:
    return {"label": target, "source": source, "target": target, "rule": "copy", **more}


def tracker() -> dict[str, Any]:
    """How the time tracker is described."""
    document: dict[str, Any] = json.loads(TRACKER.read_text(encoding="utf-8"))
    return document


def ledger() -> dict[str, Any]:
    """How the ledger is described: lines are in cents, of a currency that the invoice names."""
    line = [
        copied("what", "description"),
        {"label": "Quantity", "target": "quantity", "rule": "constant", "value": "1"},
        {"label": "Unit", "target": "unit", "rule": "constant", "value": "piece"},
        copied("cents", "unit_price", form="minor", currency="money"),
        copied("cents", "amount", form="minor", currency="money"),
    ]
    sent = [copied("amount", "cents", form="minor_text", currency="money")]
    return {
        "slug": "cent-books", "title": "Cent Books", "domain": "ERP", "role": "erp",
        "base_url": "env:SYSTEM_CENT_BOOKS_URL", "health": "/", "signs_in": {"by": "nothing"},
        "resources": [
            {
                "entity": "invoice", "record": "Invoice", "id": "no", "read": "/bills/{id}",
                "fields": [
                    copied("no", "source_id"),
                    copied("money", "currency"),
                    {"label": "Lines", "source": "rows", "target": "lines", "rule": "each",
                     "rules": line},
                ],
                "writes": [
                    {
                        "verb": "upsert", "method": "PUT", "path": "/bills/{key}",
                        "replaces": "invoice-to-erp",
                        "fields": [
                            copied("currency", "money"),
                            {"label": "Lines", "source": "lines", "target": "rows", "rule": "each",
                             "rules": sent},
                        ],
                    }
                ],
            }
        ],
    }  # fmt: skip


@dataclass
class Quay:
    """The time tracker: `entries` in order, and what it was `sent`."""

    entries: list[dict[str, Any]] = field(default_factory=list)
    sent: list[Any] = field(default_factory=list)
    last_says_null: bool = True

    def approve(self, number: int, state: str = "approved") -> None:
        self.entries.append({
            "type": "time-entries", "id": str(number),
            "attributes": {
                "number": f"Q-{number}", "hours": 7.5, "state": state,
                "updated-at": f"2026-11-20T09:00:{number:02d}Z",
            },
            "relationships": {"project": {"data": {"type": "projects", "id": "P-1"}}},
        })  # fmt: skip

    @web.middleware
    async def door(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.headers.get("Authorization") != KNOWN:
            return refused(401, "unauthorized", "Who are you?")
        if request.headers["Accept"] != MEDIA:
            return refused(406, "not-acceptable", "Only JSON:API is spoken here.")
        if request.body_exists and request.headers["Content-Type"] != MEDIA:
            return refused(415, "unsupported", "Only JSON:API is taken here.")
        answer: web.StreamResponse = await handler(request)
        return answer

    async def me(self, _request: web.Request) -> web.Response:
        return said({"data": {"type": "users", "id": "1"}})

    async def list(self, request: web.Request) -> web.Response:
        size, start = int(request.query["page[size]"]), int(request.query.get("page[number]", 0))
        rows = self.entries[start * size : (start + 1) * size]
        more = len(self.entries) > (start + 1) * size
        address = request.url.update_query({"page[number]": start + 1})
        links = {"next": str(address) if more else None}
        return said({"data": rows, "links": links if more or self.last_says_null else {}})

    async def change(self, request: web.Request) -> web.Response:
        self.sent.append(await request.json())
        if not self.sent[-1]["data"]["attributes"].get("invoice"):
            return refused(422, "blank", "invoice can't be blank")
        return said({"data": self.entries[0]})


def said(content: Any, status: int = 200) -> web.Response:
    return web.json_response(content, status=status, content_type=MEDIA)


def refused(status: int, code: str, detail: str) -> web.Response:
    error = {"status": str(status), "code": code, "detail": detail}
    return said({"errors": [error]}, status)


def connected(url: str, document: dict[str, Any], **secrets: str) -> DescribedConnector:
    faults.read(document)
    known = {"user": "tower", "password": "s3cret", **secrets}
    return DescribedConnector(Connection(document["slug"], url, known, {"description": document}))


@pytest.fixture
async def quay() -> AsyncIterator[tuple[Quay, str]]:
    quay = Quay()
    app = web.Application(middlewares=[quay.door])
    app.router.add_get("/me", quay.me)
    app.router.add_get("/time-entries", quay.list)
    app.router.add_patch("/time-entries/{id}", quay.change)
    server = TestServer(app)
    await server.start_server()
    yield quay, f"http://127.0.0.1:{server.port}"
    await server.close()


@pytest.mark.parametrize("last_says_null", [True, False])
async def test_a_page_says_where_the_next_one_is(
    quay: tuple[Quay, str], last_says_null: bool
) -> None:
    tracked, url = quay
    tracked.last_says_null = last_says_null
    for number in range(1, 6):
        tracked.approve(number, "approved" if number != 3 else "draft")
    connector = connected(url, tracker())
    assert isinstance(await connector.health(), Done)
    page = await connector.read_changes("timesheet", "", 10)
    await connector.close()
    records = [one.event.record for one in page.changes]
    assert [one.source_id for one in records] == ["1", "2", "4", "5"]
    first = records[0]
    assert isinstance(first, TimeEntry)
    assert (first.hours, first.project_id) == (Decimal("7.5"), "P-1")


async def test_a_full_page_that_does_not_say_what_follows_is_drift(quay: tuple[Quay, str]) -> None:
    """A wrong path to the next page must not look like the end of the list."""
    tracked, url = quay
    for number in range(1, 6):
        tracked.approve(number)
    document = tracker()
    document["resources"][0]["list"]["paging"]["next"] = "links.following"
    connector = connected(url, document)
    with pytest.raises(CallFailed) as failed:
        await connector.read_changes("timesheet", "", 10)
    await connector.close()
    assert "following" in str(failed.value.verdict)


async def test_members_of_members_are_written_with_the_records_own_id(
    quay: tuple[Quay, str],
) -> None:
    tracked, url = quay
    tracked.approve(7)
    connector = connected(url, tracker())
    flat = {"data.type": "time-entries", "data.attributes.invoice": "INV-1"}
    done = await connector.act("timesheet", "7", "mark_invoiced", flat, "key")
    assert isinstance(done, Done)
    wanted = {"type": "time-entries", "id": "7", "attributes": {"invoice": "INV-1"}}
    assert tracked.sent == [{"data": wanted}]
    empty = {"data.type": "time-entries", "data.attributes.invoice": ""}
    blank = await connector.act("timesheet", "7", "mark_invoiced", empty, "key")
    await connector.close()
    assert isinstance(blank, Rejected)
    assert (blank.kind, blank.text) == (Kind.VALIDATION, "invoice can't be blank")


async def test_another_media_type_is_ours_to_mend(quay: tuple[Quay, str]) -> None:
    document = tracker()
    del document["media_type"]
    connector = connected(quay[1], document)
    verdict = await connector.health()
    await connector.close()
    assert isinstance(verdict, Misconfigured)
    assert (verdict.kind, verdict.text) == (Kind.CONTRACT, "Only JSON:API is spoken here.")


@pytest.fixture
async def books() -> AsyncIterator[tuple[list[Any], str]]:
    """What the ledger was sent, and where it is; it has one bill, of 12.34 and 0.5 dinars."""
    sent: list[Any] = []

    async def show(_request: web.Request) -> web.Response:
        rows = [{"what": "Advice", "cents": 12340}, {"what": "Travel", "cents": 500}]
        return web.json_response({"no": "B-1", "money": "KWD", "rows": rows})

    async def take(request: web.Request) -> web.Response:
        sent.append(await request.json())
        return web.json_response({"no": "B-1", "money": "EUR", "rows": []})

    app = web.Application()
    app.router.add_get("/bills/{id}", show)
    app.router.add_put("/bills/{key}", take)
    server = TestServer(app)
    await server.start_server()
    yield sent, f"http://127.0.0.1:{server.port}"
    await server.close()


async def test_cents_within_a_list_are_of_the_currency_around_it(
    books: tuple[list[Any], str],
) -> None:
    sent, url = books
    connector = connected(url, ledger())
    read = await connector.get("invoice", "B-1")
    assert isinstance(read, Done)
    assert [Decimal(line["amount"]) for line in read.values["lines"]] == [
        Decimal("12.340"),
        Decimal("0.500"),
    ]
    record = {"money": "EUR", "rows": [{"cents": "7200.00"}, {"cents": "-0.05"}]}
    assert isinstance(await connector.upsert("invoice", record, "key"), Done)
    assert sent == [{"money": "EUR", "rows": [{"cents": "720000"}, {"cents": "-5"}]}]
    spoilt = {"money": "EUR", "rows": [{"cents": "much"}]}
    verdict = await connector.upsert("invoice", spoilt, "key")
    await connector.close()
    assert isinstance(verdict, Rejected)
    assert len(sent) == 1


def test_a_fault_of_a_form_within_a_list_is_named() -> None:
    document = ledger()
    document["resources"][0]["fields"][2]["rules"][4]["form"] = "pence"
    with pytest.raises(faults.BadDescription) as found:
        faults.read(document)
    assert "“amount” must be one of minor" in " ".join(found.value.faults)


@pytest.mark.parametrize(
    ("place", "words"),
    [((), "Known are: currency, customer_code"), ((2, "rules"), "Known are: account_code, amount")],
)
def test_an_unknown_field_is_answered_with_those_there_are(
    place: tuple[Any, ...], words: str
) -> None:
    """Whoever describes a system for the first time has no other list of our names."""
    document = ledger()
    rules = document["resources"][0]["fields"]
    for step in place:
        rules = rules[step]
    rules.append(copied("when", "worked_on"))
    with pytest.raises(faults.BadDescription) as found:
        faults.read(document)
    assert f"Invoice has no “worked_on”. {words}" in " ".join(found.value.faults)


def test_a_currency_in_small_letters_has_its_minor_units() -> None:
    rule = copied("cents", "amount", form="minor", currency="money")
    assert forms.read(rule, {"cents": "482000", "money": "jpy"}, "482000") == "482000"
    assert forms.read(rule, {"cents": "482000", "money": "eur"}, "482000") == "4820.00"
    back = copied("amount", "cents", form="minor", currency="money")
    assert forms.written([back], {"cents": "48.20", "money": "eur"})["cents"] == 4820


def test_the_guide_names_all_that_may_be_said() -> None:
    guide = (TRACKER.parents[1] / "new-system.md").read_text(encoding="utf-8")
    assert [
        name
        for name in sorted(_members(faults.shape()))
        if f"`{name}`" not in guide and f'"{name}"' not in guide
    ] == []


def _members(shape: Any) -> set[str]:
    """The names of all members that a JSON Schema knows of, however deep."""
    parts = shape.values() if isinstance(shape, dict) else shape if isinstance(shape, list) else ()
    own = set(shape.get("properties", ())) if isinstance(shape, dict) else set()
    return own.union(*map(_members, parts))
