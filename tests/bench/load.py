"""A crowd of partners at the webhook door, in a process of its own.

`python -m tests.bench.load PORT --clients 64 --seconds 5 [--rate 1000] [--batch 100]` prints what
was answered as JSON. Without a rate every client sends its next request as soon as it has its
answer; with one, each request has its time, and an answer is late from that time on, however long
its turn was in coming. Every hundredth request is sent a second time under the same id.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, cast

import uvloop

SECRET = "whsec_" + base64.b64encode(b"only for the benchmark, 32 bytes").decode()
PATH, CLOUD_EVENT = "/inbound/bench/", "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
TWICE_EVERY = 100
_KEY = base64.b64decode(SECRET.removeprefix("whsec_"))
_BODY = json.dumps(
    {
        "specversion": "1.0",
        "id": "@",
        "type": "opportunity.won",
        "source": "https://partner.example/crm",
        "time": "2026-11-20T14:05:00Z",
        "datacontenttype": "application/json",
        "data": {
            "source_id": "@",
            "name": "Claims platform",
            "entity": "LF-DE",
            "customer_id": "001A00000012345",
            "customer_name": "Meridian Harbour Health",
            "stage": "Closed Won",
            "amount": "48200.00",
            "currency": "EUR",
            "close_date": "2026-11-20",
            "billing_method": "Time and materials",
            "billing_grouping": "Project",
            "po_number": "PO-00042",
        },
    }
)


def request(name: str, now: int, path: str, content_type: str, batch: int = 0) -> bytes:
    """A whole signed HTTP request for an event of that name, or for a batch of so many (Standard
    Webhooks)."""
    events = [_BODY.replace("@", f"{name}-{number}") for number in range(batch)]
    body = (f"[{','.join(events)}]" if batch else _BODY.replace("@", name)).encode()
    signed = f"{name}.{now}.".encode() + body
    signature = base64.b64encode(hmac.digest(_KEY, signed, hashlib.sha256)).decode()
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {content_type}\r\n"
        f"webhook-id: {name}\r\nwebhook-timestamp: {now}\r\nwebhook-signature: v1,{signature}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


@dataclass
class Crowd:
    """What all clients together send and hear."""

    prefix: str
    seconds: float
    rate: float = 0.0
    clients: int = 1
    path: str = PATH
    content_type: str = CLOUD_EVENT
    batch: int = 0
    answers: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    sent: int = 0
    broken: int = 0
    begun: float = field(default_factory=time.perf_counter)
    used: float = field(default_factory=time.process_time)

    def next(self) -> bytes:
        """The next request."""
        self.sent += 1
        number = self.sent - 1 if self.sent % TWICE_EVERY == 0 else self.sent
        name = f"{self.prefix}-{number}"
        return request(name, int(time.time()), self.path, self.content_type, self.batch)

    def is_over(self) -> bool:
        """Whether nothing more is sent."""
        return time.perf_counter() - self.begun > self.seconds

    def told(self) -> dict[str, Any]:
        """The sum: events, and events a second; times in milliseconds; the crowd's own CPU for a
        request in microseconds."""
        spent = time.perf_counter() - self.begun
        ordered = sorted(self.latencies)
        each = self.batch or 1
        acknowledged = each * (self.answers[200] + self.answers[202])
        return {
            "acknowledged": acknowledged,
            "stored": each * self.answers[202],
            "per_second": acknowledged / spent,
            "p50": 1000 * percentile(ordered, 0.50),
            "p99": 1000 * percentile(ordered, 0.99),
            "answers": dict(self.answers),
            "sent": self.sent,
            "own_cpu": 1e6 * (time.process_time() - self.used) / max(self.sent, 1),
            "broken": self.broken,
        }


def percentile(ordered: list[float], share: float) -> float:
    """The value below which that share of an ordered list lies; nan of nothing."""
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else float("nan")


class Client(asyncio.Protocol):
    """One partner: one request at a time on a kept connection."""

    def __init__(self, crowd: Crowd, port: int, number: int) -> None:
        self.crowd, self.port = crowd, port
        self.over = asyncio.get_running_loop().create_future()
        self._pause = crowd.clients / crowd.rate if crowd.rate else 0.0
        self._due = crowd.begun + (self._pause * number / crowd.clients)
        self._seen, self._asking = b"", False

    async def open(self) -> None:
        """Come to the door."""
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: self, "127.0.0.1", self.port)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first event when its time comes."""
        self._transport = cast("asyncio.Transport", transport)
        self._send_when_due()

    def _send_when_due(self) -> None:
        if self.crowd.is_over():
            self._transport.close()
            return
        early = self._due - time.perf_counter()
        if self._pause and early > 0:
            asyncio.get_running_loop().call_later(early, self._send)
        else:
            self._send()

    def _send(self) -> None:
        if not self._pause:
            self._due = time.perf_counter()
        self._asking = True
        self._transport.write(self.crowd.next())

    def data_received(self, data: bytes) -> None:
        """Count a whole answer and go on."""
        self._seen += data
        head, end, body = self._seen.partition(b"\r\n\r\n")
        if not end or len(body) < _length(head):
            return
        self._seen, self._asking = b"", False
        self.crowd.answers[int(head[9:12])] += 1
        self.crowd.latencies.append(time.perf_counter() - self._due)
        self._due += self._pause
        self._send_when_due()

    def connection_lost(self, _error: Exception | None) -> None:
        """The end, or a server that keeps no connection for ever: a new one is opened then."""
        self.crowd.broken += self._asking
        if self.crowd.is_over():
            self.over.set_result(None)
            return
        self._seen, self._asking = b"", False
        self._reopening = asyncio.get_running_loop().create_task(self.open())


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    return 0


async def crowd(port: int, given: Crowd) -> dict[str, Any]:
    """Let the clients loose; what they heard."""
    made = [Client(given, port, number) for number in range(given.clients)]
    for client in made:
        await client.open()
    await asyncio.wait([client.over for client in made], timeout=given.seconds + 30)
    return given.told()


def main() -> None:
    """Read the wishes, play them, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--path", default=PATH)
    parser.add_argument("--content-type", default=CLOUD_EVENT)
    parser.add_argument("--rate", type=float, default=0.0, help="requests a second")
    parser.add_argument("--batch", type=int, default=0, help="events in a request")
    given = parser.parse_args()

    async def play() -> dict[str, Any]:
        sent_by = Crowd(f"b{time.time_ns():x}", given.seconds, given.rate, given.clients)
        sent_by.path, sent_by.batch = given.path, given.batch
        sent_by.content_type = BATCH if given.batch else given.content_type
        return await crowd(given.port, sent_by)

    print(json.dumps(uvloop.run(play())))


if __name__ == "__main__":
    main()
