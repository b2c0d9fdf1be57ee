"""The loop on which calls are made."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest

from controltower.systems.switchboard import Loop


@pytest.fixture
def loop() -> Iterator[Loop]:
    with contextlib.closing(Loop()) as made:
        yield made


@pytest.mark.parametrize("number", ["127.0.0.1", "::1"])
def test_a_number_is_not_looked_up(loop: Loop, number: str) -> None:
    """It is answered without once giving the loop its turn, as any thread would need."""
    with pytest.raises(StopIteration) as answered:
        loop.getaddrinfo(number, 9).send(None)
    ((_family, kind, _protocol, _name, address),) = answered.value.value
    assert (kind, address[:2]) == (socket.SOCK_STREAM, (number, 9))


def test_a_name_is(loop: Loop) -> None:
    found = loop.run_until_complete(loop.getaddrinfo("localhost", 9))
    assert {address[0] for *_kind, address in found} <= {"127.0.0.1", "::1"}


def test_it_connects(loop: Loop) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as mine:
        mine.setblocking(False)
        loop.run_until_complete(loop.sock_connect(mine, server.getsockname()))
        assert mine.getpeername() == server.getsockname()
