"""A small system over HTTP that keeps books, one shelf for each effect class. It outlives whoever
is killed while talking to it."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from controltower.canonical.verdicts import Effect

REMEMBERS_KEYS = {Effect.KEYED, Effect.IDEMPOTENT}
Record = dict[str, Any]


@dataclass
class Books:
    """What the system has: orders that it tells of, and what it was sent."""

    orders: list[str] = field(default_factory=list)
    shelves: dict[str, list[Record]] = field(default_factory=dict)
    refuses: bool = False
    _seen: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def effects(self, order: str) -> int:
        """How many records there are of an order."""
        return sum(one["order"] == order for shelf in self.shelves.values() for one in shelf)

    def time_passes(self) -> None:
        """The lagging index shows what was there when time passed before."""
        shelf = self.shelves.setdefault(Effect.LAGGING, [])
        for record in shelf:
            record["shown"], record["seen"] = record["seen"], True

    def take(self, effect: str, key: str, order: str) -> Record | None:
        """Create, or find by its key where keys are remembered; None when nothing is taken."""
        with self._lock:
            shelf = self.shelves.setdefault(effect, [])
            for record in shelf:
                if effect in REMEMBERS_KEYS and record["key"] == key:
                    return record
            if self.refuses:
                return None
            ref = f"{effect}-{len(shelf) + 1}"
            made = {"ref": ref, "key": key, "order": order, "seen": False, "shown": False}
            shelf.append(made)
            return made

    def find(self, effect: str, order: str) -> list[Record]:
        """What a search by our reference shows."""
        shelf = self.shelves.get(effect, [])
        lags = effect == Effect.LAGGING
        return [one for one in shelf if one["order"] == order and (one["shown"] or not lags)]

    def get(self, effect: str, ref: str) -> list[Record]:
        """What a look by its own id shows, which lags nowhere."""
        return [one for one in self.shelves.get(effect, []) if one["ref"] == ref]


class Upstream(ThreadingHTTPServer):
    """The books behind a port of the loopback."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Door)
        self.books = Books()
        threading.Thread(target=self.serve_forever, name="upstream", daemon=True).start()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Door(BaseHTTPRequestHandler):
    server: Upstream

    def do_GET(self) -> None:
        books, asked = self.server.books, urlsplit(self.path)
        effect, query = asked.path.strip("/"), parse_qs(asked.query)
        if effect == "orders":
            after = int(query["after"][0])
            self._say(200, books.orders[after:])
        elif "ref" in query:
            self._say(200, books.get(effect, query["ref"][0]))
        else:
            self._say(200, books.find(effect, query["order"][0]))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        made = self.server.books.take(self.path.strip("/"), body["key"], body["order"])
        self._say(422 if made is None else 200, made)

    def _say(self, status: int, what: Any) -> None:
        body = json.dumps(what).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Quiet."""
