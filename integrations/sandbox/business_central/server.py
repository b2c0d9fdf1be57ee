"""A Business Central environment on HTTP: companies, customers, sales documents and $batch.

What it looks like on the wire is the vendor's v1.0 contract; accounting periods are of v2.0.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from integrations.sandbox import faults
from integrations.sandbox.business_central import accountant
from integrations.sandbox.business_central.books import PAPERS, Books, Fault
from integrations.sandbox.business_central.deeds import DEEDS, HOOKED
from integrations.sandbox.business_central.hooks import Hooks
from integrations.sandbox.business_central.journals import ENTRIES, JOURNALS, LINES, Journals
from integrations.sandbox.business_central.odata import filtering
from integrations.sandbox.business_central.shapes import expects, shown
from integrations.sandbox.business_central.wire import (
    answer,
    body_of,
    error,
    error_of,
    explained,
    page,
)
from integrations.sandbox.control import Impossible
from integrations.sandbox.entra import Entra
from integrations.sandbox.paying import be_paid
from integrations.sandbox.store import Document
from integrations.sandbox.vendor import Refused, Vendor

API = "/v2.0/production/api/v1.0"
PERIODS = "/v2.0/production/api/v2.0"
MOST_IN_A_BATCH = 100
_COLLECTIONS = ("customers", *PAPERS, JOURNALS, LINES, ENTRIES, "accounts", "taxGroups",
                "paymentTerms", "companyInformation")  # fmt: skip
_COMPANY = "companies({company_id})"
_OPERATION = re.compile(r"companies\([^)]+\)/(\w+)\(([^)]+)\)(?:/\w+(?:\('?([^')]+)'?\))?)?$")
_READ = {"invoices": accountant.invoices, "revenue": accountant.revenue}
Handler = Callable[[web.Request], Awaitable[web.Response]]


class Server(Vendor):
    """One environment with the pretend firm's companies."""

    name = "business_central"
    title = "Business Central"
    deeds = {
        "pay_invoice": "Pay the oldest open invoice",
        "close_period": "Close this month",
        "reopen_period": "Reopen this month",
    }

    def routes(self, router: web.UrlDispatcher) -> None:
        """The part of the API that the connector uses."""
        self.books = Books(self.store)
        self.journals = Journals(self.books)
        self.hooks = Hooks(self.books, self)
        self.tokens = Entra(self.store, self.credentials)
        self.tokens.routes(router)
        router.add_get(f"{API}/companies", self._listed("companies"))
        for collection in _COLLECTIONS:
            router.add_get(f"{API}/{_COMPANY}/{collection}", self._listed(collection))
            router.add_get(f"{API}/{_COMPANY}/{collection}/$count", self._counted(collection))
        periods = self._listed("accountingPeriods")
        router.add_get(f"{PERIODS}/{_COMPANY}/accountingPeriods", periods)
        customer = f"{API}/{_COMPANY}/customers({{customer_id}})"
        router.add_post(f"{API}/{_COMPANY}/customers", self._new_customer)
        router.add_get(customer, self._customer)
        router.add_patch(customer, self._changing("customers"))
        for collection in PAPERS:
            one = f"{API}/{_COMPANY}/{collection}({{{collection.removesuffix('s')}_id}})"
            router.add_post(f"{API}/{_COMPANY}/{collection}", self._new_paper(collection))
            router.add_get(one, self._paper(collection))
            router.add_patch(one, self._changing(collection))
            router.add_post(f"{one}/Microsoft.NAV.post", self._post(collection))
        router.add_post(f"{API}/{_COMPANY}/{JOURNALS}", self._new_journal)
        router.add_post(f"{API}/{_COMPANY}/{JOURNALS}({{journal_id}})/Microsoft.NAV.post",
                        self._post_journal)  # fmt: skip
        router.add_post(f"{API}/$batch", self._batch)
        self.hooks.routes(router, API)

    async def serve(self, port: int) -> None:
        """Answer on a port, and tell subscribers, until cancelled."""
        async with asyncio.TaskGroup() as chores:
            chores.create_task(super().serve(port))
            chores.create_task(self.hooks.run())
            if self.paid_after:
                books = self.books
                chores.create_task(be_paid(self.paid_after, books.unpaid, books.paid))

    def furnish(self) -> None:
        """The pretend firm's companies."""
        with self.store.transaction():
            self.books.open()

    def admits(self, request: web.Request) -> bool:
        """A token, except where tokens are given."""
        return Entra.is_sign_in(request) or self.tokens.holds(request)

    def stranger(self) -> web.Response:
        """401 in the vendor's form."""
        code = "Authentication_InvalidCredentials"
        return error(401, code, "The server has rejected the client credentials.")

    def refuse(self, request: web.Request, fault: faults.Fault) -> web.Response:
        """A dialog's words."""
        words = fault.text or "Your changes cannot be saved because a field has an invalid value."
        return error(400, "Application_DialogException", words)

    def quota(self, request: web.Request, fault: faults.Fault) -> web.Response:
        """Too many requests in a minute."""
        words = "Too many requests reached. Actual (601). Maximum (600)."
        return error(429, "Application_TooManyRequests", words)

    def operation(self, request: web.Request, body: bytes) -> str:
        """As every vendor's, but asking for a token is no write."""
        return "sign in" if Entra.is_sign_in(request) else super().operation(request, body)

    def auth_expired(self, request: web.Request) -> web.Response | None:
        """End every session; the request runs into it by itself."""
        if not Entra.is_sign_in(request):
            self.tokens.forget()
        return None

    def nowhere(self, request: web.Request, problem: web.HTTPException) -> web.Response:
        """A path that the API does not have."""
        words = f"No HTTP resource was found that matches the request URI '{request.url}'."
        return error(404, "BadRequest_NotFound", words)

    async def records(self, kind: str) -> list[dict[str, Any]]:
        """As an accountant reads them: ``invoices`` and ``revenue``; all else as it is kept."""
        if kind in _READ:
            return list(_READ[kind](self.books))
        return await super().records(kind)

    async def act(self, name: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """What happens in the environment: see `deeds`. ``notify``: tell subscribers now."""
        if name == "notify":
            await self.hooks.send()
            return {}
        try:
            if name in HOOKED:
                return {"id": HOOKED[name](self.hooks, wanted)}
            if name in DEEDS:
                return {"id": DEEDS[name](self.books, wanted).id}
        except Fault as fault:
            raise Impossible(fault.words) from None
        return await super().act(name, wanted)

    def _listed(self, collection: str) -> Handler:
        async def listed(request: web.Request) -> web.Response:
            return page(request, self._found(request, collection))

        return listed

    def _counted(self, collection: str) -> Handler:
        async def counted(request: web.Request) -> web.Response:
            return web.Response(text=str(len(self._found(request, collection))))

        return counted

    def _found(self, request: web.Request, collection: str) -> list[dict[str, Any]]:
        """The rows of a company that a filter lets through."""
        company = request.match_info.get("company_id", "")
        with explained():
            wanted = request.query.get("$filter", "")
            test = filtering(wanted) if wanted else lambda row: True
            expand = "$expand" in request.query
            documents = self.books.rows(collection, company)
            rows = [shown(self.books, one, expand) for one in documents]
        return [row for row in rows if test(row)]

    async def _new_customer(self, request: web.Request) -> web.Response:
        with explained():
            made = self.books.add_customer(_company_of(request), await body_of(request))
        return answer(shown(self.books, made), 201)

    async def _customer(self, request: web.Request) -> web.Response:
        with explained():
            return answer(shown(self.books, self._asked(request, "customers")))

    def _new_paper(self, collection: str) -> Handler:
        async def made(request: web.Request) -> web.Response:
            with explained(), self.store.transaction():
                draft = self.books.add_paper(
                    collection, _company_of(request), await body_of(request)
                )
            return answer(shown(self.books, draft), 201)

        return made

    def _paper(self, collection: str) -> Handler:
        async def found(request: web.Request) -> web.Response:
            with explained():
                known = self._asked(request, collection)
            return answer(shown(self.books, known, "$expand" in request.query))

        return found

    def _post(self, collection: str) -> Handler:
        async def posted(request: web.Request) -> web.Response:
            with explained(), self.store.transaction():
                self.books.post(collection, self._asked(request, collection).id)
            return web.Response(status=204)

        return posted

    async def _new_journal(self, request: web.Request) -> web.Response:
        with explained():
            made = self.journals.open(_company_of(request), await body_of(request))
        return answer(shown(self.books, made), 201)

    async def _post_journal(self, request: web.Request) -> web.Response:
        with explained(), self.store.transaction():
            self.journals.post(self._asked(request, JOURNALS).id)
        return web.Response(status=204)

    async def _batch(self, request: web.Request) -> web.Response:
        """With ``Isolation: snapshot`` all operations happen or none does."""
        operations = (await body_of(request)).get("requests") or []
        if len(operations) > MOST_IN_A_BATCH:
            words = f"The batch holds {len(operations)} requests; the most is {MOST_IN_A_BATCH}."
            raise Refused(error(413, "BadRequest_BatchTooLarge", words))
        answers: list[dict[str, Any]] = []
        try:
            with self.store.transaction():
                for one in operations:
                    answers.append({"id": one["id"], "status": self._play(one), "headers": {}})
        except Fault as fault:
            refused = {"id": one["id"], "status": fault.status, "headers": {}}
            answers = [{**refused, "body": error_of(fault.code, fault.words)}]
        return answer({"responses": answers})

    def _play(self, one: Mapping[str, Any]) -> int:
        """One operation of a batch; its status. Raises Fault."""
        match = _OPERATION.match(unquote(str(one["url"])))
        if match is None:
            raise Fault(404, "BadRequest_NotFound", f"No HTTP resource matches {one['url']}.")
        collection, number, line = match.groups()
        method, body = one["method"], one.get("body") or {}
        if method == "PATCH":
            known = self.books.one(collection, number)
            expects(known, (one.get("headers") or {}).get("If-Match", ""))
            self.books.change(collection, number, body)
            return 200
        if method == "DELETE":
            if collection == JOURNALS:
                self.journals.drop_line(line)
            else:
                self.books.drop_line(collection, number, line)
            return 204
        if collection == JOURNALS:
            self.journals.add_line(number, body)
        else:
            self.books.add_line(collection, number, body)
        return 201

    def _asked(self, request: web.Request, collection: str) -> Document:
        """The entity that a path names, of that company. Raises Fault."""
        number = request.match_info[f"{collection.removesuffix('s')}_id"]
        found = self.books.one(collection, number)
        if found.content["company"] != _company_of(request):
            raise Fault(404, "BadRequest_ResourceNotFound", "It is not of this company.")
        return found

    def _changing(self, collection: str) -> Handler:
        async def changed(request: web.Request) -> web.Response:
            with explained():
                known = self._asked(request, collection)
                expects(known, request.headers.get("If-Match", ""))
                new = self.books.change(collection, known.id, await body_of(request))
            return answer(shown(self.books, new))

        return changed


def _company_of(request: web.Request) -> str:
    return request.match_info["company_id"]
