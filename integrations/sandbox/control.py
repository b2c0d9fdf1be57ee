"""The control door of one sandbox system: its faults and, where it has one, the firm's life.

JSON: ``GET /api/state`` · ``POST /api/faults`` (a fault's fields; ``seconds`` for a duration,
``count`` for a number of calls) · ``DELETE /api/faults`` and ``/api/faults/<id>`` ·
``POST /api/life`` ``{"pace": …}`` · ``POST /api/actions/<name>`` (the action's parameters) ·
``GET /api/books/<kind>`` (what the system's own books hold of a kind, ``{kind: [row, …]}``).
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, Protocol

from aiohttp import web

from integrations import exact_json
from integrations.sandbox.faults import MEANINGS, Board, Fault, Kind


class Impossible(Exception):
    """An order that cannot be carried out; the text says why, for people."""


class Life(Protocol):
    """What a system may offer beside faults: the pretend firm's pace and deeds."""

    def state(self) -> dict[str, Any]:
        """Pace, figures and what happened last."""

    def set_pace(self, pace: str) -> None:
        """Raises Impossible on an unknown pace."""

    def act(self, name: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Do something now. Raises Impossible."""

    def books(self, kind: str) -> list[dict[str, Any]]:
        """All its records of a kind. Raises Impossible on an unknown one."""


class Control:
    """One system's control door, as an application to be served on its own port."""

    def __init__(self, name: str, title: str, board: Board, life: Life | None = None) -> None:
        self.name = name
        self.title = title
        self.board = board
        self.life = life
        self.app = web.Application(middlewares=[_local_only, _explained])
        self.app.router.add_get("/api/state", self._state)
        self.app.router.add_post("/api/faults", self._order)
        self.app.router.add_delete("/api/faults", self._clear)
        self.app.router.add_delete("/api/faults/{id:\\d+}", self._clear)
        self.app.router.add_post("/api/life", self._pace)
        self.app.router.add_post("/api/actions/{name}", self._act)
        self.app.router.add_get("/api/books/{kind}", self._books)

    async def books(self, kind: str, query: Mapping[str, str]) -> list[dict[str, Any]]:
        """What the system's own books hold of a kind; `query` may narrow it down. Raises
        Impossible."""
        return self._living().books(kind)

    def state(self) -> dict[str, Any]:
        """All there is to know, as JSON values."""
        return {
            "name": self.name,
            "title": self.title,
            "down": self.board.is_down(),
            "faults": [fault.as_dict() for fault in self.board.active()],
            "kinds": {kind.value: meaning for kind, meaning in MEANINGS.items()},
            "life": self.life.state() if self.life else None,
        }

    async def _state(self, request: web.Request) -> web.Response:
        return self.json(self.state())

    async def _order(self, request: web.Request) -> web.Response:
        fault = self.board.order(fault_of(await self.body(request)))
        return self.json(fault.as_dict(), status=201)

    async def _clear(self, request: web.Request) -> web.Response:
        number = request.match_info.get("id")
        self.board.clear(int(number) if number else None)
        return self.json(self.state())

    async def _pace(self, request: web.Request) -> web.Response:
        self._living().set_pace(str((await self.body(request)).get("pace", "")))
        return self.json(self.state())

    async def _act(self, request: web.Request) -> web.Response:
        done = self._living().act(request.match_info["name"], await self.body(request))
        return self.json(done, status=201)

    async def _books(self, request: web.Request) -> web.Response:
        kind = request.match_info["kind"]
        return self.json({kind: await self.books(kind, request.query)})

    @staticmethod
    async def body(request: web.Request) -> dict[str, Any]:
        """The order itself. Raises Impossible."""
        raw = await request.read()
        try:
            content = exact_json.decode(raw) if raw else {}
        except ValueError:
            raise Impossible("the body is not JSON") from None
        if not isinstance(content, dict):
            raise Impossible("the body must be a JSON object")
        return content

    @staticmethod
    def json(value: Any, status: int = 200) -> web.Response:
        """An answer."""
        text = exact_json.encode(value)
        return web.Response(status=status, text=text, content_type="application/json")

    def _living(self) -> Life:
        if self.life is None:
            raise Impossible(f"{self.title} has no life of its own")
        return self.life


def fault_of(wanted: Mapping[str, Any]) -> Fault:
    """Read an order. Raises Impossible."""
    try:
        kind = Kind(str(wanted.get("kind", "")))
    except ValueError:
        raise Impossible(f"kind must be one of {', '.join(Kind)}") from None
    seconds = _whole(wanted, "seconds")
    committed = wanted.get("committed") in (True, "true", "on", "1", 1)
    return Fault(
        kind=kind,
        operation=str(wanted.get("operation") or ""),
        remaining=_whole(wanted, "count"),
        until=None if seconds is None else time.time() + seconds,
        milliseconds=_whole(wanted, "milliseconds") or 2000,
        retry_after=_whole(wanted, "retry_after"),
        status=_whole(wanted, "status"),
        committed=committed,
        code=str(wanted.get("code") or ""),
        text=str(wanted.get("text") or ""),
    )


def _whole(wanted: Mapping[str, Any], name: str) -> int | None:
    value = wanted.get(name)
    if value is None or value == "":
        return None
    try:
        number = int(str(value))
    except ValueError:
        number = -1
    if not 0 <= number <= 1_000_000:
        raise Impossible(f"{name} must be a whole number from 0 to 1000000")
    return number


@web.middleware
async def _local_only(request: web.Request, handler: Any) -> web.StreamResponse:
    """Refuse what a foreign web page could make a browser send."""
    host = request.host.rpartition(":")[0] or request.host
    if host not in ("127.0.0.1", "localhost", "[::1]"):
        return web.Response(status=421, text="This door answers on the loopback address only.")
    origin = request.headers.get("Origin")
    if request.method != "GET" and origin and origin != f"http://{request.host}":
        return web.Response(status=403, text="Orders from another site are refused.")
    response: web.StreamResponse = await handler(request)
    return response


@web.middleware
async def _explained(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        response: web.StreamResponse = await handler(request)
    except Impossible as reason:
        return web.Response(
            status=400, text=json.dumps({"error": str(reason)}), content_type="application/json"
        )
    return response
