"""The interface registry follows what the code reads, what mappings write, and who calls."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from controltower.canonical.contracts import fields_of
from controltower.canonical.wire import to_json
from controltower.systems import announcements, contracts
from controltower.systems.models import Agreement, Call, Interface, InterfaceUse, System
from controltower.transactions import interfaces
from controltower.transactions.models import InboundEvent
from tests.factories import Firm, found

pytestmark = pytest.mark.django_db
SAMPLE = Path("integrations/salesforce/samples/opportunity.json")
LATER = timedelta(minutes=3)


@pytest.fixture
def firm() -> Firm:
    return found()


def told(firm: Firm, **more: str) -> None:
    """A deal as the CRM's feed has told of it."""
    (deal,) = json.loads(SAMPLE.read_text())["records"]
    raw = json.dumps(deal | more).encode()
    record = contracts.retell(System.objects.get(slug="salesforce"), "opportunity", raw)
    InboundEvent.objects.create(
        source="salesforce-org/opportunity", event_id=str(more), type="opportunity.won",
        subject="1", version="1", occurred_at=firm.now, received_at=firm.now, due_at=firm.now,
        raw=raw, digest=hashlib.sha256(raw).hexdigest(), signature="polled",
        record_kind="Opportunity", record=to_json(record), state="rejected",
        reason="Only its bytes matter here.",
    )  # fmt: skip


def of(slug: str, entity: str, direction: str) -> Interface:
    return Interface.objects.get(system__slug=slug, entity=entity, direction=direction)


def test_what_is_read_becomes_a_version_once(firm: Firm) -> None:
    told(firm)
    for _round in range(2):
        interfaces.follow(now=firm.now)
    one = of("salesforce", "opportunity", "in")
    version = one.versions.get()
    assert (version.number, version.state, version.author) == (1, Agreement.ACTIVE, None)
    fields = dict(fields_of(version.schema))
    assert fields["Amount"] == "number, may be empty"
    assert {"Id", "Account.Name"} <= set(fields)


def test_an_added_field_is_noted_not_refused(firm: Firm) -> None:
    told(firm)
    interfaces.follow(now=firm.now)
    told(firm, favouriteColour="green")
    interfaces.follow(now=firm.now + LATER)
    one = of("salesforce", "opportunity", "in")
    assert one.unread["favouriteColour"] == (firm.now + LATER).isoformat()
    assert one.versions.count() == 1


def test_what_is_sent_is_what_its_mapping_writes(firm: Firm) -> None:
    interfaces.count(now=firm.now)
    firm.bill(firm.deal())
    interfaces.follow(now=timezone.now() + LATER)
    one = of("tryton", "customer", "out")
    assert one.mappings == ["customer-to-erp"]
    fields = dict(fields_of(one.versions.get().schema))
    assert {"code", "name", "company"} <= set(fields)


def test_who_calls_is_counted_once(firm: Firm) -> None:
    interfaces.count(now=firm.now - LATER)
    firm.deal()
    tryton = System.objects.get(slug="tryton")
    Call.objects.create(
        system=tryton, at=timezone.now(), operation="read changes invoice", milliseconds=3,
        verdict="done", reached=True,
    )  # fmt: skip
    for _round in range(2):
        interfaces.count(now=timezone.now() + LATER)
    used = {
        (use.interface.entity, use.interface.direction, use.consumer): use.calls
        for use in InterfaceUse.objects.filter(interface__system=tryton)
    }
    assert used["customer", "out", "opportunity-to-project"] == 1
    assert used["invoice", "in", "feed"] == 1
    assert used["customer", "in", "opportunity-to-project"] >= 1, "it was read back"


def test_what_answers_announce_is_kept(firm: Firm) -> None:
    tryton = System.objects.get(slug="tryton")
    headers = {
        "deprecation": "@1788220800",
        "sunset": "Sun, 28 Feb 2027 23:59:59 GMT",
        "link": '<https://vendor.example/end>; rel="sunset"',
    }
    announcements.hear(tryton, "invoice", headers)
    assert announcements.keep(now=firm.now) == 1
    one = of("tryton", "invoice", "in")
    assert one.deprecated_at == datetime(2026, 9, 1, tzinfo=UTC)
    assert one.sunset_at == datetime(2027, 2, 28, 23, 59, 59, tzinfo=UTC)
    assert one.more == "https://vendor.example/end"
    announcements.hear(tryton, "invoice", headers)
    assert announcements.keep(now=firm.now) == 0, "nothing new"


@pytest.mark.parametrize(
    "headers",
    [{"deprecation": "true"}, {"sunset": "soon"}, {"deprecation": "@never"}, {"link": "<x>"}],
)
def test_what_cannot_be_read_counts_as_not_said(headers: dict[str, str]) -> None:
    assert announcements.read(headers) == announcements.Announcement()
