"""The event log is OCEL 2.0, whole in itself, as wide as who asks may see, and without people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from django.core.management import call_command
from django.db.models import QuerySet
from django.test import Client
from django.utils import timezone

from controltower.firm.models import AuditEntry
from controltower.measures import event_log
from controltower.transactions.models import BusinessKey, TimelineEntry, Transaction
from tests.factories import Firm, closed, signed_in
from tests.web.cast import token
from tests.web.files import downloaded

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous"),
]
SCHEMA = json.loads((Path(__file__).parent / "ocel20.schema.json").read_text())
PAGE = "/exports/event-log/"


def read(content: bytes) -> dict[str, Any]:
    """A log that keeps the standard, and names nothing that it does not hold."""
    log: dict[str, Any] = json.loads(content)
    jsonschema.validate(log, SCHEMA)
    objects = {one["id"]: one["type"] for one in log["objects"]}
    assert len(objects) == len(log["objects"])
    assert len({one["id"] for one in log["events"]}) == len(log["events"])
    for sort, types in (("objects", "objectTypes"), ("events", "eventTypes")):
        known = {one["name"]: {a["name"] for a in one["attributes"]} for one in log[types]}
        assert {one["type"] for one in log[sort]} == set(known)
        for one in log[sort]:
            assert {a["name"] for a in one["attributes"]} <= known[one["type"]]
            assert {other["objectId"] for other in one["relationships"]} <= set(objects)
    return log


def log_of(client: Client, query: str = "", **form: str) -> dict[str, Any]:
    return read(downloaded(client, f"{PAGE}{query}", **form))


def at_work(firm: Firm) -> Transaction:
    """A deal whose work is billed, and one whose work waits for a month."""
    bill = firm.bill(firm.deal())
    firm.bill(firm.deal(), answers={"post": closed()})
    return bill


def test_what_happened_is_told_of_the_journey_its_chain_and_its_things(firm: Firm) -> None:
    bill = at_work(firm)
    log = log_of(signed_in(firm.anna))
    (told,) = (one for one in log["objects"] if one["id"] == bill.reference)
    assert told["type"] == "time-and-expense-to-billing"
    known = {one["name"]: one["value"] for one in told["attributes"]}
    assert (known["state"], known["amount"], known["currency"]) == ("verified", 7200.0, "EUR")
    assert f"chain:{bill.correlation_id}" in {one["objectId"] for one in told["relationships"]}
    happened = {one["id"]: one for one in log["events"]}
    entries = TimelineEntry.objects.filter(transaction=bill)
    assert {str(entry.pk) for entry in entries} <= set(happened)
    posted = happened[str(entries.get(step="post", kind="verified").pk)]
    assert posted["type"] == "post verified"
    qualifiers = {one["qualifier"] for one in posted["relationships"]}
    assert {"transaction", "chain", "project"} <= qualifiers
    assert AuditEntry.objects.filter(verb="export", subject="event-log").count() == 1


def test_nobody_is_in_it(firm: Firm) -> None:
    bill = at_work(firm)
    BusinessKey.objects.create(transaction=bill, kind="employee number", value="E-4711-SECRET")
    TimelineEntry.objects.filter(transaction=bill, kind="accepted").update(
        actor=firm.otto.username, text="Otto wrote this."
    )
    log = log_of(signed_in(firm.anna))
    said = json.dumps(log)
    assert "E-4711-SECRET" not in said
    assert "Otto" not in said
    assert firm.otto.username not in said
    (decided,) = (
        one for one in log["events"] if {"name": "by", "value": "person"} in one["attributes"]
    )
    assert decided["type"] == "accepted"


def test_it_is_as_wide_as_who_asks_may_see(firm: Firm) -> None:
    ours = at_work(firm)
    theirs = firm.deal(entity="LF-UK", currency="GBP")
    seen = {one["id"] for one in log_of(signed_in(firm.callum))["objects"]}
    assert theirs.reference in seen
    assert ours.reference not in seen


def test_it_is_of_one_process_and_one_time(firm: Firm) -> None:
    bill, client = at_work(firm), signed_in(firm.anna)
    log = log_of(client, "?process=opportunity-to-project", days="90")
    kinds = {one["type"] for one in log["objects"]}
    assert "opportunity-to-project" in kinds
    assert "time-and-expense-to-billing" not in kinds
    Transaction.objects.filter(pk=bill.pk).update(started_at=timezone.now() - timedelta(days=60))
    month, quarter = log_of(client, days="30"), log_of(client, days="90")
    assert bill.reference not in {one["id"] for one in month["objects"]}
    assert bill.reference in {one["id"] for one in quarter["objects"]}
    assert client.post(PAGE, {"days": "31"}).status_code == 400
    assert client.post(f"{PAGE}?process=nothing").status_code == 404


def test_a_long_one_is_the_same_in_small_parts(firm: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    at_work(firm)
    rows = Transaction.objects.all()
    whole = read(b"".join(event_log.pieces(rows)))
    monkeypatch.setattr(event_log, "AT_ONCE", 1)
    monkeypatch.setattr(event_log, "PIECE", 100)
    pieces = list(event_log.pieces(rows))
    assert len(pieces) > 20
    assert read(b"".join(pieces)) == whole
    assert read(b"".join(event_log.pieces(rows.none())))["events"] == []


def test_it_names_nothing_that_came_while_it_was_told(
    firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction and a thing appear after all objects are told, and before their events are."""
    bill, parts = at_work(firm), event_log._parts
    late: list[Transaction] = []

    def told(rows: QuerySet[Transaction]) -> Iterator[list[Transaction]]:
        yield from parts(rows)
        if not late:
            BusinessKey.objects.create(transaction=bill, kind="po", value="PO-LATE")
            late.append(firm.deal())

    monkeypatch.setattr(event_log, "_parts", told)
    log = read(b"".join(event_log.pieces(Transaction.objects.all())))
    said = json.dumps(log)
    assert bill.reference in said
    assert "PO-LATE" not in said
    assert late[0].reference not in said


def test_programs_and_administrators_have_it_too(firm: Firm, tmp_path: Path) -> None:
    bill = at_work(firm)
    anna, since = token(firm.anna), (timezone.now() - timedelta(days=1)).isoformat()
    answer: Any = Client().get("/api/v1/event-log", {"since": since}, headers=anna)
    assert answer.status_code == 200
    asked = read(b"".join(answer))
    assert bill.reference in {one["id"] for one in asked["objects"]}
    refused = Client().get(
        "/api/v1/event-log", {"since": since, "entity": "LF-DE"}, headers=token(firm.callum)
    )
    assert refused.status_code == 404
    for moment in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
        for name in ("since", "until"):
            far = Client().get("/api/v1/event-log", {name: moment}, headers=anna)
            assert far.status_code == 200
    file = tmp_path / "log.json"
    call_command("ocel", since=timezone.now().date() - timedelta(days=1), out=file, process="")
    assert read(file.read_bytes()) == asked
