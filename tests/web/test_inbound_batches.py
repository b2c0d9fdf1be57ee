"""CloudEvents in batches: stored as if each had come alone, and together or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from controltower.transactions.models import InboundEvent
from controltower.web.models import WebhookMessage
from tests.web.doorway import Answer, Request, forget, post, post_together
from tests.web.partner import SECRET, deal, encoded, signed

pytestmark = pytest.mark.django_db

BATCH = "application/cloudevents-batch+json"


@pytest.fixture(autouse=True)
def _keys(settings: Settings) -> Iterator[None]:
    settings.INBOUND_SECRETS = {"partner": [SECRET]}
    yield
    forget()


def deals(*numbers: int) -> list[dict[str, Any]]:
    """Events of these numbers."""
    return [deal(id=f"evt-{number}") for number in numbers]


def post_batch(events: Any, message_id: str = "msg_1") -> Answer:
    """All in one message."""
    body = encoded(events)
    return post(body, signed(body, message_id=message_id), content_type=BATCH)


def nothing_but(*numbers: int) -> None:
    """These events are stored and no others."""
    stored = InboundEvent.objects.values_list("event_id", flat=True)
    assert set(stored) == {f"evt-{number}" for number in numbers}


def test_each_is_stored_with_its_own_bytes() -> None:
    answer = post_batch(deals(1, 2, 3))
    assert answer.status_code == 202
    assert answer.json() == {
        "events": [{"id": f"evt-{number}", "duplicate": False} for number in (1, 2, 3)],
        "reference": answer["X-Reference"],
    }
    for number in (1, 2, 3):
        stored = InboundEvent.objects.get(event_id=f"evt-{number}")
        assert stored.body == encoded(deal(id=f"evt-{number}"))
    assert WebhookMessage.objects.count() == 1


def test_white_space_between_events_is_no_part_of_them() -> None:
    body = b" [ " + encoded(deal(id="evt-1")) + b"\n,\t" + encoded(deal(id="evt-2")) + b"\r\n]\n"
    assert post(body, content_type=BATCH).status_code == 202
    assert InboundEvent.objects.get(event_id="evt-2").body == encoded(deal(id="evt-2"))


def test_what_came_alone_before_is_a_duplicate_in_a_batch() -> None:
    post(encoded(deal(id="evt-2")), signed(encoded(deal(id="evt-2")), message_id="msg_2"))
    answer = post_batch(deals(1, 2, 3))
    assert answer.status_code == 202
    assert [event["duplicate"] for event in answer.json()["events"]] == [False, True, False]
    nothing_but(1, 2, 3)


def test_the_same_batch_again_is_a_duplicate() -> None:
    post_batch(deals(1, 2))
    again = post_batch(deals(1, 2))
    assert again.status_code == 200
    assert [event["duplicate"] for event in again.json()["events"]] == [True, True]


def test_events_at_fault_are_named_and_nothing_is_stored() -> None:
    events = [*deals(1, 2), deal(type="deal.lost"), deal(id="evt-4", data={"name": "x"})]
    answer = post_batch(events)
    assert answer.status_code == 400
    assert "Nothing was stored." in answer.json()["detail"]
    faults = answer.json()["events"]
    assert [fault["position"] for fault in faults] == [2, 3]
    assert "source_id is missing" in faults[1]["detail"]
    nothing_but()


def test_other_content_for_a_known_id_is_named_and_nothing_is_stored() -> None:
    post(encoded(deal(id="evt-2", sequence="9")))
    answer = post_batch(deals(1, 2, 3), "msg_2")
    assert answer.status_code == 409
    assert answer.json()["events"] == [{"id": "evt-2"}]
    nothing_but(2)
    assert WebhookMessage.objects.count() == 1


def test_batches_that_overlap_in_one_moment_store_each_event_once() -> None:
    batches = [encoded(deals(*range(number, number + 10))) for number in range(20)]
    arriving = [
        Request(body, signed(body, message_id=f"msg_{number}"), content_type=BATCH)
        for number, body in enumerate(batches)
    ]
    answers = post_together(arriving, doors=2)
    fresh = [
        event["id"]
        for answer in answers
        for event in answer.json()["events"]
        if not event["duplicate"]
    ]
    assert len(fresh) == len(set(fresh)) == 29
    nothing_but(*range(29))


@pytest.mark.parametrize(
    "body",
    [b"[]", b"{}", b"[1]", b"[{}", b"[{},]", b"[,{}]", b"[{}{}]", b"[{}]x", b"[{}],", b"", b"]",
     encoded(deals(*range(501))), encoded(deals(1, 1))],
    ids=lambda body: body[:12].decode(),
)  # fmt: skip
def test_what_is_no_batch_is_refused(body: bytes) -> None:
    answer = post(body, content_type=BATCH)
    assert answer.status_code == 400
    assert "Nothing was stored." in answer.json()["detail"]
    nothing_but()
