"""A described system that does nothing as others do: every call is signed, amounts are cents as
text, times are milliseconds, ids and page tokens stand deep within, errors are lists."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from controltower.canonical.verdicts import Done, Kind, Misconfigured, Rejected, Verdict
from integrations.connector import CallFailed, Connection, Forged
from integrations.described import faults
from integrations.described.connector import DescribedConnector
from integrations.described.faults import BadDescription

SECRETS = {"secret": "the-key", "id": "client-7", "webhook": "the-hooks-key"}
BEGAN = 1_795_000_000_000
"""Milliseconds; in November 2026."""


def description() -> dict[str, Any]:
    """How the stranger is described."""
    return {
        "slug": "strange-books", "title": "Strange Books", "domain": "CRM", "role": "crm",
        "base_url": "env:SYSTEM_STRANGE_BOOKS_URL", "health": "/api/hello",
        "signs_in": {
            "by": "signature", "header": "X-Proof", "secret": "env:SYSTEM_STRANGE_BOOKS_KEY",
            "signs": "{timestamp}\n{method}\n{path}\n{body}", "algorithm": "sha512",
            "encoding": "base64", "timestamp_header": "X-Time",
            "timestamp_format": "milliseconds", "id_header": "X-Client",
            "id": "env:SYSTEM_STRANGE_BOOKS_ID",
        },
        "errors": {
            "text": "problems.0.why", "code": "problems.0.tag",
            "kinds": {"E_GONE": "not_found", "E_PROOF": "auth"},
        },
        "webhook": {
            "secret": "env:SYSTEM_STRANGE_BOOKS_WEBHOOK_KEY", "signature_header": "X-Sig-512",
            "prefix": "v2 ", "algorithm": "sha512", "signs": "{timestamp}:{body}",
            "timestamp_header": "X-When", "timestamp_format": "milliseconds", "kind_at": "about",
            "kinds": {"deal": "opportunity"}, "record_at": "payload.deal",
        },
        "resources": [
            {
                "entity": "opportunity", "record": "Opportunity", "id": "meta.ref.uid",
                "changed": "meta.touched", "changed_format": "milliseconds",
                "read": "/api/deals/{id}", "record_at": "entry",
                "list": {
                    "path": "/api/deals", "items": "result.entries", "since": "touchedFrom",
                    "since_format": "milliseconds", "sorted": True, "lookback_days": 3650,
                    "paging": {"by": "cursor", "parameter": "token", "next": "result.page.token"},
                },
                "event": {"type": "opportunity.won", "when": "phase", "values": ["WON"]},
                "fields": [
                    _copy("meta.ref.uid", "source_id"),
                    _copy("title", "name"),
                    _copy("worth.cents", "amount", form="minor", currency="worth.iso"),
                    _copy("worth.iso", "currency"),
                    _copy("signedAt", "close_date", form="milliseconds", zone="Asia/Tokyo"),
                ],
                "writes": [
                    {
                        "verb": "update", "method": "PUT", "path": "/api/deals/{id}",
                        "replaces": "deal-links-to-crm",
                        "fields": [
                            _copy("amount", "cents", form="minor_text", currency="iso"),
                            _copy("currency", "iso"),
                            _copy("due", "dueAt", form="milliseconds", zone="Asia/Tokyo"),
                        ],
                    }
                ],
            }
        ],
    }  # fmt: skip


def _copy(source: str, target: str, **form: str) -> dict[str, Any]:
    return {"label": target, "source": source, "target": target, "rule": "copy", **form}


@dataclass
class Stranger:
    """The system: `deals` by id, `written` what it was sent, and whom it let in."""

    deals: dict[str, dict[str, Any]] = field(default_factory=dict)
    written: list[dict[str, Any]] = field(default_factory=list)

    def won(self, number: int, cents: str = "4800050", iso: str = "GBP") -> None:
        touched = BEGAN + number
        self.deals[f"D-{number}"] = {
            "meta": {"ref": {"uid": f"D-{number}"}, "touched": touched}, "title": f"Deal {number}",
            "phase": "WON", "worth": {"cents": cents, "iso": iso}, "signedAt": touched,
        }  # fmt: skip

    @web.middleware
    async def door(self, request: web.Request, handler: Any) -> web.StreamResponse:
        stamp = request.headers.get("X-Time", "")
        text = f"{stamp}\n{request.method}\n{request.raw_path}\n".encode()
        digest = hmac.digest(b"the-key", text + await request.read(), "sha512")
        late = abs(datetime.now(UTC) - datetime.fromtimestamp(int(stamp) / 1000, UTC))
        proven = request.headers["X-Proof"] == base64.b64encode(digest).decode()
        if not proven or request.headers["X-Client"] != "client-7" or late > timedelta(minutes=5):
            return _problem(401, "E_PROOF", "The proof is wrong.")
        answer: web.StreamResponse = await handler(request)
        return answer

    async def hello(self, _request: web.Request) -> web.Response:
        return web.json_response({"hello": True})

    async def list(self, request: web.Request) -> web.Response:
        since = int(request.query["touchedFrom"])
        found = [one for one in self.deals.values() if one["meta"]["touched"] >= since]
        start = int(request.query.get("token", "t0")[1:])
        token = f"t{start + 2}" if start + 2 < len(found) else None
        page = {"entries": found[start : start + 2], "page": {"token": token}}
        return web.json_response({"result": page})

    async def show(self, request: web.Request) -> web.Response:
        found = self.deals.get(request.match_info["id"])
        if found is None:
            return _problem(400, "E_GONE", "There is no such deal.")
        return web.json_response({"entry": found})

    async def change(self, request: web.Request) -> web.Response:
        self.written.append(await request.json())
        return web.json_response({"entry": self.deals[request.match_info["id"]]})


def _problem(status: int, tag: str, why: str) -> web.Response:
    return web.json_response({"problems": [{"tag": tag, "why": why}]}, status=status)


Pair = tuple[Stranger, DescribedConnector]


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    stranger = Stranger()
    app = web.Application(middlewares=[stranger.door])
    app.router.add_get("/api/hello", stranger.hello)
    app.router.add_get("/api/deals", stranger.list)
    app.router.add_get("/api/deals/{id}", stranger.show)
    app.router.add_put("/api/deals/{id}", stranger.change)
    server = TestServer(app)
    await server.start_server()
    connector = connected(f"http://127.0.0.1:{server.port}")
    yield stranger, connector
    await connector.close()
    await server.close()


def connected(url: str, **secrets: str) -> DescribedConnector:
    faults.read(description())
    options = {"description": description()}
    return DescribedConnector(Connection("strange-books", url, {**SECRETS, **secrets}, options))


async def test_every_call_is_signed(pair: Pair) -> None:
    _, connector = pair
    assert isinstance(await connector.health(), Done)
    other = connected(connector._connection.base_url, secret="another")
    refused = await other.health()
    await other.close()
    assert isinstance(refused, Misconfigured) and refused.kind is Kind.AUTH
    assert "The proof is wrong." in refused.text


async def test_cents_milliseconds_and_deep_tokens_are_read(pair: Pair) -> None:
    stranger, connector = pair
    for number, (cents, iso) in enumerate([("4800050", "GBP"), ("7", "EUR"), ("1200", "JPY")]):
        stranger.won(number, cents, iso)
    page = await connector.read_changes("opportunity", "", 10)
    told = {one.event.record.source_id: one.event.record for one in page.changes}
    amounts = {ref: (record.amount, record.currency) for ref, record in told.items()}  # type: ignore[attr-defined] # opportunities all
    assert amounts == {
        "D-0": (Decimal("48000.50"), "GBP"),
        "D-1": (Decimal("0.07"), "EUR"),
        "D-2": (Decimal(1200), "JPY"),
    }
    day = datetime.fromtimestamp(BEGAN / 1000, UTC) + timedelta(hours=9)
    assert told["D-0"].close_date == day.date()  # type: ignore[attr-defined] # the day in Tokyo
    (first, *_) = page.changes
    assert first.event.time == datetime.fromtimestamp(BEGAN / 1000, UTC)


async def test_one_odd_amount_holds_nobody_up(pair: Pair) -> None:
    stranger, connector = pair
    for number, cents in enumerate(["100", "12.50", "abc", "200"]):
        stranger.won(number, cents)
    stranger.won(9, "100", iso="XXX")
    page = await connector.read_changes("opportunity", "", 10)
    assert {one.event.record.source_id for one in page.changes} == {"D-0", "D-3"}
    assert [one.ref for one in page.aside] == ["D-1", "D-2", "D-9"]


async def test_what_is_written_is_in_its_own_form(pair: Pair) -> None:
    stranger, connector = pair
    stranger.won(1)
    record = {"cents": "48000.50", "iso": "GBP", "dueAt": "2026-12-01"}
    assert isinstance(await connector.act("opportunity", "D-1", "update", record, "k"), Done)
    midnight = int(datetime(2026, 11, 30, 15, tzinfo=UTC).timestamp() * 1000)
    assert stranger.written == [{"cents": "4800050", "iso": "GBP", "dueAt": midnight}]
    for spoilt in ({**record, "iso": "XXX"}, {**record, "cents": "much"}, {"dueAt": "soon"}):
        refused = await connector.act("opportunity", "D-1", "update", spoilt, "k")
        assert isinstance(refused, Rejected) and refused.kind is Kind.VALIDATION
    assert len(stranger.written) == 1


async def test_a_refusal_in_a_list_says_what_it_means(pair: Pair) -> None:
    _, connector = pair
    with pytest.raises(CallFailed) as failed:
        await connector.get("opportunity", "D-404")
    verdict: Verdict = failed.value.verdict
    assert isinstance(verdict, Rejected)
    assert (verdict.kind, verdict.text) == (Kind.NOT_FOUND, "There is no such deal.")


def test_a_message_says_its_time_in_milliseconds() -> None:
    connector, stranger = connected("https://books.example"), Stranger()
    stranger.won(1)
    raw = json.dumps({"about": "deal", "payload": {"deal": stranger.deals["D-1"]}}).encode()
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    for age, taken in ((timedelta(), True), (timedelta(minutes=6), False)):
        stamp = str(int((now - age).timestamp() * 1000))
        made = hmac.digest(b"the-hooks-key", f"{stamp}:".encode() + raw, "sha512").hex()
        headers = {"x-sig-512": f"v2 {made}", "x-when": stamp}
        if taken:
            (change,) = connector.verify_inbound(headers, raw, now)
            assert change.event.record.source_id == "D-1"
            continue
        with pytest.raises(Forged):
            connector.verify_inbound(headers, raw, now)


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (("signs_in", "id"), "", "“id” is missing"),
        (("signs_in", "signs"), "", "“signs” is missing"),
        (("signs_in", "timestamp_header"), "", "timestamp_header must say"),
        (("resources", 0, "fields", 2, "form"), "pence", "must be one of minor"),
        (("resources", 0, "fields", 2, "currency"), "", "needs “currency”"),
        (("resources", 0, "fields", 4, "zone"), "Mars/Base", "is not known"),
    ],
)
def test_a_fault_of_a_form_is_named(place: tuple[Any, ...], value: str, words: str) -> None:
    document = description()
    *path, last = place
    within: Any = document
    for step in path:
        within = within[step]
    within.pop(last)
    if value:
        within[last] = value
    with pytest.raises(BadDescription) as found:
        faults.read(document)
    assert words in " ".join(found.value.faults)
