"""The door behind a real server: sizes are counted on the wire, and no database is no 5xx storm."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest

from tests.web.partner import SECRET, STRUCTURED, deal, encoded, signed
from tests.web.webserver import ask, web_process


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A web process whose database is away."""
    home = str(tmp_path_factory.mktemp("home"))
    away = "postgresql://nobody@/nothing?host=/nonexistent"
    with web_process(
        DATABASE_URL=away, SANDBOX_WEBHOOK_SECRET=SECRET, CONTROLTOWER_HOME=home
    ) as number:
        yield number


def test_without_a_database_the_partner_is_asked_to_come_again(port: int) -> None:
    body = encoded(deal())
    headers = signed(body) | {"content-type": STRUCTURED}
    status, answer, content = ask(port, "POST", "/inbound/sandbox/", body, headers)
    assert status == 503
    assert int(answer["Retry-After"]) > 0
    assert answer["Content-Type"] == "application/problem+json"
    assert "Nothing was stored." in json.loads(content)["detail"]


def test_bad_input_is_refused_without_a_database_too(port: int) -> None:
    body = b"{"
    headers = signed(body) | {"content-type": STRUCTURED}
    assert ask(port, "POST", "/inbound/sandbox/", body, headers)[0] == 400
    assert ask(port, "POST", "/inbound/sandbox/", body, {})[0] == 401


def test_an_announced_excess_is_refused_before_it_is_sent(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as wire:
        wire.sendall(
            b"POST /inbound/sandbox/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Content-Length: 5000000000\r\n\r\n"
        )
        head = wire.recv(4096)
    assert head.startswith(b"HTTP/1.1 413")
    assert b"application/problem+json" in head


def test_an_unannounced_excess_is_cut_off_on_the_way(port: int) -> None:
    """More than the limit in chunks, and no end: the answer comes all the same."""
    piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as wire:
        wire.sendall(
            b"POST /inbound/sandbox/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        for _ in range(17):
            wire.sendall(piece)
        head = wire.recv(4096)
    assert head.startswith(b"HTTP/1.1 413")


def test_the_limit_holds_for_every_address(port: int) -> None:
    status, answer, content = ask(port, "POST", "/api/v1/replays", b"x" * 1_048_577)
    assert (status, answer["Content-Type"]) == (413, "application/problem+json")
    assert "At most 1,048,576 bytes are taken." in json.loads(content)["detail"]


def test_probes_tell_what_is_missing(port: int) -> None:
    status, _, content = ask(port, "GET", "/readyz")
    assert status == 503
    assert json.loads(content)["checks"]["database"] == "PostgreSQL does not answer."


def test_a_page_says_so_calmly_with_a_reference(port: int) -> None:
    cookie = {"Cookie": "sessionid=abcdefghijklmnopqrstuvwxyz012345"}
    status, answer, content = ask(port, "GET", "/", headers=cookie)
    assert status == 500
    assert answer["X-Reference"] in content.decode()
    assert answer["Content-Security-Policy"].startswith("default-src 'none'")


def test_a_foreign_host_name_is_refused(port: int) -> None:
    status, _, _ = ask(port, "GET", "/sign-in/", headers={"Host": "evil.example"})
    assert status == 400


HEAD = (
    b"POST /inbound/sandbox/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    b"Content-Type: application/cloudevents+json\r\n"
)
BROKEN = {
    "chunk size that is none": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "negative chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
    "chunk without its end": HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}xx0\r\n\r\n",
    "length that is none": HEAD + b"Content-Length: two\r\n\r\n{}",
    "negative length": HEAD + b"Content-Length: -2\r\n\r\n{}",
    "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "length and chunks": HEAD
    + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "no HTTP at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "body that goes on": HEAD + b"Content-Length: 2\r\n\r\n{}{}{}{}\r\n\r\n",
    "compressed": HEAD + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00",
}


@pytest.mark.parametrize("sent", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_broken_on_the_wire_is_the_senders_fault(port: int, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as wire:
        wire.sendall(sent)
        wire.shutdown(socket.SHUT_WR)
        said = wire.recv(4096)
    assert said.startswith(b"HTTP/1.1 4"), said
    assert ask(port, "GET", "/healthz")[0] == 200


def test_who_hangs_up_half_way_holds_nobody_up(port: int) -> None:
    for _ in range(50):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as wire:
            wire.sendall(HEAD + b"Content-Length: 500\r\n\r\n{")
    assert ask(port, "POST", "/inbound/sandbox/", b"{}", {})[0] == 401


def test_an_endless_head_is_refused(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as wire:
        wire.sendall(HEAD)
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            _go_on_for_ever(wire)
    assert ask(port, "GET", "/healthz")[0] == 200


def _go_on_for_ever(wire: socket.socket) -> None:
    for number in range(10_000):
        wire.sendall(b"x-filler-%d: %s\r\n" % (number, b"x" * 4_000))


def test_a_large_body_right_behind_its_head_is_no_large_head(port: int) -> None:
    body = b"{" * 200_000
    status, _, _ = ask(port, "POST", "/inbound/sandbox/", body, {})
    assert status == 401
