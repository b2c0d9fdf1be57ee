"""The REST resources, as plain requests and replies: what composite calls and HTTP both play."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import unquote

from integrations.sandbox.salesforce import composite, describe, replication
from integrations.sandbox.salesforce.errors import Refused, not_found
from integrations.sandbox.salesforce.org import Org, Several
from integrations.sandbox.salesforce.query import API, select, whole
from integrations.sandbox.salesforce.schema import SObject, object_named
from integrations.sandbox.salesforce.wire import Reply, Request

_OPEN_CURSORS = 10


class Api:
    """The resources of one org."""

    def __init__(self, org: Org, usage: Callable[[], tuple[int, int]]) -> None:
        self.org = org
        self._usage = usage
        self._cursors: OrderedDict[str, list[dict[str, Any]]] = OrderedDict()
        self._routes: list[tuple[str, re.Pattern[str], Callable[..., Reply]]] = [
            (method, re.compile(pattern), play)
            for method, pattern, play in (
                ("GET", r"/?", self._resources),
                ("GET", r"/limits/?", self._limits),
                ("GET", r"/(query|queryAll)/?", self._query),
                ("GET", r"/(?:query|queryAll)/(\w+)-(\d+)", self._next),
                ("GET", r"/sobjects/?", self._describe_all),
                ("GET", r"/sobjects/(\w+)/?", self._brief),
                ("POST", r"/sobjects/(\w+)/?", self._create),
                ("GET", r"/sobjects/(\w+)/describe/?", self._describe),
                ("GET", r"/sobjects/(\w+)/updated/?", self._updated),
                ("GET", r"/sobjects/(\w+)/deleted/?", self._deleted),
                ("GET", r"/sobjects/(\w+)/(\w+)", self._get),
                ("PATCH", r"/sobjects/(\w+)/(\w+)", self._change),
                ("DELETE", r"/sobjects/(\w+)/(\w+)", self._delete),
                ("GET", r"/sobjects/(\w+)/(\w+)/([^/]+)", self._get_by),
                ("PATCH", r"/sobjects/(\w+)/(\w+)/([^/]+)", self._upsert),
                ("POST", r"/composite/?", self._composite),
                ("POST", r"/composite/batch/?", self._batch),
                ("POST", r"/composite/sobjects/?", self._create_many),
                ("PATCH", r"/composite/sobjects/?", self._change_many),
                ("DELETE", r"/composite/sobjects/?", self._delete_many),
                ("PATCH", r"/composite/sobjects/(\w+)/(\w+)", self._upsert_many),
                ("POST", r"/composite/sobjects/(\w+)/?", self._get_many),
            )
        ]

    def handle(self, request: Request) -> Reply:
        """Answer a request; refusals become the vendor's error array."""
        try:
            return self._play(request)
        except Refused as refusal:
            return Reply(refusal.status, [refusal.as_rest()])
        except Several as several:
            name = request.path.split("/")[2]
            return Reply(300, [f"{API}/sobjects/{name}/{ref}" for ref in several.refs])

    def _play(self, request: Request) -> Reply:
        known_path = False
        for method, pattern, play in self._routes:
            match = pattern.fullmatch(request.path)
            if match and method == request.method:
                return play(request, *(unquote(part) for part in match.groups()))
            known_path = known_path or bool(match)
        if known_path:
            raise Refused(
                405,
                "METHOD_NOT_ALLOWED",
                f"HTTP Method '{request.method}' not allowed. Allowed are GET,POST,PATCH,DELETE",
            )
        raise not_found()

    def _resources(self, request: Request) -> Reply:
        names = ("sobjects", "query", "queryAll", "composite", "limits")
        return Reply(200, {name: f"{API}/{name}" for name in names})

    def _limits(self, request: Request) -> Reply:
        return Reply(200, describe.limits(*self._usage()))

    def _query(self, request: Request, kind: str) -> Reply:
        text = request.query.get("q", "")
        if not text:
            raise Refused(400, "MALFORMED_QUERY", "unexpected token: '<EOF>'")
        chosen = select(text, include_deleted=kind == "queryAll")
        if not chosen.columns:
            return Reply(
                200, {"totalSize": chosen.count(self.org.store), "done": True, "records": []}
            )
        records = chosen.run(self.org.store)
        size = _batch_size(request.headers)
        if len(records) <= size:
            return Reply(200, {"totalSize": len(records), "done": True, "records": records})
        cursor = f"01gTw{self.org.store.next_number('cursor'):010d}{size:04d}"
        self._cursors[cursor] = records
        while len(self._cursors) > _OPEN_CURSORS:
            self._cursors.popitem(last=False)
        return self._page(cursor, 0, size)

    def _next(self, request: Request, cursor: str, start: str) -> Reply:
        if cursor not in self._cursors:
            raise Refused(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._page(cursor, int(start), int(cursor[-4:]))

    def _page(self, cursor: str, start: int, size: int) -> Reply:
        records = self._cursors[cursor]
        end = start + size
        body: dict[str, Any] = {"totalSize": len(records), "done": end >= len(records)}
        if not body["done"]:
            body["nextRecordsUrl"] = f"{API}/query/{cursor}-{end}"
        return Reply(200, {**body, "records": records[start:end]})

    def _describe_all(self, request: Request) -> Reply:
        return Reply(200, describe.everything())

    def _brief(self, request: Request, name: str) -> Reply:
        return Reply(200, {"objectDescribe": describe.brief(_object(name)), "recentItems": []})

    def _describe(self, request: Request, name: str) -> Reply:
        return Reply(200, describe.full(_object(name)))

    def _updated(self, request: Request, name: str) -> Reply:
        return Reply(200, replication.updated(self.org.store, _object(name).name, request.query))

    def _deleted(self, request: Request, name: str) -> Reply:
        return Reply(200, replication.deleted(self.org.store, _object(name).name, request.query))

    def _create(self, request: Request, name: str) -> Reply:
        ref = self.org.create(name, _record(request.body))
        headers = {"Location": f"{API}/sobjects/{name}/{ref}"}
        return Reply(201, {"id": ref, "success": True, "errors": []}, headers)

    def _get(self, request: Request, name: str, ref: str) -> Reply:
        sobject = _object(name)
        return self._whole(request, sobject, self.org.live(sobject, ref))

    def _get_by(self, request: Request, name: str, by: str, value: str) -> Reply:
        sobject = _object(name)
        found = self.org.store.matching(sobject, self.org.external_field(sobject, by), value)
        if not found:
            raise not_found()
        if len(found) > 1:
            raise Several([row["Id"] for row in found])
        return self._whole(request, sobject, found[0])

    def _whole(self, request: Request, sobject: SObject, row: dict[str, Any]) -> Reply:
        record = whole(self.org.store, sobject, row)
        wanted = request.query.get("fields")
        if not wanted:
            return Reply(200, record)
        chosen = {"attributes": record["attributes"], "Id": record["Id"]}
        for name in wanted.split(","):
            field = sobject.find(name)
            if field is None:
                raise Refused(
                    400,
                    "INVALID_FIELD",
                    f"No such column '{name}' on sobject of type {sobject.name}",
                )
            chosen[field.name] = record[field.name]
        return Reply(200, chosen)

    def _change(self, request: Request, name: str, ref: str) -> Reply:
        body = _record(request.body)
        self.org.change(name, ref, body, _unless_since(request.headers))
        return Reply(204)

    def _upsert(self, request: Request, name: str, by: str, value: str) -> Reply:
        ref, created = self.org.upsert(name, by, value, _record(request.body))
        body = {"id": ref, "success": True, "errors": [], "created": created}
        return Reply(201 if created else 200, body)

    def _delete(self, request: Request, name: str, ref: str) -> Reply:
        self.org.delete(name, ref)
        return Reply(204)

    def _composite(self, request: Request) -> Reply:
        return Reply(200, composite.chained(self.org, self.handle, _record(request.body)))

    def _batch(self, request: Request) -> Reply:
        return Reply(200, composite.batch(self.handle, _record(request.body)))

    def _create_many(self, request: Request) -> Reply:
        return Reply(200, composite.create_many(self.org, _record(request.body)))

    def _change_many(self, request: Request) -> Reply:
        return Reply(200, composite.change_many(self.org, _record(request.body)))

    def _upsert_many(self, request: Request, name: str, by: str) -> Reply:
        return Reply(200, composite.upsert_many(self.org, name, by, _record(request.body)))

    def _get_many(self, request: Request, name: str) -> Reply:
        return Reply(200, composite.get_many(self.org, _object(name), _record(request.body)))

    def _delete_many(self, request: Request) -> Reply:
        return Reply(200, composite.delete_many(self.org, request.query))


def _object(name: str) -> SObject:
    found = object_named(name)
    if found is None:
        raise not_found()
    return found


def _record(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise Refused(400, "JSON_PARSER_ERROR", "The HTTP entity body is required and must be JSON")
    return body


def _batch_size(headers: Mapping[str, str]) -> int:
    match = re.search(r"batchSize=(\d+)", headers.get("Sforce-Query-Options", ""))
    return min(max(int(match[1]), 200), 2000) if match else 2000


def _unless_since(headers: Mapping[str, str]) -> datetime | None:
    given = headers.get("If-Unmodified-Since")
    try:
        return parsedate_to_datetime(given) if given else None
    except ValueError:
        raise Refused(400, "INVALID_HEADER", f"If-Unmodified-Since: {given}") from None
