"""A pretend Kantata OX account: workspaces and the work on them, and events of what has changed.

Attributes are those of the vendor's published specification of resources; envelope, paging, errors
and the nine days of events follow its guide. It has no keys, no dry run and no webhooks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from operator import attrgetter
from typing import Any

from aiohttp import web

from integrations import exact_json
from integrations.sandbox.control import Impossible
from integrations.sandbox.faults import Fault
from integrations.sandbox.kantata.account import Account, days_ago
from integrations.sandbox.kantata.custom import SETS
from integrations.sandbox.kantata.invalid import Invalid
from integrations.sandbox.kantata.shapes import SHAPES, row
from integrations.sandbox.sign_in import same
from integrations.sandbox.store import Document
from integrations.sandbox.vendor import Refused, Vendor

API = "/api/v1"
EVENTS_KEPT_DAYS = 9
_RECORDS = "project_accounting_records"
_PAGE, _MOST = 20, 200
_NOT_FIELDS = {"page", "per_page", "include", "only", "order", "updated_after", "created_after"}


class Server(Vendor):
    """One account behind a bearer token."""

    name = "kantata"
    title = "Kantata OX"
    deeds = {
        "approve_time": "Approve a time entry",
        "approve_expense": "Approve an expense",
        "agree_change": "Agree a change order",
        "staff": "Put somebody on a project",
    }

    def routes(self, router: web.UrlDispatcher) -> None:
        """Every resource in the same way; accounting records are taken away, and not changed."""
        router.add_put(f"{API}/{_RECORDS}/delete", self._take_away)
        for collection, shape in SHAPES.items():
            path = f"{API}/{{collection:{collection}}}"
            router.add_get(path, self._list)
            router.add_get(f"{path}/{{id}}", self._show)
            if shape.create:
                router.add_post(path, self._create)
            if shape.update:
                router.add_put(f"{path}/{{id}}", self._update)

    @property
    def account(self) -> Account:
        """What the account holds."""
        return Account(self.store)

    def furnish(self) -> None:
        """People and set-up; workspaces come with won deals."""
        self.account.furnish()

    def admits(self, request: web.Request) -> bool:
        """The token in the header."""
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        return scheme == "Bearer" and same(given, self.credentials["token"])

    def stranger(self) -> web.Response:
        """401 with the words of the vendor."""
        return _refusal("oauth", "Invalid OAuth 2 Request", status=401)

    def refuse(self, request: web.Request, fault: Fault) -> web.Response:
        """A validation of the account's."""
        return _refusal("validation", fault.text or "Title is not allowed here", "title")

    def quota(self, request: web.Request, fault: Fault) -> web.Response:
        """Too many calls: not a word of when to come again."""
        return _refusal("throttled", "Too many requests", status=429)

    async def act(self, name: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """``approve_time``, ``approve_expense``, ``agree_change``, ``staff`` (project and more: see
        `Account`); ``change`` (collection, id, fields); ``delete`` and ``twin`` (collection, id);
        ``group`` (name): somebody makes a group; ``forget``: the events of the past are gone."""
        account = self.account
        made = {
            "approve_time": account.approve_time,
            "approve_expense": account.approve_expense,
            "agree_change": account.agree_change,
            "staff": account.staff,
        }
        if name in made:
            return _told(made[name](self._workspace(wanted), wanted))
        if name == "group":
            return {"id": account.create("workspace_groups", {"name": str(wanted["name"])}).id}
        if name == "forget":
            for event in self.store.all("subscribed_events"):
                self.store.remove("subscribed_events", event.id)
            return {}
        if name not in {"change", "delete", "twin"}:
            return await super().act(name, wanted)
        collection, number = str(wanted.get("collection")), str(wanted.get("id"))
        try:
            document = self.store.get(collection, number)
        except KeyError:
            raise Impossible(f"there is no {collection} {number}") from None
        if name == "change":
            fields = dict(wanted.get("fields") or {})
            return _told(account.change(collection, number, fields))
        return _told(account.delete(document) if name == "delete" else self._twin(document))

    def _twin(self, document: Document) -> Document:
        """A second record with the same reference, as two people leave it."""
        twin = self.store.add(document.kind, document.content)
        for one in self.store.all(
            "external_references",
            subject_id=document.id,
            subject_type=SHAPES[document.kind].subject,
        ):
            self.account.refer(twin, one.content)
        return twin

    def _workspace(self, wanted: Mapping[str, Any]) -> Document:
        """The workspace named by `project`, else the one that `pick` counts off, else the newest.
        Raises Impossible."""
        try:
            if number := str(wanted.get("project") or ""):
                return self.store.get("workspaces", number)
            found = self.store.all("workspaces")
            return found[int(wanted.get("pick", -1)) % len(found)]
        except (KeyError, ZeroDivisionError):
            raise Impossible("there is no such workspace") from None

    async def _list(self, request: web.Request) -> web.Response:
        collection, query = request.match_info["collection"], request.query
        number, size = _whole(query, "page", 1), min(_whole(query, "per_page", _PAGE), _MOST)
        found = self._found(collection, query)
        page = found[(number - 1) * size : number * size]
        meta = {
            "count": len(found),
            "page_count": math.ceil(len(found) / size),
            "page_number": number,
            "page_size": size,
        }
        return self._answer(collection, page, query.get("include", ""), meta)

    def _found(self, collection: str, query: Mapping[str, str]) -> list[Document]:
        """The records that a listing asks for; of events those of the last days, newest first, for
        nobody may rely on their order."""
        found = self.store.all(collection)
        if "only" in query:
            wanted = set(query["only"].split(","))
            found = [one for one in found if one.id in wanted]
        if collection == "subscribed_events":
            kept = days_ago(EVENTS_KEPT_DAYS)
            found = [one for one in reversed(found) if one.created > kept]
        for name in ("updated_after", "created_after"):
            if name in query:
                after = _moment(query, name)
                found = [o for o in found if (o.changed if name[0] == "u" else o.created) > after]
        asked = dict(query)
        if collection == "custom_fields" and "subject_type" in asked:
            asked["custom_field_set_id"] = SETS.get(asked.pop("subject_type"), "")
        for name, value in asked.items():
            if name not in _NOT_FIELDS:
                found = [one for one in found if str(row(one).get(name, value)) == value]
        return _ordered(found, query.get("order", ""))

    async def _show(self, request: web.Request) -> web.Response:
        document = self._document(request)
        return self._answer(document.kind, [document], request.query.get("include", ""))

    async def _create(self, request: web.Request) -> web.Response:
        collection = request.match_info["collection"]
        with self.store.transaction():
            made = self._carried_out(
                lambda fields: self.account.create(collection, fields),
                await _body(request, SHAPES[collection].singular),
            )
        return self._answer(collection, [made], status=201)

    async def _update(self, request: web.Request) -> web.Response:
        document = self._document(request)
        fields = await _body(request, SHAPES[document.kind].singular)
        with self.store.transaction():
            changed = self._carried_out(
                lambda given: self.account.update(document.kind, document.id, given), fields
            )
        return self._answer(document.kind, [changed])

    async def _take_away(self, request: web.Request) -> web.Response:
        """The records of these ids are shown no more; one that is gone already stays so."""
        content = await request.json()
        with self.store.transaction():
            for number in map(str, content.get("ids") or ()):
                with suppress(KeyError):
                    self.store.remove(_RECORDS, number)
        return self._answer(_RECORDS, [])

    @staticmethod
    def _carried_out(deed: Any, fields: Mapping[str, Any]) -> Document:
        try:
            done: Document = deed(fields)
        except Invalid as problem:
            raise Refused(_refusal("validation", problem.message, problem.field)) from None
        return done

    def _document(self, request: web.Request) -> Document:
        collection, number = request.match_info["collection"], request.match_info["id"]
        try:
            return self.store.get(collection, number)
        except KeyError:
            text = f"{SHAPES[collection].subject} {number} cannot be found"
            raise Refused(_refusal("system", text, status=404)) from None

    def _answer(
        self,
        collection: str,
        documents: list[Document],
        include: str = "",
        meta: Mapping[str, Any] | None = None,
        status: int = 200,
    ) -> web.Response:
        """The vendor's envelope, with what was asked for beside it."""
        count = len(documents)
        one_page = {"count": count, "page_count": 1, "page_number": 1, "page_size": _PAGE}
        rows = {one.id: row(one) for one in documents}
        content: dict[str, Any] = {
            "count": count,
            "results": [{"key": collection, "id": one.id} for one in documents],
            collection: rows,
            "meta": meta or one_page,
        }
        for name in filter(None, include.split(",")):
            if name not in SHAPES[collection].beside:
                raise Refused(_refusal("system", f"{name} cannot be included", status=400))
            link, other = SHAPES[collection].beside[name]
            content.setdefault(other, {}).update(self._beside(rows, link, other))
        text = exact_json.encode(content)
        return web.Response(status=status, text=text, content_type="application/json")

    def _beside(self, rows: Mapping[str, Any], link: str, other: str) -> dict[str, Any]:
        linked = [found[link] for found in rows.values() if found[link]]
        numbers = {n for one in linked for n in (one if isinstance(one, list) else [one])}
        return {number: row(self.store.get(other, number)) for number in sorted(numbers)}


def _ordered(found: list[Document], order: str) -> list[Document]:
    """In the order asked for, else as they came."""
    stamps = {"updated_at:asc": "changed", "created_at:asc": "created"}
    return sorted(found, key=attrgetter(stamps[order])) if order in stamps else found


def _told(document: Document) -> dict[str, Any]:
    return {"id": document.id, **document.content}


def _refusal(kind: str, message: str, field: str = "", status: int = 422) -> web.Response:
    """What is wrong, in the vendor's form."""
    error = {"type": kind, "message": message} | ({"field": field} if field else {})
    text = exact_json.encode({"errors": [error]})
    return web.Response(status=status, text=text, content_type="application/json")


def _whole(query: Mapping[str, str], name: str, otherwise: int) -> int:
    given = query.get(name, str(otherwise))
    if not (given.isascii() and given.isdecimal() and int(given)):
        raise Refused(_refusal("system", f"{name} must be a number", status=400))
    return int(given)


def _moment(query: Mapping[str, str], name: str) -> datetime:
    try:
        found = datetime.fromisoformat(query[name])
    except ValueError:
        raise Refused(_refusal("system", f"{name} must be a time", status=400)) from None
    if found.tzinfo is None:
        raise Refused(_refusal("system", f"{name} must have a zone", status=400))
    return found


async def _body(request: web.Request, singular: str) -> dict[str, Any]:
    try:
        content = exact_json.decode(await request.read())
    except ValueError:
        content = None
    fields = content.get(singular) if isinstance(content, dict) else None
    if not isinstance(fields, dict):
        raise Refused(_refusal("system", f"{singular} is missing", status=400))
    return fields
