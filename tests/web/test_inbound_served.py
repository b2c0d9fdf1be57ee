"""The door behind a real server: sizes are counted on the wire, and no database is no 5xx storm."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.partner import SECRET, STRUCTURED, deal, encoded, signed

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A web process whose database is away."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = int(free.getsockname()[1])
    given = os.environ | {
        "DATABASE_URL": "postgresql://nobody@/nothing?host=/nonexistent",
        "SANDBOX_WEBHOOK_SECRET": SECRET,
        "CONTROLTOWER_HOME": str(tmp_path_factory.mktemp("home")),
    }
    command = [sys.executable, "-m", "uvicorn", "controltower.asgi:application"]
    command += ["--port", str(number), "--log-level", "warning"]
    server = subprocess.Popen(
        command, cwd=REPOSITORY, env=given, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _await(number)
        yield number
    finally:
        server.terminate()
        server.wait(10)


def _await(port: int) -> None:
    for _ in range(200):
        try:
            if ask(port, "GET", "/healthz")[0] == 200:
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail("the web process did not answer")


def ask(
    port: int, method: str, path: str, body: bytes | Iterator[bytes] | None = None,
    headers: dict[str, str] | None = None,
) -> tuple[int, http.client.HTTPMessage, bytes]:  # fmt: skip
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


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
    status, _, _ = ask(port, "POST", "/sign-in/", b"x" * 1_048_577)
    assert status == 413


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
