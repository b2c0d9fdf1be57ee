"""A pretend Coupa instance: approved documents with their exported flag, and integration runs.

Written from the vendor's public documentation of its core API. Which field of a run carries a
caller's own reference is not documented; here it is ``external-id``, as on an integration error.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from integrations import exact_json
from integrations.sandbox.control import Impossible
from integrations.sandbox.coupa import purchases
from integrations.sandbox.faults import Fault
from integrations.sandbox.sign_in import Tokens, client_credentials
from integrations.sandbox.store import Document
from integrations.sandbox.vendor import Refused, Vendor

API = "/api"
_TOKEN = "/oauth2/token"
_PAGE = 50
_PER_SECOND, _BURST = 25.0, 20.0
_DOCUMENTS = {"invoices": "invoice", "purchase_orders": "order", "expense_reports": "report"}
_NOTES = {"integration_runs": "run", "integration_errors": "error"}
_RUN_ENDINGS = {
    "run": "running", "pause": "paused", "pending": "pending", "success": "success",
    "fail": "failed",
}  # fmt: skip
_ERROR_ENDINGS = {"resolve": "resolved", "unresolve": "open"}
_NOTED = {"external-id", "integration", "details", "document-type", "document-id"}


class Server(Vendor):
    """Invoices, purchase orders, expense reports; runs and errors of integrations."""

    name = "coupa"
    title = "Coupa"
    deeds = {
        "approve_invoice": "Approve a supplier's invoice",
        "issue_order": "Issue a purchase order",
        "approve_report": "Approve an expense report",
    }

    def __init__(self, data: Path, credentials: Mapping[str, str]) -> None:
        super().__init__(data, credentials)
        accepts = client_credentials(credentials["client_id"], credentials["client_secret"])
        self._tokens = Tokens(self.store, accepts)
        self._left, self._at = _BURST, time.monotonic()
        self.app.middlewares.append(self._limited)

    def routes(self, router: web.UrlDispatcher) -> None:
        """The part of the core API that the connector uses."""
        router.add_post(_TOKEN, self._sign_in)
        for resource in (*_DOCUMENTS, *_NOTES):
            router.add_get(f"{API}/{{resource:{resource}}}", self._list)
            router.add_get(f"{API}/{{resource:{resource}}}/{{id}}", self._show)
        for resource in _DOCUMENTS:
            router.add_put(f"{API}/{{resource:{resource}}}/{{id}}", self._flag)
        for resource in _NOTES:
            router.add_post(f"{API}/{{resource:{resource}}}", self._note)
            router.add_put(f"{API}/{{resource:{resource}}}/{{id}}/{{ending}}", self._end)

    def furnish(self) -> None:
        """Nothing is bought before there is a project to buy it for."""

    def admits(self, request: web.Request) -> bool:
        """A token of ours, except where one is fetched."""
        return request.path == _TOKEN or self._tokens.holds(request)

    def stranger(self) -> web.Response:
        """401 with the words of the vendor."""
        return refusal({"base": ["The access token is not valid"]}, 401)

    def auth_expired(self, request: web.Request) -> web.Response | None:
        """End every session; the request then runs into it by itself."""
        self._tokens.forget()
        return None

    def operation(self, request: web.Request, body: bytes) -> str:
        """Fetching a token is neither a read nor a write."""
        return "sign in" if request.path == _TOKEN else super().operation(request, body)

    def refuse(self, request: web.Request, fault: Fault) -> web.Response:
        """A field with a value that the instance does not take."""
        return refusal({"account": [fault.text or "is not active"]}, 400)

    def quota(self, request: web.Request, fault: Fault) -> web.Response:
        """Too many calls in a second."""
        return _too_many()

    async def act(self, name: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """``approve_invoice``, ``issue_order``, ``approve_report`` (project, entity, amount,
        account, …: see `purchases`); ``revise_order`` (id, amount); ``change`` (id, fields);
        ``limit`` (per_second, 0 for none)."""
        made = {
            "approve_invoice": ("invoice", purchases.invoice),
            "issue_order": ("order", purchases.order),
            "approve_report": ("report", purchases.report),
        }
        if name in made:
            kind, content = made[name]
            try:
                document = content(self.store.next_number("document"), wanted)
            except (KeyError, StopIteration):
                raise Impossible(f"nobody sells to {wanted.get('entity')}") from None
            return {"id": f"{kind}-{self.store.add(kind, document).id}", **document}
        if name == "limit":
            self.store.set("per_second", str(float(wanted["per_second"])))
            return dict(wanted)
        if name in {"revise_order", "change"}:
            return self._changed(name, wanted)
        return await super().act(name, wanted)

    def _changed(self, name: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        kind, _, number = str(wanted.get("id", "")).partition("-")
        try:
            document = self.store.get(kind, number)
        except KeyError:
            raise Impossible(f"there is no {wanted.get('id')}") from None
        fields = dict(wanted.get("fields") or {})
        if name == "revise_order":
            (line,) = document.content["order-lines"]
            version = int(document.content["version"]) + 1
            revised = line | {"total": str(wanted["amount"])}
            fields = {"order-lines": [revised], "version": version, "exported": False}
        self.store.change(kind, number, fields)
        return {"id": wanted["id"]}

    @web.middleware
    async def _limited(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """A bucket that 20 calls empty and that fills by 25 a second."""
        per_second = float(self.store.setting("per_second", str(_PER_SECOND)))
        now = time.monotonic()
        self._left = min(self._left + (now - self._at) * per_second, _BURST)
        self._at = now
        if per_second and request.path.startswith(API):
            if self._left < 1:
                return _too_many()
            self._left -= 1
        return await handler(request)

    async def _sign_in(self, request: web.Request) -> web.Response:
        return await self._tokens.give(request)

    async def _list(self, request: web.Request) -> web.Response:
        resource = request.match_info["resource"]
        rows = [self._row(one) for one in self.store.all((_DOCUMENTS | _NOTES)[resource])]
        query = {name.replace("_", "-"): value for name, value in request.query.items()}
        offset, limit = _whole(query, "offset", 0), _whole(query, "limit", _PAGE)
        order, backwards = query.pop("order-by", "id"), query.pop("dir", "asc") == "desc"
        found = [row for row in rows if _fits(row, query)]
        found.sort(key=lambda row: row.get(order.replace("_", "-")) or 0, reverse=backwards)
        return answer(found[offset : offset + min(limit, _PAGE)])

    async def _show(self, request: web.Request) -> web.Response:
        return answer(self._row(self._document(request)))

    async def _flag(self, request: web.Request) -> web.Response:
        document, fields = self._document(request), await _body(request)
        unknown = [name for name in fields if name != "exported"]
        if unknown:
            raise Refused(refusal({unknown[0]: ["cannot be changed on an approved document"]}))
        if not isinstance(fields.get("exported"), bool):
            raise Refused(refusal({"exported": ["must be true or false"]}))
        return answer(self._row(self.store.change(document.kind, document.id, fields)))

    async def _note(self, request: web.Request) -> web.Response:
        fields = await _body(request)
        unknown = sorted(fields.keys() - _NOTED)
        if unknown:
            raise Refused(refusal({unknown[0]: ["is not known"]}))
        if not fields.get("integration"):
            raise Refused(refusal({"integration": ["can't be blank"]}))
        kind = _NOTES[request.match_info["resource"]]
        status = "pending" if kind == "run" else "open"
        made = self.store.add(kind, {**dict.fromkeys(_NOTED), **fields, "status": status})
        return answer(self._row(made), 201)

    async def _end(self, request: web.Request) -> web.Response:
        document, ending = self._document(request), request.match_info["ending"]
        endings = _RUN_ENDINGS if document.kind == "run" else _ERROR_ENDINGS
        if ending not in endings:
            raise Refused(refusal({"status": [f"{ending} is not an action"]}, 404))
        fields = await _body(request)
        changed = self.store.change(
            document.kind, document.id, {**fields, "status": endings[ending]}
        )
        return answer(self._row(changed))

    def _document(self, request: web.Request) -> Document:
        kind = (_DOCUMENTS | _NOTES)[request.match_info["resource"]]
        try:
            return self.store.get(kind, request.match_info["id"])
        except KeyError:
            raise Refused(refusal({"base": ["Not found"]}, 404)) from None

    def _row(self, document: Document) -> dict[str, Any]:
        return purchases.shown(document)


def answer(content: Any, status: int = 200) -> web.Response:
    """JSON, as the vendor sends it when asked for it."""
    text = exact_json.encode(content)
    return web.Response(status=status, text=text, content_type="application/json")


def refusal(errors: Mapping[str, list[str]], status: int = 400) -> web.Response:
    """What is wrong, by field."""
    return answer({"errors": errors}, status)


def _too_many() -> web.Response:
    return web.Response(status=429, text="Too Many Requests")


def _fits(row: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    """Whether a row has what a query asks for: ``field``, ``field[in]``, ``field[gt]``, …"""
    return all(
        _holds(row, *name.rstrip("]").partition("[")[::2], wanted)
        for name, wanted in query.items()
        if name not in {"offset", "limit"}
    )


def _holds(row: Mapping[str, Any], name: str, test: str, wanted: str) -> bool:
    value = row.get(name)
    if test == "in":
        return str(value) in wanted.split(",")
    if test:
        left, right = _comparable(value, wanted)
        order = (left > right) - (left < right)
        return order in {"gt": {1}, "gt-or-eq": {0, 1}, "lt": {-1}, "lt-or-eq": {-1, 0}}[test]
    return wanted == (str(value).lower() if isinstance(value, bool) else str(value))


def _comparable(value: Any, wanted: str) -> tuple[Any, Any]:
    try:
        if isinstance(value, int):
            return value, int(wanted)
        return datetime.fromisoformat(str(value)), datetime.fromisoformat(wanted)
    except ValueError:
        raise Refused(refusal({"base": [f"{wanted} cannot be compared"]})) from None


def _whole(query: dict[str, str], name: str, otherwise: int) -> int:
    given = query.get(name, str(otherwise))
    if not (given.isascii() and given.isdecimal()):
        raise Refused(refusal({name: ["must be a number"]}))
    return int(given)


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        content = exact_json.decode(await request.read())
    except ValueError:
        raise Refused(refusal({"base": ["Malformed JSON"]})) from None
    if not isinstance(content, dict):
        raise Refused(refusal({"base": ["Malformed JSON"]}))
    return content
