"""The webhook door takes what a vendor sends in its own dialect, and acknowledges after the
commit."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from controltower.canonical.events import CONTRACT_SIGNED
from controltower.systems.models import Feed, System
from controltower.transactions.models import InboundEvent
from integrations import catalogue
from integrations.sandbox.docusign.server import signatures
from tests.integrations.subject import lower
from tests.web.doorway import Answer, forget, post

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "the-key-of-the-account"
SAMPLE = Path(catalogue.__file__).parent / "docusign" / "samples" / "message.json"


@pytest.fixture(autouse=True)
def _system() -> Iterator[None]:
    System.objects.create(
        slug="docusign", title="DocuSign", domain="Contracts", role="clm", connector="docusign",
        connection="docusign", base_url="http://unset.invalid", secrets={"hmac_key": KEY},
    )  # fmt: skip
    yield
    forget()


def sent(
    body: bytes, headers: Mapping[str, str] | None = None, slug: str = "docusign", **more: str
) -> Answer:
    """What the door says to a message of the vendor's."""
    given = signatures(body, "an-older-key", KEY) if headers is None else headers
    return post(
        body, lower(given), path=f"/inbound/{slug}/", content_type="application/json", **more
    )


def test_a_signed_contract_is_stored_before_it_is_acknowledged() -> None:
    answer = sent(SAMPLE.read_bytes())
    assert answer.status_code == 202, answer.content
    event = InboundEvent.objects.get()
    assert (event.source, event.type) == ("docusign/contract", CONTRACT_SIGNED)
    assert event.signature == "vendor"
    assert event.record["opportunity_id"] == "006Q000001aBcDe"
    assert answer.json()["events"] == [{"id": event.event_id, "duplicate": False}]


def test_repeated_it_is_acknowledged_and_stored_once() -> None:
    """Connect counts its own tries in the body, so that a repetition is another message."""
    message = json.loads(SAMPLE.read_bytes())
    assert sent(json.dumps(message).encode()).status_code == 202
    for body in (message, message | {"retryCount": 1}):
        answer = sent(json.dumps(body).encode())
        assert answer.status_code == 200, answer.content
        assert answer.json()["events"][0]["duplicate"] is True
    assert InboundEvent.objects.count() == 1


HR = "hr-webhook-key"


@pytest.fixture
def people() -> System:
    """An HR system whose facts are named by what they say."""
    return System.objects.create(
        slug="bamboohr", title="BambooHR", domain="HR", role="hris", connector="bamboohr",
        connection="bamboohr", base_url="http://unset.invalid", secrets={"webhook_key": HR},
    )  # fmt: skip


def _employee(role: str, hour: int, hobby: str = "") -> Answer:
    """What is told of the sample's employee when changed at that hour."""
    content = json.loads((SAMPLE.parents[2] / "bamboohr" / "samples" / "webhook.json").read_bytes())
    one = content["employees"][0]
    one["timestamp"] = f"2026-11-02T{hour:02}:00:00+00:00"
    one["fields"]["jobTitle"] = {"value": role}
    one["fields"]["lastChanged"] = {"value": one["timestamp"]}
    body, now = json.dumps({"employees": [one], "hobby": hobby}).encode(), str(int(time.time()))
    signed = hmac.new(HR.encode(), body + now.encode(), hashlib.sha256).hexdigest()
    headers = {"X-BambooHR-Signature": signed, "X-BambooHR-Timestamp": now}
    return sent(body, headers, slug="bamboohr")


def test_what_is_known_in_another_shape_is_acknowledged(people: System) -> None:
    """It was touched where we do not look, such as in our own reference."""
    first, again = (_employee("Consultant", hour) for hour in (8, 9))
    assert (first.status_code, again.status_code) == (202, 200), again.content
    assert again.json()["events"][0]["duplicate"] is True
    assert InboundEvent.objects.count() == 1


def test_what_was_changed_and_changed_back_is_told_by_message_too(people: System) -> None:
    roles = ("Consultant", "Principal", "Consultant", "Consultant")
    answers = [_employee(role, hour).status_code for hour, role in enumerate(roles, 6)]
    assert answers == [202, 202, 202, 200]
    told = InboundEvent.objects.order_by("version").values_list("version", flat=True)
    assert [version[11:13] for version in told] == ["06", "07", "08"]
    assert _employee("Consultant", 6, hobby="Chess").status_code == 200
    assert InboundEvent.objects.count() == 3


def test_what_tells_nothing_is_acknowledged() -> None:
    message = json.loads(SAMPLE.read_bytes()) | {"event": "envelope-sent"}
    answer = sent(json.dumps(message).encode())
    assert (answer.status_code, answer.json()["events"]) == (200, [])
    assert not InboundEvent.objects.exists()


def test_what_the_vendor_has_not_signed_is_refused() -> None:
    body = SAMPLE.read_bytes()
    for headers in ({}, signatures(body, "another-key"), signatures(body + b" ", KEY)):
        answer = sent(body, headers)
        assert answer.status_code == 401, answer.content
        assert "Nothing was stored." in answer.json()["detail"]
    assert not InboundEvent.objects.exists()


def test_what_is_not_shaped_as_agreed_is_told_as_drift() -> None:
    message = json.loads(SAMPLE.read_bytes())
    del message["data"]["envelopeSummary"]["customFields"]
    answer = sent(json.dumps(message).encode())
    assert answer.status_code == 422
    assert answer.json()["type"].endswith("drift")
    assert "“customFields.textCustomFields” is missing" in answer.json()["detail"]
    assert not InboundEvent.objects.exists()


def test_a_system_that_sends_nothing_has_no_address() -> None:
    body = SAMPLE.read_bytes()
    assert sent(body, slug="nobody").status_code == 404
    System.objects.update(active=False)
    assert sent(body).status_code == 404
    assert not InboundEvent.objects.exists()


@pytest.fixture
def ledger() -> System:
    """A system whose messages only say what to read again, with a feed that rests for an hour."""
    made = System.objects.create(
        slug="central", title="Central", domain="ERP", role="erp", connector="business_central",
        connection="central", base_url="http://unset.invalid", secrets={"client_state": KEY},
    )  # fmt: skip
    for entity in ("customer", "invoice"):
        Feed.objects.create(system=made, entity=entity, due_at=timezone.now() + timedelta(hours=1))
    return made


def _notified(state: str = KEY) -> bytes:
    said = {"clientState": state, "resource": "api/v1.0/companies(1)/customers(2)"}
    return json.dumps({"value": [said]}).encode()


def test_a_vendor_that_asks_whether_this_is_our_door_gets_its_word_back(ledger: System) -> None:
    asked = {"query": "validationToken=a%20word%3Cb%3E", "slug": "central"}
    answer = sent(b"", {}, **asked)
    assert (answer.status_code, answer.content) == (200, b"a word<b>")
    assert answer["Content-Type"].startswith("text/plain")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert sent(b"", {}, **asked | {"slug": "docusign"}).status_code == 401
    assert sent(b"", {}, **asked | {"slug": "nobody"}).status_code == 404


def test_a_hint_has_its_feed_read_and_tells_nothing_itself(ledger: System) -> None:
    assert sent(_notified(), {}, slug="central").status_code == 200
    due = dict(ledger.feeds.values_list("entity", "due_at"))
    assert due["customer"] <= timezone.now() < due["invoice"]
    assert not InboundEvent.objects.exists()


def test_a_hint_takes_no_feed_out_of_other_hands(ledger: System) -> None:
    held = timezone.now() + Feed.LEASE / 2
    ledger.feeds.update(due_at=held)
    assert sent(_notified(), {}, slug="central").status_code == 200
    assert set(ledger.feeds.values_list("due_at", flat=True)) == {held}


def test_a_hint_that_nobody_agreed_on_is_refused(ledger: System) -> None:
    for body in (_notified("another"), b"{}", b""):
        assert sent(body, {}, slug="central").status_code == 401
    assert min(ledger.feeds.values_list("due_at", flat=True)) > timezone.now()


def test_only_post() -> None:
    assert sent(SAMPLE.read_bytes(), method="PUT").status_code == 405
