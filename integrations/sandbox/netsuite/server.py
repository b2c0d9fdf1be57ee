"""A NetSuite account on HTTP: the record service, SuiteQL and jobs.

A record is upserted by ``PUT …/eid:KEY``, answered without a body. With ``Prefer: respond-async``
it becomes a job, and only then an idempotency key counts (see `jobs`). Too many calls at once are
refused as 429, or as 400 by some of its services.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from integrations.sandbox import faults
from integrations.sandbox.netsuite import accountant
from integrations.sandbox.netsuite.account import Account
from integrations.sandbox.netsuite.deeds import DEEDS
from integrations.sandbox.netsuite.jobs import Jobs
from integrations.sandbox.netsuite.refusing import Fault
from integrations.sandbox.netsuite.suiteql import Unreadable, asked
from integrations.sandbox.netsuite.wire import REST, answer, body_of, error, refusal
from integrations.sandbox.paying import be_paid
from integrations.sandbox.sign_in import Tokens, signed_assertion
from integrations.sandbox.vendor import Refused, Vendor

TOKEN = f"{REST}/auth/oauth2/v1/token"
QUERY = f"{REST}/query/v1/suiteql"
RECORD = f"{REST}/record/v1/{{kind:customer|invoice|creditMemo|journalEntry}}"
LARGEST_PAGE = 1000
_READ = {"invoices": accountant.invoices, "revenue": accountant.revenue}
MOST_CALLS = 15
"""At once, for the whole account; another number is ordered by ``limit_calls``."""


class Server(Vendor):
    """One account with the pretend firm's subsidiaries."""

    name = "netsuite"
    title = "NetSuite"
    deeds = {
        "pay_invoice": "Pay the oldest open invoice",
        "close_period": "Close this month",
        "reopen_period": "Reopen this month",
        "hold_jobs": "Let jobs wait",
        "release_jobs": "Work off the jobs that wait",
    }

    _calls = 0

    def routes(self, router: web.UrlDispatcher) -> None:
        """The part of the API that the connector uses."""
        self.account = Account(self.store)
        wanted = (self.credentials[name] for name in ("client_id", "certificate_id", "private_key"))
        self.tokens = Tokens(self.store, signed_assertion(*wanted))
        router.add_post(TOKEN, self.tokens.give)
        router.add_post(QUERY, self._query)
        router.add_get(f"{RECORD}/{{ref}}", self._get)
        router.add_put(f"{RECORD}/{{ref}}", self._put)
        router.add_patch(f"{RECORD}/{{ref}}", self._patch)
        self.jobs = Jobs(self.store, self._upsert)
        self.jobs.routes(router)
        self.app.middlewares.insert(0, self._limited)

    async def serve(self, port: int) -> None:
        """Answer on a port until cancelled; clients pay what is open."""
        async with asyncio.TaskGroup() as chores:
            chores.create_task(super().serve(port))
            if self.paid_after:
                books = self.account
                chores.create_task(be_paid(self.paid_after, books.unpaid, books.paid))

    async def records(self, kind: str) -> list[dict[str, Any]]:
        """As an accountant reads them: ``invoices`` and ``revenue``; all else as it is kept."""
        if kind in _READ:
            return list(_READ[kind](self.account))
        return await super().records(kind)

    def furnish(self) -> None:
        """The pretend firm's lists."""
        with self.store.transaction():
            self.account.open()

    def admits(self, request: web.Request) -> bool:
        """A token, except where tokens are given."""
        return request.path == TOKEN or self.tokens.holds(request)

    def stranger(self) -> web.Response:
        """401 in the vendor's form."""
        return error(401, "INVALID_LOGIN", "Invalid login attempt.")

    def refuse(self, request: web.Request, fault: faults.Fault) -> web.Response:
        """A script's or a form's refusal."""
        return error(400, "USER_ERROR", fault.text or "Please enter a value for: Department.")

    def quota(self, request: web.Request, fault: faults.Fault) -> web.Response:
        """Too many calls at once: 429, or order it with `status` 400."""
        return self._too_many(fault.status or 429)

    def operation(self, request: web.Request, body: bytes) -> str:
        """Queries are POSTs."""
        if request.path == TOKEN:
            return "sign in"
        return "read suiteql" if request.path == QUERY else super().operation(request, body)

    def auth_expired(self, request: web.Request) -> web.Response | None:
        """End every session; the request runs into it by itself."""
        if request.path != TOKEN:
            self.tokens.forget()
        return None

    async def act(self, name: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """What happens in the account (`deeds`), ``hold_jobs``, ``release_jobs`` (refusing: words
        of which they fail), ``limit_calls`` (calls at once)."""
        match name:
            case "hold_jobs":
                self.jobs.hold()
            case "release_jobs":
                words = wanted.get("refusing")
                self.jobs.release(error(400, "USER_ERROR", words) if words else None)
            case "limit_calls":
                self.store.set("most calls", str(int(wanted["calls"])))
            case _ if deed := DEEDS.get(name):
                return {"id": deed(self.account, wanted).id}
            case _:
                return await super().act(name, wanted)
        return {}

    async def _query(self, request: web.Request) -> web.Response:
        if request.headers.get("Prefer") != "transient":
            raise Refused(error(400, "INVALID_HEADER", "The header Prefer must be transient."))
        limit = min(int(request.query.get("limit", LARGEST_PAGE)), LARGEST_PAGE)
        offset = int(request.query.get("offset", 0))
        query = str((await body_of(request)).get("q"))
        try:
            rows = asked(query, self.account.tables(query))
        except Unreadable as problem:
            words = f"Invalid search query. Detailed unprocessed description: {problem}"
            raise Refused(error(400, "INVALID_PARAMETER", words)) from None
        items = rows[offset : offset + limit]
        more = offset + limit < len(rows)
        content = {"count": len(items), "offset": offset, "totalResults": len(rows)}
        return answer({"links": [], "hasMore": more, "items": items, **content})

    async def _get(self, request: web.Request) -> web.Response:
        kind, ref = _place(request)
        try:
            found = self.account.find(kind, ref)
        except Fault as fault:
            return refusal(fault)
        return answer(self.account.shown(kind, found))

    async def _put(self, request: web.Request) -> web.Response:
        body, kind, ref = await body_of(request), *_place(request)
        if "respond-async" not in request.headers.get("Prefer", ""):
            return self._upsert(kind, ref, body)
        return self.jobs.take(
            request.headers.get("X-NetSuite-Idempotency-Key", ""), kind, ref, body
        )

    def _upsert(self, kind: str, ref: str, body: Mapping[str, Any]) -> web.Response:
        try:
            if not ref.startswith("eid:"):
                raise Fault(400, "INVALID_ID", "An upsert needs an external id.")
            made = self.account.upsert(kind, ref.removeprefix("eid:"), body)
        except Fault as fault:
            return refusal(fault)
        place = f"{REST}/record/v1/{kind}/{made.id}"
        return web.Response(status=204, headers={"Location": place})

    async def _patch(self, request: web.Request) -> web.Response:
        body = await body_of(request)
        try:
            self.account.change(*_place(request), body)
        except Fault as fault:
            return refusal(fault)
        return web.Response(status=204)

    @web.middleware
    async def _limited(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self._calls >= int(self.store.setting("most calls", str(MOST_CALLS))):
            return self._too_many(429)
        self._calls += 1
        try:
            return await handler(request)
        finally:
            self._calls -= 1

    @staticmethod
    def _too_many(status: int) -> web.Response:
        words = "Concurrent request limit exceeded. Request blocked."
        return error(status, "CONCURRENCY_LIMIT_EXCEEDED", words)


def _place(request: web.Request) -> tuple[str, str]:
    return request.match_info["kind"], request.match_info["ref"]
