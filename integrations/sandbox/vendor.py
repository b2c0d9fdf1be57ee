"""A pretend vendor: what every sandbox server has beside its own protocol.

A vendor's module subclasses `Vendor`, adds its routes and says how its refusals look. Data, faults,
control door and webhooks are here. What does not speak HTTP is a `Counterpart` of its own.
"""

from __future__ import annotations

import ssl
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, web
from aiohttp.typedefs import Handler

from integrations import exact_json
from integrations.sandbox.control import Control, Impossible
from integrations.sandbox.faults import Board, Fault, middleware
from integrations.sandbox.listener import Listener
from integrations.sandbox.store import Store

MOST_BODY = 8 * 1024 * 1024
_HOOK_TIMEOUT = 5.0
_LONGEST_HOOK = 60.0


class Refused(Exception):
    """The vendor refuses a request with this answer."""

    def __init__(self, answer: web.Response) -> None:
        super().__init__(str(answer.status))
        self.answer = answer


class Counterpart(ABC):
    """One pretend system, whatever it speaks: its data, its faults and its control door.

    `name` is its folder's; `deeds` are what can be ordered to happen, with their labels.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    deeds: ClassVar[Mapping[str, str]] = {}
    paid_after: float = 0.0
    """After how many seconds, at the earliest, clients pay an invoice of its books; 0: never."""

    def __init__(self, data: Path, credentials: Mapping[str, str]) -> None:
        self.credentials = credentials
        self.store = Store(data / f"{self.name}.db")
        self.board = Board(data / f"{self.name}-faults.db")
        self.set_up(data)
        self.control = CounterpartControl(self)
        if not self.store.setting("furnished"):
            self.furnish()
            self.store.set("furnished", datetime.now(UTC).isoformat())

    @abstractmethod
    def set_up(self, data: Path) -> None:
        """Make ready what it speaks with."""

    @abstractmethod
    def furnish(self) -> None:
        """Put in the pretend firm's records at the first start."""

    @abstractmethod
    async def serve(self, port: int) -> None:
        """Serve on loopback until cancelled."""

    async def act(self, name: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Let one of the deeds happen. Raises Impossible."""
        raise Impossible(f"{self.title} knows no deed “{name}”")

    async def records(self, kind: str) -> list[dict[str, Any]]:
        """All that it keeps of a kind."""
        return [{"id": one.id, **one.content} for one in self.store.all(kind)]

    async def close(self) -> None:
        """Give files back."""
        self.store.close()


class Vendor(Counterpart):
    """One vendor's pretend server on HTTP. Is the fault board's dialect too (see
    `faults.Dialect`)."""

    tls: ssl.SSLContext | None = None
    """How the vendor proves itself, and asks its callers to; None speaks plain HTTP."""

    def set_up(self, data: Path) -> None:
        """Its routes behind its faults."""
        self.app = web.Application(
            middlewares=[middleware(self.board, self), self._refusing, self._guarded],
            client_max_size=MOST_BODY,
        )
        self.routes(self.app.router)
        self._session: ClientSession | None = None

    async def serve(self, port: int) -> None:
        """Answer on a port until cancelled."""
        await Listener(self.app, port, self.board, self.tls).run()

    @abstractmethod
    def routes(self, router: web.UrlDispatcher) -> None:
        """Add the protocol's routes."""

    @abstractmethod
    def admits(self, request: web.Request) -> bool:
        """Whether a request's credentials are good, or not needed on its path."""

    @abstractmethod
    def stranger(self) -> web.Response:
        """The vendor's answer to a request that is not admitted."""

    @abstractmethod
    def refuse(self, request: web.Request, fault: Fault) -> web.Response:
        """A validation refusal in the vendor's form."""

    @abstractmethod
    def quota(self, request: web.Request, fault: Fault) -> web.Response:
        """The vendor's answer when too much was asked."""

    def operation(self, request: web.Request, body: bytes) -> str:
        """``read`` or ``write`` with the path; a vendor whose reads are POSTs says it better."""
        verb = "read" if request.method in {"GET", "HEAD"} else "write"
        return f"{verb} {request.path}"

    def auth_expired(self, request: web.Request) -> web.Response | None:
        """Refuse this one request as a stranger's; a vendor with sessions ends them instead."""
        return self.stranger()

    def nowhere(self, request: web.Request, problem: web.HTTPException) -> web.StreamResponse:
        """The answer on a path, or to a method, that is not served; the vendor's form of it where
        it has one."""
        return problem

    async def post(
        self, url: str, raw: bytes, headers: Mapping[str, str], patience: float = _LONGEST_HOOK
    ) -> tuple[int, bytes]:
        """Knock at somebody's door; status and body that came back, 0 for none within `patience`
        seconds."""
        if self._session is None:
            self._session = ClientSession(cookie_jar=DummyCookieJar())
        timeout = ClientTimeout(total=patience)
        try:
            async with self._session.post(
                url, data=raw, headers=headers, timeout=timeout
            ) as answer:
                return answer.status, await answer.read()
        except (ClientError, TimeoutError):
            return 0, b""

    async def tell(self, url: str, raw: bytes, headers: Mapping[str, str]) -> int:
        """Send a webhook once; the status that came back, 0 for none. The last hundred are kept
        for the control door."""
        status, _ = await self.post(url, raw, headers, _HOOK_TIMEOUT)
        sent = {"url": url, "headers": dict(headers), "body": raw.decode(), "status": status}
        kept = exact_json.decode(self.store.setting("sent", "[]"))
        self.store.set("sent", exact_json.encode([*kept[-99:], sent]))
        return status

    async def close(self) -> None:
        """Give sockets and files back."""
        if self._session is not None:
            await self._session.close()
        await super().close()

    @web.middleware
    async def _refusing(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Refused as refused:
            return refused.answer
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed) as problem:
            return self.nowhere(request, problem)

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        return await handler(request) if self.admits(request) else self.stranger()


class CounterpartControl(Control):
    """A counterpart's control door: its faults, its deeds, and the webhooks that it has sent."""

    def __init__(self, counterpart: Counterpart) -> None:
        super().__init__(counterpart.name, counterpart.title, counterpart.board)
        self._counterpart = counterpart
        self.app.router.add_get("/api/sent", self._sent)

    def state(self) -> dict[str, Any]:
        """As every system's, with the deeds."""
        return {**super().state(), "deeds": dict(self._counterpart.deeds)}

    async def books(self, kind: str, query: Mapping[str, str]) -> list[dict[str, Any]]:
        """As the system keeps them."""
        return await self._counterpart.records(kind)

    async def _act(self, request: web.Request) -> web.Response:
        wanted = await self.body(request)
        return self.json(
            await self._counterpart.act(request.match_info["name"], wanted), status=201
        )

    async def _sent(self, request: web.Request) -> web.Response:
        return self.json(exact_json.decode(self._counterpart.store.setting("sent", "[]")))
