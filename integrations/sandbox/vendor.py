"""A pretend vendor: what every sandbox server has beside its own protocol.

A vendor's module subclasses `Vendor`, adds its routes and says how its refusals look. Data, faults,
control door and webhooks are here.
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
from integrations.sandbox.store import Store

MOST_BODY = 8 * 1024 * 1024
_HOOK_TIMEOUT = 5.0


class Refused(Exception):
    """The vendor refuses a request with this answer."""

    def __init__(self, answer: web.Response) -> None:
        super().__init__(str(answer.status))
        self.answer = answer


class Vendor(ABC):
    """One vendor's pretend server. Is the fault board's dialect too (see `faults.Dialect`).

    `name` is its folder's; `deeds` are what can be ordered to happen, with their labels.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    deeds: ClassVar[Mapping[str, str]] = {}
    tls: ssl.SSLContext | None = None
    """How the vendor proves itself, and asks its callers to; None speaks plain HTTP."""

    def __init__(self, data: Path, credentials: Mapping[str, str]) -> None:
        self.credentials = credentials
        self.store = Store(data / f"{self.name}.db")
        self.board = Board(data / f"{self.name}-faults.db")
        self.app = web.Application(
            middlewares=[middleware(self.board, self), self._refusing, self._guarded],
            client_max_size=MOST_BODY,
        )
        self.routes(self.app.router)
        self.control = VendorControl(self)
        self._session: ClientSession | None = None
        if not self.store.setting("furnished"):
            self.furnish()
            self.store.set("furnished", datetime.now(UTC).isoformat())

    @abstractmethod
    def routes(self, router: web.UrlDispatcher) -> None:
        """Add the protocol's routes."""

    @abstractmethod
    def furnish(self) -> None:
        """Put in the pretend firm's records at the first start."""

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

    async def act(self, name: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Let one of the deeds happen. Raises Impossible."""
        raise Impossible(f"{self.title} knows no deed “{name}”")

    async def tell(self, url: str, raw: bytes, headers: Mapping[str, str]) -> int:
        """Send a webhook once; the status that came back, 0 for none. The last hundred are kept
        for the control door."""
        if self._session is None:
            timeout = ClientTimeout(total=_HOOK_TIMEOUT)
            self._session = ClientSession(timeout=timeout, cookie_jar=DummyCookieJar())
        try:
            async with self._session.post(url, data=raw, headers=headers) as answer:
                status = answer.status
        except (ClientError, TimeoutError):
            status = 0
        sent = {"url": url, "headers": dict(headers), "body": raw.decode(), "status": status}
        kept = exact_json.decode(self.store.setting("sent", "[]"))
        self.store.set("sent", exact_json.encode([*kept[-99:], sent]))
        return status

    async def close(self) -> None:
        """Give sockets and files back."""
        if self._session is not None:
            await self._session.close()
        self.store.close()

    @web.middleware
    async def _refusing(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Refused as refused:
            return refused.answer

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        return await handler(request) if self.admits(request) else self.stranger()


class VendorControl(Control):
    """A vendor's control door: its faults, its deeds, and the webhooks that it has sent."""

    def __init__(self, vendor: Vendor) -> None:
        super().__init__(vendor.name, vendor.title, vendor.board)
        self._vendor = vendor
        self.app.router.add_get("/api/sent", self._sent)

    def state(self) -> dict[str, Any]:
        """As every system's, with the deeds."""
        return {**super().state(), "deeds": dict(self._vendor.deeds)}

    async def _act(self, request: web.Request) -> web.Response:
        wanted = await self.body(request)
        return self.json(await self._vendor.act(request.match_info["name"], wanted), status=201)

    async def _sent(self, request: web.Request) -> web.Response:
        return self.json(exact_json.decode(self._vendor.store.setting("sent", "[]")))
