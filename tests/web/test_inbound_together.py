"""Many at the webhook door in one moment: one row a fact, one content an id, and a bound."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import connection
from pytest_django.fixtures import Settings

from controltower.transactions import intake
from controltower.transactions.models import InboundEvent
from controltower.web import group_commit, inbound, ledger
from controltower.web.body_limit import BodyLimit
from controltower.web.models import WebhookMessage
from tests.web.doorway import Answer, Request, forget, knock, post, post_together
from tests.web.partner import SECRET, deal, encoded, signed

MANY = int(os.environ.get("MANY_EVENTS", "200"))
"""By hand also with 10,000 (docs/correctness.md)."""

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _keys(settings: Settings) -> Iterator[None]:
    settings.INBOUND_SECRETS = {"partner": [SECRET]}
    yield
    forget()


def request(number: int, **changes: Any) -> Request:
    """One of many deals, in a message of its own."""
    body = encoded(deal(id=f"evt-{number}", **changes))
    return Request(body, signed(body, message_id=f"msg_{number}"))


def statuses(answers: list[Answer]) -> dict[int, int]:
    """How often each status was answered."""
    return dict(Counter(answer.status_code for answer in answers))


def test_eight_deliveries_of_each_event_are_one_row() -> None:
    arriving = [request(number) for number in range(MANY)] * 8
    random.Random(7).shuffle(arriving)
    answers = post_together(arriving, doors=2, at_once=64)
    assert statuses(answers) == {202: MANY, 200: MANY * 7}
    assert InboundEvent.objects.count() == WebhookMessage.objects.count() == MANY


class TestOneContentAnId:
    def test_of_a_messages_id(self) -> None:
        bodies = [encoded(deal(id=f"evt-{number}")) for number in range(16)]
        answers = post_together([Request(body, signed(body)) for body in bodies], doors=2)
        assert statuses(answers) == {202: 1, 409: 15}
        assert InboundEvent.objects.count() == WebhookMessage.objects.count() == 1

    def test_of_an_events_id(self) -> None:
        bodies = [encoded(deal(sequence=str(number))) for number in range(16)]
        arriving = [
            Request(body, signed(body, message_id=f"msg_{number}"))
            for number, body in enumerate(bodies)
        ]
        answers = post_together(arriving, doors=2)
        assert statuses(answers) == {202: 1, 409: 15}
        assert InboundEvent.objects.count() == WebhookMessage.objects.count() == 1

    def test_an_event_may_bear_the_name_of_anothers_message(self) -> None:
        post(encoded(deal()))
        reused = encoded(deal(id="evt-2"))
        namesake = encoded(deal(id="msg_1"))
        answers = post_together(
            [
                Request(reused, signed(reused)),
                Request(namesake, signed(namesake, message_id="msg_2")),
            ]
        )
        assert [answer.status_code for answer in answers] == [409, 202]

    def test_neighbours_of_a_conflict_are_stored(self) -> None:
        post(encoded(deal()))
        body = encoded(deal(id="evt-other"))
        answers = post_together([request(2), Request(body, signed(body)), request(3)])
        assert [answer.status_code for answer in answers] == [202, 409, 202]
        stored = set(InboundEvent.objects.values_list("event_id", flat=True))
        assert stored == {"evt-1", "evt-2", "evt-3"}


@contextmanager
def poisonous(subject: str) -> Iterator[None]:
    """A database that cannot store facts about one subject."""
    with psycopg.connect(**connection.get_connection_params(), autocommit=True) as database:
        database.execute(
            "ALTER TABLE transactions_inboundevent ADD CONSTRAINT poison "
            f"CHECK (subject <> '{subject}')"
        )
        try:
            yield
        finally:
            database.execute("ALTER TABLE transactions_inboundevent DROP CONSTRAINT poison")


def test_a_poisoned_event_costs_its_neighbours_nothing() -> None:
    arriving = [request(number) for number in range(20)]
    arriving[13] = request(13, data=deal()["data"] | {"source_id": "POISON"})
    with poisonous("POISON"):
        answers = post_together(arriving)
    assert [place for place, answer in enumerate(answers) if answer.status_code != 202] == [13]
    assert answers[13].status_code == 400
    assert "cannot be stored. Nothing was stored." in answers[13].json()["detail"]
    assert InboundEvent.objects.count() == WebhookMessage.objects.count() == 19


def test_events_are_interpreted_in_the_order_in_which_they_came() -> None:
    post_together([request(number) for number in (3, 1, 2)])
    names = InboundEvent.objects.order_by("due_at", "id").values_list("event_id", flat=True)
    assert list(names) == ["evt-3", "evt-1", "evt-2"]


def test_many_events_are_one_commit_and_one_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    rings: list[int] = []
    commits: list[int] = []
    insert = ledger._insert

    async def counted(cursor: Any, batch: Any) -> Any:
        commits.append(len(batch))
        return await insert(cursor, batch)

    monkeypatch.setattr(intake, "announce", lambda: rings.append(InboundEvent.objects.count()))
    monkeypatch.setattr(ledger, "_insert", counted)
    post_together([request(number) for number in range(50)])
    assert commits == [50]
    assert len(rings) == 1


class TestRoom:
    @pytest.mark.parametrize(
        ("place", "name"), [(inbound, "MOST_REQUESTS"), (group_commit, "MOST_WAITING")]
    )
    def test_who_would_wait_too_long_is_sent_away(
        self, monkeypatch: pytest.MonkeyPatch, place: Any, name: str
    ) -> None:
        monkeypatch.setattr(place, name, 5)
        self._five_of_forty_are_taken()

    def test_there_is_memory_for_so_many_bodies(
        self, monkeypatch: pytest.MonkeyPatch, settings: Settings
    ) -> None:
        settings.INBOUND_BODY_LIMIT = len(request(39).body)
        monkeypatch.setattr(inbound, "MOST_BODIES", 5)
        self._five_of_forty_are_taken()

    def _five_of_forty_are_taken(self) -> None:
        answers = post_together([request(number) for number in range(40)])
        assert statuses(answers) == {202: 5, 503: 35}
        for answer in answers:
            if answer.status_code == 503:
                assert answer["Retry-After"] == "1"
                assert answer.json()["type"] == "urn:control-tower:problem:busy"
                assert "Nothing was stored." in answer.json()["detail"]
        assert InboundEvent.objects.count() == 5

    def test_slow_senders_keep_nobody_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(inbound, "MOST_REQUESTS", 5)

        async def crowd() -> Answer:
            door = inbound.Door()
            slow = [asyncio.create_task(door(request(7).scope(), drip, nobody)) for _ in range(50)]
            await asyncio.sleep(0)
            try:
                return await knock(door, request(1))
            finally:
                for sender in slow:
                    sender.cancel()
                await door.close()

        assert asyncio.run(crowd()).status_code == 202

    def test_who_leaves_makes_room(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(inbound, "MOST_REQUESTS", 5)
        answers = post_together([request(number) for number in range(40)], at_once=5)
        assert statuses(answers) == {202: 40}


async def drip() -> Any:
    """A sender that takes its time with every byte."""
    await asyncio.sleep(0.01)
    return {"type": "http.request", "body": b"x", "more_body": True}


async def nobody(message: Any) -> None:
    """Who hears no answer."""


class TestSlowSenders:
    def test_a_body_has_a_deadline(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(inbound, "SENDING", 0.05)
        said = self._send([b"{"], then=asyncio.sleep(60))
        assert said[0]["status"] == 408
        assert (b"connection", b"close") in said[0]["headers"]

    def test_a_sender_that_hangs_up_is_not_answered(self) -> None:
        async def hang_up() -> Any:
            return {"type": "http.disconnect"}

        assert self._send([b"{"], then=hang_up()) == []

    def _send(self, pieces: list[bytes], then: Any) -> list[Any]:
        said: list[Any] = []

        async def receive() -> Any:
            if pieces:
                return {"type": "http.request", "body": pieces.pop(0), "more_body": True}
            return await then

        async def send(message: Any) -> None:
            said.append(message)

        async def visit() -> None:
            door = inbound.Door()
            await BodyLimit(door)(Request(b"{").scope(), receive, send)
            assert (door.requests, door.bytes) == (0, 0)

        asyncio.run(visit())
        return said
