"""A Business Central environment on HTTP: companies, customers, sales invoices and $batch.

What it looks like on the wire is the vendor's v1.0 contract; accounting periods are of v2.0.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from integrations.sandbox import faults
from integrations.sandbox.business_central.books import Books, Fault
from integrations.sandbox.business_central.odata import filtering
from integrations.sandbox.business_central.shapes import etag, shown
from integrations.sandbox.business_central.wire import (
    answer,
    body_of,
    error,
    error_of,
    explained,
    page,
)
from integrations.sandbox.control import Impossible
from integrations.sandbox.sign_in import Tokens, client_credentials
from integrations.sandbox.store import Document
from integrations.sandbox.vendor import Refused, Vendor

API = "/v2.0/production/api/v1.0"
PERIODS = "/v2.0/production/api/v2.0"
MOST_IN_A_BATCH = 100
_COLLECTIONS = ("customers", "salesInvoices", "accounts", "taxGroups", "paymentTerms")
_COMPANY = "companies({company_id})"
_INVOICE = f"{API}/{_COMPANY}/salesInvoices({{salesInvoice_id}})"
_OPERATION = re.compile(
    r"companies\(([^)]+)\)/salesInvoices\(([^)]+)\)(?:/salesInvoiceLines(?:\('([^']+)'\))?)?$"
)
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
        known = client_credentials(self.credentials["client_id"], self.credentials["client_secret"])
        self.tokens = Tokens(self.store, known)
        router.add_post("/{tenant}/oauth2/v2.0/token", self.tokens.give)
        router.add_get(f"{API}/companies", self._listed("companies"))
        for collection in _COLLECTIONS:
            router.add_get(f"{API}/{_COMPANY}/{collection}", self._listed(collection))
        periods = self._listed("accountingPeriods")
        router.add_get(f"{PERIODS}/{_COMPANY}/accountingPeriods", periods)
        customer = f"{API}/{_COMPANY}/customers({{customer_id}})"
        router.add_post(f"{API}/{_COMPANY}/customers", self._new_customer)
        router.add_get(customer, self._customer)
        router.add_patch(customer, self._change_customer)
        router.add_post(f"{API}/{_COMPANY}/salesInvoices", self._new_invoice)
        router.add_get(_INVOICE, self._invoice)
        router.add_patch(_INVOICE, self._change_invoice)
        router.add_post(f"{_INVOICE}/Microsoft.NAV.post", self._post)
        router.add_post(f"{API}/$batch", self._batch)

    def furnish(self) -> None:
        """The pretend firm's companies."""
        with self.store.transaction():
            self.books.open()

    def admits(self, request: web.Request) -> bool:
        """A token, except where tokens are given."""
        return _is_sign_in(request) or self.tokens.holds(request)

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
        return "sign in" if _is_sign_in(request) else super().operation(request, body)

    def auth_expired(self, request: web.Request) -> web.Response | None:
        """End every session; the request runs into it by itself."""
        if not _is_sign_in(request):
            self.tokens.forget()
        return None

    async def act(self, name: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """``pay_invoice`` (number), ``close_period`` and ``reopen_period`` (company, month),
        ``remark`` (id: says who sold it), ``change_customer`` (id, and what it says from now on),
        ``copy_draft`` (id: a second one of the same reference), ``switch_tax`` (company, code: away
        with it)."""
        try:
            return self._deed(name, wanted) or await super().act(name, wanted)
        except Fault as fault:
            raise Impossible(fault.words) from None

    def _deed(self, name: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        match name:
            case "pay_invoice":
                chosen = {"number": wanted["number"]} if "number" in wanted else {}
                unpaid = self.store.all("salesInvoices", status="Open", **chosen)
                if not unpaid:
                    raise Impossible("no such invoice is open")
                done = self.store.change("salesInvoices", unpaid[0].id, {"status": "Paid"})
            case "close_period" | "reopen_period":
                done = self._period(wanted, closed=name == "close_period")
            case "remark":
                sold = {"salesperson": "JO"}
                done = self.store.change("salesInvoices", str(wanted["id"]), sold)
            case "change_customer":
                said = {name: value for name, value in wanted.items() if name != "id"}
                done = self.store.change("customers", str(wanted["id"]), said)
            case "copy_draft":
                original = self.books.one("salesInvoices", str(wanted["id"]))
                done = self.store.add("salesInvoices", original.content, str(uuid.uuid4()))
            case "switch_tax":
                company = self._company(str(wanted["company"]))
                (code,) = self.store.all("taxGroups", company=company, code=wanted["code"])
                done = self.store.remove("taxGroups", code.id)
            case _:
                return {}
        return {"id": done.id}

    def _period(self, wanted: Mapping[str, Any], *, closed: bool) -> Document:
        company = self._company(str(wanted.get("company") or "LF-UK"))
        period = self.books.period(company, f"{wanted['month']}-01")
        return self.store.change("accountingPeriods", period.id, {"closed": closed})

    def _company(self, code: str) -> str:
        found = self.store.all("companies", name=code)
        if not found:
            raise Impossible(f"there is no company {code}")
        return found[0].id

    def _listed(self, collection: str) -> Handler:
        async def listed(request: web.Request) -> web.Response:
            company = request.match_info.get("company_id", "")
            with explained():
                wanted = request.query.get("$filter", "")
                test = filtering(wanted) if wanted else lambda row: True
                expand = "$expand" in request.query
                documents = self.books.rows(collection, company)
                rows = [shown(self.books, one, expand) for one in documents]
            return page(request, [row for row in rows if test(row)])

        return listed

    async def _new_customer(self, request: web.Request) -> web.Response:
        with explained():
            made = self.books.add_customer(_company_of(request), await body_of(request))
        return answer(shown(self.books, made), 201)

    async def _customer(self, request: web.Request) -> web.Response:
        with explained():
            return answer(shown(self.books, self._asked(request, "customers", "customer_id")))

    async def _change_customer(self, request: web.Request) -> web.Response:
        return await self._changed(request, "customers", "customer_id")

    async def _new_invoice(self, request: web.Request) -> web.Response:
        with explained(), self.store.transaction():
            made = self.books.add_invoice(_company_of(request), await body_of(request))
        return answer(shown(self.books, made), 201)

    async def _invoice(self, request: web.Request) -> web.Response:
        with explained():
            found = self._asked(request, "salesInvoices", "salesInvoice_id")
        return answer(shown(self.books, found, "$expand" in request.query))

    async def _change_invoice(self, request: web.Request) -> web.Response:
        return await self._changed(request, "salesInvoices", "salesInvoice_id")

    async def _post(self, request: web.Request) -> web.Response:
        with explained():
            self.books.post(self._asked(request, "salesInvoices", "salesInvoice_id").id)
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
        _, invoice, line = match.groups()
        method, body = one["method"], one.get("body") or {}
        if method == "PATCH":
            known = self.books.one("salesInvoices", invoice)
            _expects(known, (one.get("headers") or {}).get("If-Match", ""))
            self.books.change("salesInvoices", invoice, body)
            return 200
        if method == "DELETE":
            self.books.drop_line(invoice, line)
            return 204
        self.books.add_line(invoice, body)
        return 201

    def _asked(self, request: web.Request, collection: str, name: str) -> Document:
        """The entity that a path names, of that company. Raises Fault."""
        found = self.books.one(collection, request.match_info[name])
        if found.content["company"] != _company_of(request):
            raise Fault(404, "BadRequest_ResourceNotFound", "It is not of this company.")
        return found

    async def _changed(self, request: web.Request, collection: str, name: str) -> web.Response:
        with explained():
            known = self._asked(request, collection, name)
            _expects(known, request.headers.get("If-Match", ""))
            changed = self.books.change(collection, known.id, await body_of(request))
        return answer(shown(self.books, changed))


def _is_sign_in(request: web.Request) -> bool:
    return request.path.endswith("/oauth2/v2.0/token")


def _company_of(request: web.Request) -> str:
    return request.match_info["company_id"]


def _expects(known: Document, expected: str) -> None:
    """Raises Fault when an entity is no longer at the version that a change expects."""
    if not expected:
        raise Fault(400, "BadRequest", "The request must have an If-Match header.")
    if expected not in {"*", etag(known)}:
        words = "Another user has already changed the record."
        raise Fault(409, "Request_EntityChanged", words)
