"""Hostile requests against a running tower on this machine: documents through the webhook door,
and bytes that are hardly HTTP."""

from __future__ import annotations

import gzip
import http.client
import socket
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from random import Random
from typing import Any
from urllib.parse import urlsplit

from tests.hostile.documents import documents, encoded, event
from tests.web.partner import STRUCTURED, signed

PATH = "/inbound/sandbox/"
PATIENCE = 20.0
"""Seconds after which a request without an answer counts as a stuck worker."""
BATCH = "application/cloudevents-batch+json"


@dataclass
class Findings:
    """Which answers came; `wrong` must stay empty."""

    seed: int
    count: int
    statuses: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def note(self, name: str, status: int) -> None:
        """Nothing but an acknowledgement or a refusal is right; 429 asks to come again."""
        self.statuses[str(status)] += 1
        if status not in (200, 202) and not 400 <= status < 500:
            self.wrong.append(f"{name}: {status}")

    def as_dict(self) -> dict[str, Any]:
        """For a verdict in JSON."""
        return {**vars(self), "ok": not self.wrong, "statuses": dict(sorted(self.statuses.items()))}


def run(url: str, secret: str, seed: int, count: int) -> Findings:
    """Send so many requests. Raises ValueError for an address that is not this machine's own."""
    parts = urlsplit(url)
    if not ip_address(parts.hostname or "").is_loopback or parts.port is None:
        raise ValueError("hostile requests are for a tower on this machine: http://127.0.0.1:port")
    visitor = Visitor(parts.port, secret)
    random, found = Random(seed), Findings(seed, count)
    for number, (way, raw) in enumerate(documents(seed, count)):
        name = f"request {number} ({way})"
        with visitor.blames(found, name):
            if number % 10:
                found.note(name, visitor.deliver(raw, f"h-{seed}-{number}", random))
            else:
                blow = random.choice(BLOWS)
                found.note(f"{name} {blow.__name__}", visitor.say(blow(random)))
    with visitor.blames(found, "a good event afterwards"):
        good = encoded(event(random) | {"id": f"good-{seed}"})
        status = visitor.post(good, signed(good, message_id=f"good-{seed}", secret=secret))
        if status not in (200, 202):
            found.wrong.append(f"a good event afterwards: {status}")
    return found


class Visitor:
    """One connection that is kept for documents, and one for each broken request."""

    def __init__(self, port: int, secret: str) -> None:
        self.port, self.secret = port, secret
        self.kept = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)

    def blames(self, found: Findings, name: str) -> _Blame:
        """Note a request without an answer as a fault."""
        return _Blame(self, found, name)

    def deliver(self, raw: bytes, message_id: str, random: Random) -> int:
        """A document, mostly well signed: what it holds is to be judged, not its signature."""
        headers = signed(raw, message_id=message_id, secret=self.secret)
        if random.random() < 0.05:
            headers["webhook-signature"] = "v1,bm90IHRoaXM="
        if random.random() < 0.05:
            raw, headers["content-encoding"] = gzip.compress(raw), "gzip"
        return self.post(raw, headers)

    def post(self, raw: bytes, headers: dict[str, str]) -> int:
        """The status of the answer."""
        kind = BATCH if raw[:1] == b"[" else STRUCTURED
        self.kept.request("POST", PATH, raw, headers | {"content-type": kind})
        answer = self.kept.getresponse()
        answer.read()
        return answer.status

    def say(self, raw: bytes) -> int:
        """Send bytes; the first status that comes back, 400 when the server hangs up, 401 when the
        address is a page's and shows strangers to the sign-in."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as wire:
            with suppress(BrokenPipeError, ConnectionResetError):
                wire.sendall(raw)
                wire.shutdown(socket.SHUT_WR)
            try:
                head = wire.recv(4096)
            except ConnectionResetError:
                return 400
        if b"\r\nlocation: /sign-in/" in head.lower():
            return 401
        return int(head.split(b" ", 2)[1]) if head.startswith(b"HTTP/1.1 ") else 400


class _Blame:
    def __init__(self, visitor: Visitor, found: Findings, name: str) -> None:
        self.visitor, self.found, self.name = visitor, found, name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, _trace: Any) -> bool:
        if not isinstance(error, OSError | http.client.HTTPException):
            return False
        self.found.wrong.append(f"{self.name}: {error!r:.100}")
        self.visitor.kept.close()
        return True


HEAD = (
    f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {STRUCTURED}\r\n".encode()
)  # fmt: skip


def odd_length(random: Random) -> bytes:
    """A length that is none, or is not the body's."""
    length = random.choice(
        [b"two", b"-2", b"2, 3", b"0x2", b"+2", b"9" * 30, b"", b"2\r\nContent-Length: 3"]
    )
    return HEAD + b"Content-Length: " + length + b"\r\n\r\n{}"


def odd_chunks(random: Random) -> bytes:
    """Chunks that do not add up."""
    sent = random.choice(
        [b"zz\r\n{}", b"-2\r\n{}", b"2\r\n{}xx", b"ffffffffffffffffff\r\n{}", b"2;" + b"x" * 9000]
    )
    return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + sent + b"\r\n0\r\n\r\n"


def both(random: Random) -> bytes:
    """A length and chunks: which of them counts?"""
    order = [b"Content-Length: 2\r\n", b"Transfer-Encoding: chunked\r\n"]
    random.shuffle(order)
    return HEAD + b"".join(order) + b"\r\n2\r\n{}\r\n0\r\n\r\n"


def many_headers(random: Random) -> bytes:
    """More headers than anybody needs, or one that is longer."""
    if random.random() < 0.5:
        return HEAD + b"".join(b"x-%d: y\r\n" % n for n in range(5000)) + b"\r\n"
    return HEAD + b"x: " + b"y" * 100_000 + b"\r\n\r\n"


def bomb(_random: Random) -> bytes:
    """A megabyte of nothing, compressed to a thousandth."""
    body = gzip.compress(b" " * 1_000_000)
    return HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def pipeline(random: Random) -> bytes:
    """Several requests at once, unsigned, the last one cut."""
    one = HEAD + b"Content-Length: 2\r\n\r\n{}"
    return one * random.randint(2, 20) + one[: random.randrange(len(one))]


def garbage(random: Random) -> bytes:
    """Another protocol, or none."""
    return random.choice(
        [b"\x16\x03\x01\x02\x00", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x00", b"GET"]
    ) + (random.randbytes(random.randrange(300)) + b"\r\n\r\n")


def odd_target(random: Random) -> bytes:
    """An address that is none."""
    target = random.choice(
        [
            b"/inbound/%00/",
            b"/inbound/../",
            b"//inbound//",
            b"/inbound/\xff/",
            b"*",
            b"http://evil.example/",
            b"/" + b"a" * 70_000,
        ]
    )
    return b"POST " + target + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{}"


def odd_header(random: Random) -> bytes:
    """Signature headers that nobody could have made."""
    name = random.choice(
        [b"webhook-id", b"webhook-timestamp", b"webhook-signature", b"content-type", b"ce-id"]
    )
    value = random.choice(
        [b"\xff\xfe", b"\x00", b"9" * 3000, b"\xc3\xa9", b"v1,", b",,,,", b"1e5", b"-0"]
    )
    return (
        HEAD
        + (name + b": " + value + b"\r\n") * random.randint(1, 3)
        + b"Content-Length: 2\r\n\r\n{}"
    )


BLOWS: tuple[Callable[[Random], bytes], ...] = (
    odd_length, odd_chunks, both, many_headers, bomb, pipeline, garbage, odd_target, odd_header,
)  # fmt: skip
