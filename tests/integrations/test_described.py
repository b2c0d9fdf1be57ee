"""A described system: the common suite on an invented vendor, and what a description may say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from controltower.canonical.records import Opportunity
from controltower.canonical.verdicts import Effect, Misconfigured
from integrations import catalogue
from integrations.connector import CallFailed, Connection, Descriptor
from integrations.described import faults
from integrations.described.connector import DescribedConnector
from integrations.described.faults import BadDescription
from integrations.sandbox.fernhill_desk.server import signed
from tests.integrations.conformance import conforming
from tests.integrations.doors import Town
from tests.integrations.subject import DEADLINE, Message, Subject

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "fernhill-desk.json"


def example() -> dict[str, Any]:
    """The description that the documentation walks through."""
    document: dict[str, Any] = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    return document


class Desk(Subject):
    """The invented vendor: accounts are written, won deals are fed and told."""

    name = "described"
    entity = "customer"
    feed = "opportunity"
    has_keys = False
    members = ("id", "label", "updated_at", "country_code")
    feed_members = ("id", "updated_at", "stage", "value", "account")
    row_member = "value"
    choices = ()
    throttles = ({"kind": "throttle"}, {"kind": "quota"})
    signed_headers = ("x-desk-signature", "x-desk-time")
    libraries = Subject.libraries | {"jsonschema"}

    def __init__(self, town: Town) -> None:
        secrets = town.secrets["fernhill_desk"]
        connection = Connection(
            "fernhill-desk",
            town.urls["fernhill_desk"],
            {"secret": secrets["api_key"], "webhook": secrets["webhook_key"]},
            {"description": example()},
            DEADLINE,
        )
        super().__init__(connection, town.controls["fernhill_desk"])

    @classmethod
    def descriptor(cls) -> Descriptor:
        return catalogue.descriptor(cls.name, {"description": example()})

    def record(self, tag: str, name: str, amount: Decimal) -> dict[str, Any]:
        return {"label": name, "country_code": "DE"}

    def business_key(self, tag: str) -> dict[str, Any]:
        return {"key": tag}

    def shown(self, values: Mapping[str, Any]) -> tuple[str, Decimal]:
        return values["name"], self.amount

    async def make_facts(self, count: int) -> list[str]:
        return [self.win() for _ in range(count)]

    async def touch(self, ref: str) -> None:
        self.control.do("touch", kind="deal", id=ref)

    async def messages(self, count: int) -> list[Message]:
        return [self.told(self.win()) for _ in range(count)]

    def win(self, **deal: Any) -> str:
        return str(self.control.do("win_deal", **deal)["id"])

    def told(self, ref: str) -> Message:
        row = {
            "id": ref, "updated_at": "2026-11-20T10:00:00Z", "label": "Told", "stage": "Won",
            "account": {"id": "1", "label": "Client"}, "house": "LF-DE",
            "value": {"amount": "100.00", "money": "EUR"}, "closed_on": "2026-11-20",
            "terms": "hourly", "project_ref": None, "ledger_no": None,
        }  # fmt: skip
        return self.signed(json.dumps({"kind": "deal.changed", "data": row}).encode())

    def signed(self, raw: bytes) -> Message:
        headers = signed(raw, self.connection.secrets["webhook"])
        return {name.lower(): value for name, value in headers.items()}, raw


@conforming(Desk)
class TestDescribed:
    @pytest.fixture
    def subject(self, town: Town) -> Desk:
        return Desk(town)

    async def test_only_what_the_event_is_meant_for_is_taken(self, subject: Desk) -> None:
        cursor = await subject.drained()
        draft = str(subject.control.do("draft_deal")["id"])
        won = subject.win()
        found = {one.event.record.source_id: one for one in await subject.changes(cursor)}
        assert draft not in found
        change, record = found[won], found[won].event.record
        assert isinstance(record, Opportunity)
        assert (record.source_id, record.won, record.amount) == (won, True, Decimal("18400.00"))
        assert subject.connector.retell("opportunity", change.raw) == record

    async def test_a_message_and_the_list_tell_one_fact(self, subject: Desk) -> None:
        cursor = await subject.drained()
        subject.control.do("subscribe", url="http://127.0.0.1:9/")
        won = subject.win()
        (listed,) = [
            one for one in await subject.changes(cursor) if one.event.record.source_id == won
        ]
        sent = subject.control.sent()[-1]
        headers = {name.lower(): value for name, value in sent["headers"].items()}
        assert isinstance(subject.connector, DescribedConnector)
        (told,) = subject.connector.verify_inbound(
            headers, sent["body"].encode(), datetime.now(UTC)
        )
        assert (told.event, told.raw) == (listed.event, listed.raw)


def broken(change: str, value: Any) -> list[str]:
    """The faults that are found when one member of the example is another."""
    document = example()
    *path, last = change.split("/")
    owner: Any = document
    for name in path:
        owner = owner[int(name)] if isinstance(owner, list) else owner[name]
    if value is None:
        del owner[last]
    else:
        owner[last] = value
    with pytest.raises(BadDescription) as found:
        faults.read(document)
    return list(found.value.faults)


def test_the_example_has_no_fault() -> None:
    assert faults.read(example()).title == "Fernhill Desk"


@pytest.mark.parametrize(
    ("change", "value", "said"),
    [
        ("role", None, "'role' is missing"),
        ("colour", "green", "there is no “colour”"),
        ("signs_in/secret", "hunter2", "env:SYSTEM_NAME_KEY"),
        ("signs_in/by", "basic", "“user” is missing"),
        ("base_url", "ftp://desk.example", "base_url"),
        ("base_url", "https://user:pass@desk.example", "base_url"),
        ("resources/0/record", "Deal", "Opportunity"),
        ("resources/0/event/type", "timesheet.approved", "opportunity.won"),
        ("resources/0/fields/1/target", "titel", "no “titel”"),
        ("resources/0/fields/1/rule", "guess", "unknown kind"),
        ("resources/0/changed", None, "when it was changed"),
        ("resources/0/list/paging/by", "luck", "cursor, link"),
        ("resources/0/writes/0/path", "/v2/deals", "{id}"),
        ("resources/1/read", None, "read back"),
        ("webhook/kinds", {"deal.changed": "customer"}, "no resource with an event"),
        ("webhook/signs", "{timestamp}", "webhook.signs"),
        ("webhook/timestamp_header", None, "timestamp_header"),
    ],
)
def test_a_fault_is_told_in_words_to_act_on(change: str, value: Any, said: str) -> None:
    told = broken(change, value)
    assert any(said in fault for fault in told), told


@pytest.mark.parametrize(
    ("write", "find", "effect"),
    [
        ({"verb": "upsert", "method": "POST", "path": "/x", "key_header": "K"}, 0, Effect.KEYED),
        ({"verb": "upsert", "method": "PUT", "path": "/x/{key}"}, None, Effect.KEYED),
        ({"verb": "upsert", "method": "POST", "path": "/x", "key_field": "r"}, 0, Effect.PROBED),
        ({"verb": "upsert", "method": "POST", "path": "/x", "key_field": "r"}, 60, Effect.LAGGING),
        ({"verb": "upsert", "method": "POST", "path": "/x"}, None, Effect.UNREPEATABLE),
        ({"verb": "update", "method": "PUT", "path": "/x/{id}"}, None, Effect.IDEMPOTENT),
        ({"verb": "update", "method": "PATCH", "path": "/x/{id}"}, None, Effect.UNREPEATABLE),
    ],
)
def test_a_write_is_never_said_to_be_safer_than_it_is(
    write: dict[str, str], find: int | None, effect: Effect
) -> None:
    document = example()
    account = document["resources"][1]
    account["writes"] = [write]
    account.pop("find")
    if find is not None:
        looked_up = {"path": "/x", "items": "", "parameter": "r", "at": "r", "lag_seconds": find}
        account["find"] = looked_up
    if find is not None and "key_field" not in write:
        account["find"]["by"] = "code"
    faults.read(document)
    declared = catalogue.descriptor("described", {"description": document})
    assert declared.operation("customer", write["verb"]).effect is effect


class Lister:
    """A server with a list of seven in one style of paging, on a free port."""

    def __init__(self, by: str) -> None:
        self.by = by
        self.asked: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path_qs)
        query = request.query
        start = int(query.get("n", "0"))
        if self.by == "page":
            start = (int(query["n"]) - 1) * 3
        rows = [
            {"id": n, "at": f"2026-11-2{n % 3}T10:00:00Z", "name": f"Client {n}"}
            for n in range(1, 8)
        ][start : start + 3]
        more = start + 3 < 7
        links = {"Link": f'</x?n={start + 3}>; rel="next"'} if more and self.by == "link" else {}
        return web.json_response({"rows": rows, "next": start + 3 if more else None}, headers=links)


@pytest.mark.parametrize("by", ["page", "offset", "cursor", "link"])
async def test_every_style_of_paging_reads_the_whole_list(by: str) -> None:
    lister = Lister(by)
    app = web.Application()
    app.router.add_get("/x", lister.answer)
    async with TestServer(app) as server:
        document = example()
        document["resources"] = [
            {
                "entity": "customer", "record": "Customer", "id": "id", "changed": "at",
                "list": {
                    "path": "/x", "items": "rows", "lookback_days": 3650,
                    "paging": {"by": by, "parameter": "n", "size": 3},
                },
                "event": {"type": "customer.changed"},
                "fields": [
                    {"label": "Id", "source": "id", "target": "source_id", "rule": "copy"},
                    {"label": "Name", "source": "name", "target": "name", "rule": "copy"},
                ],
            }
        ]  # fmt: skip
        del document["webhook"]
        faults.read(document)
        connector = DescribedConnector(
            Connection("x", str(server.make_url("")), {}, {"description": document}, DEADLINE)
        )
        page = await connector.read_changes("customer", "", 4)
        rest = await connector.read_changes("customer", page.next_cursor, 100)
        await connector.close()
    seen = [change.event.record.source_id for change in (*page.changes, *rest.changes)]
    assert seen == ["3", "6", "1", "4", "7", "2", "5"], "oldest first, none twice"
    assert (page.has_more, rest.has_more) == (True, False)
    assert len(lister.asked) == 6


async def test_a_link_to_another_host_is_not_followed() -> None:
    asked: list[str] = []

    async def away(request: web.Request) -> web.Response:
        asked.append(request.path_qs)
        headers = {"Link": '<http://169.254.169.254/latest>; rel="next"'}
        return web.json_response({"data": []}, headers=headers)

    app = web.Application()
    app.router.add_get("/v2/deals", away)
    async with TestServer(app) as server:
        document = example()
        document["resources"][0]["list"]["paging"] = {"by": "link"}
        connector = DescribedConnector(
            Connection("x", str(server.make_url("")), {}, {"description": document}, DEADLINE)
        )
        with pytest.raises(CallFailed) as failed:
            await connector.read_changes("opportunity", "", 10)
        await connector.close()
    assert isinstance(failed.value.verdict, Misconfigured)
    assert "another host" in failed.value.verdict.text
    assert len(asked) == 1
