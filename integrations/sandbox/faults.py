"""Faults on order: what a sandbox system does wrong, for how long, and to which operations.

A `Board` holds the orders of one system and keeps them in its data file. `middleware` plays them
around an aiohttp application; `proxy` lets that application be any other HTTP server. How a
refusal or a spent quota *looks* differs between vendors: a `Dialect` says it.
"""

from __future__ import annotations

import asyncio
import fnmatch
import gzip
import json
import sqlite3
import time
from collections.abc import Collection
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from integrations.sandbox.forward import Forward
from integrations.sandbox.garble import drifted, garbled


class Kind(StrEnum):
    """What can be ordered."""

    DOWN = "down"
    SLOW = "slow"
    THROTTLE = "throttle"
    SERVER_ERROR = "server_error"
    HTML_PAGE = "html_page"
    COMMIT_THEN_DROP = "commit_then_drop"
    DROP_BEFORE_COMMIT = "drop_before_commit"
    REFUSE = "refuse"
    QUOTA = "quota"
    AUTH_EXPIRED = "auth_expired"
    GARBLED = "garbled"
    DRIFT = "drift"


MEANINGS = {
    Kind.DOWN: "Connections are refused",
    Kind.SLOW: "Answers come late",
    Kind.THROTTLE: "429 or 'status', with Retry-After when seconds (or any 'text') are given",
    Kind.SERVER_ERROR: "A 5xx answer; nothing is done unless 'committed' is set",
    Kind.HTML_PAGE: "A proxy's HTML error page instead of an answer",
    Kind.COMMIT_THEN_DROP: "The work is done, then the connection is cut before the answer",
    Kind.DROP_BEFORE_COMMIT: "The connection is cut and nothing is done",
    Kind.REFUSE: "A validation refusal in the vendor's words",
    Kind.QUOTA: "The daily quota is spent",
    Kind.AUTH_EXPIRED: "Sessions are no longer valid",
    Kind.GARBLED: "The work is done, the answer is broken: 'code' says how",
    Kind.DRIFT: "The member in 'text' has changed: 'code' is missing, missing_last, type or value",
}


CALLS = frozenset(Kind) - {Kind.DOWN}
"""What a single call may suffer."""


@dataclass(frozen=True)
class Fault:
    """One order. `remaining` counts calls, `until` is epoch seconds; None means until cleared.

    `operation` is a shell pattern on the dialect's name of the call, such as ``write
    pse__Proj__c``; "" means every call. `code` and `text` word a refusal; `status` is that of a
    server error or a throttling (None: 503 and 429).
    """

    kind: Kind
    id: int = 0
    operation: str = ""
    remaining: int | None = None
    until: float | None = None
    milliseconds: int = 2000
    retry_after: int | None = None
    status: int | None = None
    committed: bool = False
    code: str = ""
    text: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For the control API; `seconds_left` instead of a clock time."""
        fields = asdict(self)
        until = fields.pop("until")
        left = None if until is None else max(round(until - time.time()), 0)
        return {**fields, "seconds_left": left, "meaning": MEANINGS[self.kind]}


class Dialect(Protocol):
    """How one vendor's refusals look."""

    def operation(self, request: web.Request, body: bytes) -> str:
        """The call's name for filters: ``read X`` or ``write X``, ``sign in``."""

    def refuse(self, request: web.Request, fault: Fault) -> web.Response:
        """A validation refusal."""

    def quota(self, request: web.Request, fault: Fault) -> web.Response:
        """The answer when the quota is spent."""

    def auth_expired(self, request: web.Request) -> web.Response | None:
        """Forget sessions; None lets the request run into it by itself."""


class Board:
    """The orders of one system, kept in `path` beside its data."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS fault (id INTEGER PRIMARY KEY, content TEXT NOT NULL)"
        )
        self._faults: dict[int, Fault] = {}
        for number, content in self._db.execute("SELECT id, content FROM fault ORDER BY id"):
            fields = json.loads(content)
            self._faults[number] = Fault(**{**fields, "id": number, "kind": Kind(fields["kind"])})

    def order(self, fault: Fault) -> Fault:
        """Add an order; returns it with its id."""
        number = self._db.execute("INSERT INTO fault (content) VALUES ('')").lastrowid or 0
        ordered = Fault(**{**asdict(fault), "id": number})
        self._keep(ordered)
        return ordered

    def active(self) -> list[Fault]:
        """Orders still in force; those that have run out are forgotten."""
        now = time.time()
        for fault in list(self._faults.values()):
            if fault.remaining == 0 or (fault.until is not None and fault.until <= now):
                self.clear(fault.id)
        return list(self._faults.values())

    def clear(self, number: int | None = None) -> None:
        """Withdraw one order, or all of them."""
        for known in [number] if number is not None else list(self._faults):
            self._faults.pop(known, None)
            self._db.execute("DELETE FROM fault WHERE id = ?", (known,))

    def is_down(self) -> bool:
        """Whether connections are to be refused."""
        return any(fault.kind is Kind.DOWN for fault in self.active())

    def take(self, operation: str, kinds: Collection[Kind] = CALLS) -> list[Fault]:
        """The faults of these kinds that this call suffers, counted off; at most one of each."""
        suffered: dict[Kind, Fault] = {}
        for fault in self.active():
            if fault.kind not in kinds or fault.kind in suffered:
                continue
            if fault.operation and not fnmatch.fnmatch(
                operation.lower(), f"*{fault.operation.lower()}*"
            ):
                continue
            suffered[fault.kind] = fault
            if fault.remaining is not None:
                self._keep(Fault(**{**asdict(fault), "remaining": fault.remaining - 1}))
        return list(suffered.values())

    def _keep(self, fault: Fault) -> None:
        self._faults[fault.id] = fault
        self._db.execute(
            "UPDATE fault SET content = ? WHERE id = ?", (json.dumps(asdict(fault)), fault.id)
        )


def middleware(board: Board, dialect: Dialect) -> Middleware:
    """Play the board's faults around an application's own answers."""

    @web.middleware
    async def suffer(request: web.Request, handler: Handler) -> web.StreamResponse:
        body = await request.read()
        faults = {f.kind: f for f in board.take(dialect.operation(request, body))}
        if slow := faults.get(Kind.SLOW):
            await asyncio.sleep(slow.milliseconds / 1000)
        if Kind.DROP_BEFORE_COMMIT in faults:
            return _cut(request)
        if answer := _instead(request, faults, dialect):
            return answer
        response = await handler(request)
        if Kind.COMMIT_THEN_DROP in faults:
            return _cut(request)
        return _afterwards(response, faults)

    return suffer


def proxy(upstream: str) -> Forward:
    """A handler that hands every request on to `upstream` (scheme, host and port)."""
    return Forward(upstream)


def _instead(
    request: web.Request, faults: dict[Kind, Fault], dialect: Dialect
) -> web.Response | None:
    """The answer given without doing any of the work, if one of the faults wants that."""
    if fault := faults.get(Kind.THROTTLE):
        return _throttled(fault)
    if fault := faults.get(Kind.QUOTA):
        return dialect.quota(request, fault)
    if Kind.AUTH_EXPIRED in faults and (answer := dialect.auth_expired(request)):
        return answer
    for kind in (Kind.SERVER_ERROR, Kind.HTML_PAGE):
        if (fault := faults.get(kind)) and not fault.committed:
            return _broken(fault)
    if fault := faults.get(Kind.REFUSE):
        return dialect.refuse(request, fault)
    return None


def _afterwards(response: web.StreamResponse, faults: dict[Kind, Fault]) -> web.StreamResponse:
    """What becomes of the system's own answer."""
    for kind in (Kind.SERVER_ERROR, Kind.HTML_PAGE):
        if fault := faults.get(kind):
            return _broken(fault)
    body = response.body if isinstance(response, web.Response) else None
    if not isinstance(body, bytes):
        return response
    if fault := faults.get(Kind.DRIFT):
        if response.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        body, kind_of_content = drifted(fault.code, fault.text, body), response.content_type
    elif fault := faults.get(Kind.GARBLED):
        body, kind_of_content = garbled(fault.code, body)
    else:
        return response
    return web.Response(status=response.status, body=body, content_type=kind_of_content)


def _throttled(fault: Fault) -> web.Response:
    when = fault.text or ("" if fault.retry_after is None else str(fault.retry_after))
    headers = {"Retry-After": when} if when else {}
    return web.Response(status=fault.status or 429, text="Too many requests", headers=headers)


def _broken(fault: Fault) -> web.Response:
    if fault.kind is Kind.SERVER_ERROR:
        return web.Response(status=fault.status or 503, text="Service unavailable")
    page = (
        "<!doctype html><html><head><title>502 Bad Gateway</title></head><body>"
        "<h1>502 Bad Gateway</h1><p>The server is taking a short break.</p></body></html>"
    )
    return web.Response(status=502, text=page, content_type="text/html")


def _cut(request: web.Request) -> web.Response:
    """Close the socket under the answer: the caller cannot know what was done."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
