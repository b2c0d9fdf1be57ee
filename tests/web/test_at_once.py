"""The short way of the webhook door, behind the real server: the same answers, without a task."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
import uvicorn
from pytest_django.fixtures import Settings

from controltower.transactions.models import InboundEvent
from controltower.web import at_once, group_commit
from controltower.web.body_limit import BodyLimit
from controltower.web.inbound import Door
from controltower.web.security import POLICY
from controltower.web.server import Guarded
from tests.web.doorway import forget
from tests.web.partner import DOOR, SECRET, STRUCTURED, deal, encoded, signed

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _keys(settings: Settings) -> Iterator[None]:
    settings.INBOUND_SECRETS = {"partner": [SECRET]}
    yield
    forget()


class House:
    """An application with a door, which counts those who came the usual way."""

    def __init__(self) -> None:
        self.door = Door()
        self.usual = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            self.usual += 1
            await BodyLimit(self.door)(scope, receive, send)
            return
        await receive()
        scope["state"]["at_once"] = partial(at_once.take, self.door)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.door.close()
        await send({"type": "lifespan.shutdown.complete"})


def asked(body: bytes, message_id: str = "msg_1", **more: str) -> bytes:
    """A signed request, byte by byte."""
    headers = signed(body, message_id=message_id) | {"content-type": STRUCTURED} | more
    lines = [f"POST {DOOR} HTTP/1.1", "host: a", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def event(number: int, **more: str) -> bytes:
    """One of many requests, each with a deal of its own."""
    return asked(encoded(deal(id=f"evt-{number}")), f"msg_{number}", **more)


LAST = {"connection": "close"}


def heard(house: House, *pieces: bytes) -> list[bytes]:
    """What a sender is told who sends these pieces, each once the server has read the one before,
    and stays until the server hangs up."""
    said = asyncio.run(_visit(house, pieces))
    return [b"HTTP/1.1 " + answer for answer in said.split(b"HTTP/1.1 ")[1:]]


@asynccontextmanager
async def serving(house: House) -> AsyncIterator[int]:
    """The port at which it is served."""
    config = uvicorn.Config(house, port=0, http=Guarded, lifespan="on", log_config=None)
    web = uvicorn.Server(config)
    running = asyncio.create_task(web.serve())
    while not web.started:  # noqa: ASYNC110 - uvicorn offers no event
        await asyncio.sleep(0.01)
    try:
        yield web.servers[0].sockets[0].getsockname()[1]
    finally:
        web.should_exit = True
        await running


async def _visit(house: House, pieces: Sequence[bytes]) -> bytes:
    async with serving(house) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0.1)
        said = await reader.read()
        writer.close()
        return said


def head_of(answer: bytes) -> Mapping[str, str]:
    """Its headers, by name."""
    lines = answer.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    return dict(line.split(": ", 1) for line in lines)


def test_a_sound_event_needs_no_task() -> None:
    house = House()
    (answer,) = heard(house, event(1, **LAST))
    head = head_of(answer)
    assert answer.startswith(b"HTTP/1.1 202 Accepted\r\n")
    assert answer.endswith(b'"duplicate": false, "reference": "%s"}' % head["x-reference"].encode())
    assert head["content-type"] == "application/json"
    assert head["content-security-policy"] == POLICY
    assert head["connection"] == "close"
    assert house.usual == 0
    assert (house.door.requests, house.door.bytes, house.door.writer.waiting) == (0, 0, 0)
    assert InboundEvent.objects.get().event_id == "evt-1"


def test_one_behind_the_other_is_answered_in_turn() -> None:
    house = House()
    sent = event(1) + event(2) + event(2) + event(3, **LAST)
    answers = heard(house, sent[:700], sent[700:])
    assert [answer[9:12] for answer in answers] == [b"202", b"202", b"200", b"202"]
    assert [b'"evt-%d"' % number in answer for number, answer in zip((1, 2, 2, 3), answers,
            strict=True)] == [True] * 4  # fmt: skip
    assert InboundEvent.objects.count() == 3


def test_an_id_means_one_content_here_too() -> None:
    house = House()
    other = asked(encoded(deal(id="evt-1", sequence="7")), "msg_2", **LAST)
    answers = heard(house, event(1) + other)
    assert [answer[9:12] for answer in answers] == [b"202", b"409"]
    assert b"Nothing was stored." in answers[1]
    assert head_of(answers[1])["content-type"] == "application/problem+json"
    assert house.usual == 0


@pytest.mark.parametrize(
    ("status", "sent"),
    [
        (b"401", asked(b"{}", **{"webhook-signature": "v1,bm8="}, **LAST)),
        (b"400", asked(b"{", **LAST)),
        (b"415", asked(encoded(deal()), **{"content-type": "text/plain"}, **LAST)),
        (b"202", asked(encoded([deal()]), **{"content-type": "application/cloudevents-batch+json"},
                       **LAST)),
        (b"405", event(1, **LAST).replace(b"POST", b"PUT", 1)),
        (b"404", event(1, **LAST).replace(b"partner", b"nobody", 1)),
    ],
    ids=["forged", "malformed", "wrong type", "batch", "no post", "unknown"],
)  # fmt: skip
def test_everything_else_goes_the_usual_way(status: bytes, sent: bytes) -> None:
    house = House()
    (answer,) = heard(house, sent)
    assert answer[9:12] == status
    assert house.usual == 1


def test_who_finds_no_room_is_asked_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "MOST_WAITING", 0)
    (answer,) = heard(House(), event(1, **LAST))
    assert answer.startswith(b"HTTP/1.1 503")
    assert head_of(answer)["retry-after"] == "1"


def test_a_body_that_comes_later_is_waited_for() -> None:
    house = House()
    sent = event(1, **LAST)
    (answer,) = heard(house, sent[:-20], sent[-20:])
    assert answer.startswith(b"HTTP/1.1 202")
    assert house.usual == 1


def test_who_leaves_before_the_answer_has_sent_it_all_the_same() -> None:
    house = House()

    async def leave() -> None:
        async with serving(house) as port:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(event(1))
            await writer.drain()
            writer.transport.abort()
            async with asyncio.timeout(300):
                while house.door.writer._writer is None:  # noqa: ASYNC110 - it offers no event
                    await asyncio.sleep(0.001)

    asyncio.run(leave())
    assert (house.door.requests, house.door.bytes) == (0, 0)
    assert InboundEvent.objects.count() == 1
