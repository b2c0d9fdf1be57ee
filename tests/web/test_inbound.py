"""The webhook door: what it takes, what it refuses, and that refusing stores nothing."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from controltower.canonical import cloud_event
from controltower.transactions.models import InboundEvent
from controltower.web.checks import webhook_secrets
from controltower.web.models import WebhookMessage
from controltower.web.security import POLICY
from tests.web.doorway import Answer, Request, forget, post, post_together
from tests.web.partner import NEXT_SECRET, SECRET, STRUCTURED, deal, encoded, signed

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _keys(settings: Settings) -> Iterator[None]:
    settings.INBOUND_SECRETS = {"partner": [SECRET, NEXT_SECRET], "unset": []}
    yield
    forget()


def refused(answer: Answer, status: int, *words: str) -> None:
    """A problem document that says what happened, that nothing was stored, and a reference."""
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == status
    assert document["reference"] == answer["X-Reference"]
    assert "Nothing was stored." in document["detail"]
    for word in words:
        assert word in document["detail"]
    assert not InboundEvent.objects.exists()
    assert not WebhookMessage.objects.exists()


class TestTaken:
    def test_a_signed_event_is_stored_before_it_is_acknowledged(self) -> None:
        body = encoded(deal(correlationid="ct-ABC-1", sequence="7"))
        answer = post(body)
        assert answer.status_code == 202
        assert answer.json() == {
            "id": "evt-1",
            "duplicate": False,
            "reference": answer["X-Reference"],
        }
        event = InboundEvent.objects.get()
        assert event.body == body
        assert (event.source, event.event_id, event.subject) == ("partner", "evt-1", "OPP-1")
        assert event.signature == "webhook"
        assert event.correlation_id == "ct-ABC-1"
        assert event.version == "7".zfill(40)
        assert event.record["amount"] == "48000.00"
        assert event.record["won"] is True

    def test_both_keys_of_a_rotation_hold(self) -> None:
        body = encoded(deal())
        assert post(body, signed(body, secret=NEXT_SECRET)).status_code == 202

    def test_one_good_signature_among_several_suffices(self) -> None:
        body = encoded(deal())
        headers = signed(body)
        headers["webhook-signature"] = f"v1,bm90IHRoaXM= v1a,x {headers['webhook-signature']}"
        assert post(body, headers).status_code == 202

    def test_binary_mode(self) -> None:
        body = encoded(deal()["data"])
        attributes = {f"ce-{k}": v for k, v in deal(id="msg_1").items() if k != "data"}
        answer = post(body, signed(body) | attributes, content_type="application/json")
        assert answer.status_code == 202
        event = InboundEvent.objects.get()
        assert event.event_id == "msg_1"
        assert event.body.endswith(body)
        assert b"ce-type: opportunity.won" in event.body

    def test_binary_mode_is_bound_to_the_signed_id(self) -> None:
        body = encoded(deal()["data"])
        attributes = {f"ce-{k}": v for k, v in deal().items() if k != "data"}
        answer = post(body, signed(body) | attributes, content_type="application/json")
        refused(answer, 400, "webhook-id")

    def test_amounts_keep_every_digit(self) -> None:
        body = encoded(deal()).replace(b'"48000.00"', b"0.1000000000000000055")
        assert post(body).status_code == 202
        assert InboundEvent.objects.get().record["amount"] == "0.1000000000000000055"

    @pytest.mark.parametrize(
        "change",
        [
            {"entity": ""},
            {"currency": "XYZ"},
            {"entity": "NOBODY"},
            {"amount": "-5"},
            {"amount": 0},
            {"close_date": None},
            {"name": "<script>alert(1)</script>"},
        ],
    )
    def test_what_only_the_business_refuses_is_taken(self, change: dict[str, Any]) -> None:
        assert post(encoded(deal(data=deal()["data"] | change))).status_code == 202

    @pytest.mark.parametrize(
        ("kind", "data"),
        [
            ("timesheet.approved", {"source_id": "T1", "number": "TC-1", "hours": "-3"}),
            ("expense.approved", {"source_id": "E1", "number": "EXP-1", "type": "Travel"}),
            (
                "milestone.approved",
                {"source_id": "M1", "number": "M1", "project": {"source_id": "P1"}},
            ),
        ],
    )
    def test_every_accepted_type(self, kind: str, data: dict[str, Any]) -> None:
        assert post(encoded(deal(type=kind, data=data))).status_code == 202
        assert InboundEvent.objects.get().type == kind


class TestSeenBefore:
    def test_the_same_again_is_acknowledged_and_stored_once(self) -> None:
        body = encoded(deal())
        post(body)
        again = post(body)
        assert again.status_code == 200
        assert again.json()["duplicate"] is True
        assert InboundEvent.objects.count() == 1

    def test_a_retry_is_signed_anew_and_still_the_same(self) -> None:
        body = encoded(deal())
        post(body, signed(body, at=time.time() - 60))
        assert post(body).status_code == 200

    def test_the_same_event_in_another_message_is_a_duplicate(self) -> None:
        body = encoded(deal())
        post(body)
        assert post(body, signed(body, message_id="msg_2")).status_code == 200
        assert InboundEvent.objects.count() == 1

    def test_a_message_id_with_another_content_is_a_conflict(self) -> None:
        post(encoded(deal()))
        answer = post(encoded(deal(id="evt-2")))
        assert answer.status_code == 409
        assert "Nothing was stored." in answer.json()["detail"]
        assert InboundEvent.objects.count() == 1

    def test_an_event_id_with_another_content_is_a_conflict(self) -> None:
        post(encoded(deal()))
        body = encoded(deal(time="2026-11-20T14:05:01Z"))
        answer = post(body, signed(body, message_id="msg_2"))
        assert answer.status_code == 409
        assert WebhookMessage.objects.count() == 1


def test_eight_deliveries_at_once_are_one_event() -> None:
    body = encoded(deal())
    answers = post_together([Request(body, signed(body))] * 8)
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [202]
    assert InboundEvent.objects.count() == 1


class TestForged:
    def test_every_single_bit_of_the_signature_counts(self) -> None:
        body = encoded(deal())
        headers = signed(body)
        good = headers["webhook-signature"].encode()
        for position in range(len(good) * 8):
            changed = bytearray(good)
            changed[position // 8] ^= 1 << position % 8
            headers["webhook-signature"] = changed.decode("latin-1")
            answer = post(body, headers)
            assert answer.status_code == 401, (position, bytes(changed))
        refused(answer, 401)

    @pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
    def test_a_missing_header(self, name: str) -> None:
        body = encoded(deal())
        headers = signed(body)
        del headers[name]
        refused(post(body, headers), 401, name)

    def test_another_id_body_or_time(self) -> None:
        body = encoded(deal())
        refused(post(body, signed(body) | {"webhook-id": "msg_2"}), 401)
        refused(post(body + b" ", signed(body)), 401)
        earlier = str(int(time.time()) - 1)
        refused(post(body, signed(body) | {"webhook-timestamp": earlier}), 401)

    def test_parts_cannot_be_moved_across_the_full_stop(self) -> None:
        body = encoded(deal())
        refused(post(body, signed(body, message_id="msg.1")), 401)

    @pytest.mark.parametrize("seconds", [-301, 302])
    def test_stale_and_early(self, seconds: int) -> None:
        body = encoded(deal())
        refused(post(body, signed(body, at=time.time() + seconds)), 401, "five minutes")

    @pytest.mark.parametrize("stamp", ["", "x", "1e9", "-1", "9" * 40, "²", "1.5"])
    def test_a_timestamp_that_is_none(self, stamp: str) -> None:
        body = encoded(deal())
        refused(post(body, signed(body) | {"webhook-timestamp": stamp}), 401)

    def test_nothing_is_read_before_the_signature_holds(self) -> None:
        headers = signed(b"something else")
        refused(post(b"\xff not json", headers, content_type="text/html"), 401)

    def test_an_unknown_connection(self) -> None:
        body = encoded(deal())
        refused(post(body, path="/inbound/stranger/"), 404)
        refused(post(body, path="/inbound/unset/"), 404)

    def test_only_post(self) -> None:
        answer = post(b"", {}, method="GET")
        refused(answer, 405)
        assert answer["Allow"] == "POST"


BAD_JSON = {
    "not json": b"{",
    "not utf-8": b'{"id":"\xff"}',
    "utf-16": '{"id":"1"}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "NUL": b'{"id":"a\\u0000b"}',
    "raw NUL": b'{"id":"a\x00b"}',
    "lone surrogate": b'{"id":"\\ud800"}',
    "encoded surrogate": b'{"id":"\xed\xa0\x80"}',
    "surrogate as key": b'{"\\udfff":1}',
    "NaN": b'{"data":NaN}',
    "Infinity": b'{"data":-Infinity}',
    "huge exponent": b'{"data":1e1000000}',
    "endless exponent": b'{"data":1e' + b"9" * 100_000 + b"}",
    "41 digits": b'{"data":' + b"1" * 41 + b"}",
    "endless number": b'{"data":' + b"1" * 500_000 + b"}",
    "duplicate key": b'{"id":"a","id":"b"}',
    "duplicate key below": b'{"data":{"amount":1,"amount":2}}',
    "65 deep": b"[" * 65 + b"]" * 65,
    "bottomless": b"[" * 400_000,
    "quotes": b'"' + b'\\"' * 200_000,
    "an array": b"[]",
    "a text": b'"x"',
    "null": b"null",
}


@pytest.mark.parametrize("body", BAD_JSON.values(), ids=BAD_JSON.keys())
def test_what_is_not_strict_json_is_malformed(body: bytes) -> None:
    begun = time.monotonic()
    refused(post(body), 400)
    assert time.monotonic() - begun < 2


BAD_EVENTS: dict[str, dict[str, Any]] = {
    "no version": {"specversion": None},
    "other version": {"specversion": "0.3"},
    "no id": {"id": None},
    "empty id": {"id": ""},
    "number as id": {"id": 7},
    "endless id": {"id": "x" * 201},
    "line break in id": {"id": "a\r\nb"},
    "no source": {"source": ""},
    "no time": {"time": None},
    "time without zone": {"time": "2026-11-20T14:05:00"},
    "no such day": {"time": "2026-02-30T14:05:00Z"},
    "far future": {"time": "9999-12-31T23:59:59Z"},
    "before time": {"time": "0001-01-01T00:00:00+14:00"},
    "endless correlation": {"correlationid": "x" * 61},
    "path as correlation": {"correlationid": "../../etc"},
    "list as sequence": {"sequence": [1]},
    "binary data": {"data_base64": "e30="},
    "other data": {"datacontenttype": "text/xml"},
    "no data": {"data": None},
    "list as data": {"data": []},
    "no record id": {"data": {"name": "x"}},
    "unknown field": {"data": {"source_id": "1", "ammount": 5}},
    "contradiction": {"data": {"source_id": "1", "won": False}},
    "text as flag": {"data": {"source_id": "1", "won": "yes"}},
    "flag as amount": {"data": {"source_id": "1", "amount": True}},
    "words as amount": {"data": {"source_id": "1", "amount": "lots"}},
    "NaN as amount": {"data": {"source_id": "1", "amount": "NaN"}},
    "more than the books hold": {"data": {"source_id": "1", "amount": 10**15}},
    "number as text": {"data": {"source_id": "1", "name": 5}},
    "no such date": {"data": {"source_id": "1", "close_date": "2026-02-30"}},
    "week as date": {"data": {"source_id": "1", "close_date": "2026-W01-1"}},
    "endless text": {"data": {"source_id": "1", "name": "x" * 401}},
}


@pytest.mark.parametrize("change", BAD_EVENTS.values(), ids=BAD_EVENTS.keys())
def test_what_is_not_a_cloudevent_is_malformed(change: dict[str, Any]) -> None:
    event = {name: value for name, value in deal(**change).items() if value is not None}
    refused(post(encoded(event)), 400)


def test_an_unknown_type_is_told_the_known_ones() -> None:
    refused(post(encoded(deal(type="deal.won"))), 400, "opportunity.won", "timesheet.approved")


def test_an_answer_quotes_nothing_that_was_sent() -> None:
    hostile = "<img src=x onerror=alert(1)>"
    answer = post(encoded(deal(type=hostile)))
    assert hostile not in answer.content.decode()


class TestKindOfContent:
    @pytest.mark.parametrize(
        "content_type",
        ["text/plain", "application/xml", "",
         "application/cloudevents+json; charset=latin-1"],
    )  # fmt: skip
    def test_only_cloudevents_in_json(self, content_type: str) -> None:
        answer = post(encoded(deal()), content_type=content_type)
        refused(answer, 415)
        assert "application/cloudevents+json" in answer["Accept"]

    def test_no_compression(self) -> None:
        body = gzip.compress(encoded(deal()))
        refused(post(body, signed(body) | {"content-encoding": "gzip"}), 415)

    def test_plain_json_without_headers_is_no_event(self) -> None:
        refused(post(encoded(deal()), content_type="application/json"), 400)


def test_too_large(settings: Settings) -> None:
    settings.INBOUND_BODY_LIMIT = 2_000
    body = encoded(deal(data=deal()["data"] | {"name": "x" * 2_000}))
    refused(post(body), 413)


def test_just_below_the_limit_is_read(settings: Settings) -> None:
    body = encoded(deal())
    settings.INBOUND_BODY_LIMIT = len(body)
    assert post(body).status_code == 202


def test_the_answer_is_json_and_carries_the_policy() -> None:
    answer = post(encoded(deal()))
    assert json.loads(answer.content)["id"] == "evt-1"
    assert answer["Content-Security-Policy"] == POLICY
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"] == "no-store"


def test_an_empty_body_is_refused() -> None:
    refused(post(b""), 400)
    refused(post(b"", content_type=""), 415)


def test_a_fault_of_ours_is_owned_up_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloud_event, "translate", lambda *_: 1 / 0)
    answer = post(encoded(deal()))
    assert answer.status_code == 500
    assert answer.json()["type"] == "urn:control-tower:problem:our-fault"
    assert answer.json()["reference"] == answer["X-Reference"]
    assert not InboundEvent.objects.exists()


class TestSettingsAreChecked:
    def test_usable_keys_pass(self) -> None:
        assert webhook_secrets(None) == []

    @pytest.mark.parametrize("secret", ["whsec_***", "whsec_c2hvcnQ=", "", "whsec_é"])
    def test_an_unusable_key_is_named_without_being_shown(
        self, settings: Settings, secret: str
    ) -> None:
        settings.INBOUND_SECRETS = {"partner": [secret]}
        (fault,) = webhook_secrets(None)
        assert fault.id == "web.E002"
        assert not secret or secret not in str(fault)

    def test_two_keys_at_a_time(self, settings: Settings) -> None:
        settings.INBOUND_SECRETS = {"partner": [SECRET] * 3}
        assert [fault.id for fault in webhook_secrets(None)] == ["web.E001"]


FRAGMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(
    changes=st.dictionaries(
        st.sampled_from(
            ["id", "type", "source", "time", "data", "subject", "sequence", "specversion",
             "correlationid", "partitionkey", "datacontenttype", "data_base64"]
        ),
        FRAGMENTS,
        max_size=3,
    ),
    data=st.dictionaries(st.sampled_from(sorted(deal()["data"])), FRAGMENTS, max_size=3),
)  # fmt: skip
@hypothesis_settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_signed_document_whatsoever_is_a_server_error(
    changes: dict[str, Any], data: dict[str, Any]
) -> None:
    event = deal(data=deal()["data"] | data) | changes
    assert post(encoded(event)).status_code in {200, 202, 400, 409}


@given(body=st.binary(max_size=300), kind=st.sampled_from([STRUCTURED, "application/json"]))
@hypothesis_settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_signed_bytes_whatsoever_are_a_server_error(body: bytes, kind: str) -> None:
    assert post(body, content_type=kind).status_code in {400, 415}
