"""A BambooHR account on HTTP, as its OpenAPI contract and its guide on webhooks describe it.

Errors have an empty body and say why in the header X-BambooHR-Error-Message; the webhooks' log
says that it is throttled in the body of a 200. Since 2026-09-16 throttling is 429; before, it was
503 (order `throttle` with `status` 503).
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from integrations import exact_json
from integrations.sandbox.bamboohr import bodies, employees, time_off
from integrations.sandbox.control import Impossible
from integrations.sandbox.faults import Fault
from integrations.sandbox.sign_in import basic, same
from integrations.sandbox.store import Document
from integrations.sandbox.vendor import Refused, Vendor

API = "/api/v1"
_GATEWAY = "/api/gateway.php/{company}/v1"
"""How libraries and older integrations of the vendor's customers know it."""
_KIND = "employee"


class Server(Vendor):
    """Employees, their changes, and webhooks."""

    name = "bamboohr"
    title = "BambooHR"
    deeds = {
        "hire": "Hire somebody",
        "promote": "Promote somebody",
        "leave": "Let somebody leave",
        "take_off": "Approve time off",
    }

    def routes(self, router: web.UrlDispatcher) -> None:
        """The part of the API that the connector uses, below both of the vendor's addresses."""
        for api in (API, _GATEWAY):
            for slash in ("", "/"):
                router.add_get(f"{api}/employees/changed{slash}", self._changed)
                router.add_post(f"{api}/employees{slash}", self._create)
            router.add_get(f"{api}/employees/directory", self._directory)
            router.add_get(f"{api}/employees/{{id}}", self._get)
            router.add_post(f"{api}/employees/{{id}}", self._update)
            router.add_get(f"{api}/time_off/requests", self._time_off)
            router.add_get(f"{api}/webhooks", self._webhooks)
            router.add_post(f"{api}/webhooks", self._subscribe)
            router.add_get(f"{api}/webhooks/{{id:\\d+}}/log", self._log)

    def furnish(self) -> None:
        """The people of the company whose account it is."""
        with self.store.transaction():
            for person in employees.furnished():
                self.store.add(_KIND, person)

    def admits(self, request: web.Request) -> bool:
        """The API key is the user of a Basic header; the password is anything."""
        return same(basic(request)[0], self.credentials["api_key"])

    def stranger(self) -> web.Response:
        """401, empty."""
        return web.Response(status=401)

    def refuse(self, request: web.Request, fault: Fault) -> web.Response:
        """A field with a value that the account does not take."""
        return refusal(409, fault.text or "A field was given an invalid value.")

    def quota(self, request: web.Request, fault: Fault) -> web.Response:
        """What the webhooks' log says when it was asked too often: in a 200."""
        text = "Over rate limit, please try again in 60 seconds"
        return answer({"error": {"code": 429, "message": text}})

    async def act(self, name: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """``hire``, ``promote``, ``leave`` and ``delete`` (id and fields as the vendor names
        them), each told to the webhooks; ``take_off`` (id of an employee, start, end, unit,
        hours, status) and ``decide`` (id of a request, status); ``subscribe`` (url) adds one,
        ``unsubscribe`` (id) takes it away."""
        if name == "take_off":
            asked = time_off.requested(self._chosen(wanted), wanted)
            return {"id": self.store.add(time_off.KIND, asked).id}
        if name == "decide":
            word = {"status": str(wanted["status"])}
            return {"id": self.store.change(time_off.KIND, str(wanted["id"]), word).id}
        return await self._change_people(name, wanted)

    async def _change_people(self, name: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        match name:
            case "subscribe":
                hook = {"name": "deed", "format": "json", **wanted}
                return {"id": self._hooked(hook).id}
            case "unsubscribe":
                return {"id": self.store.remove("webhook", str(wanted["id"])).id}
            case "hire":
                number = self.store.next_number("hired")
                person = {
                    **employees.furnished()[0],
                    "employeeNumber": f"LF-N{number}",
                    "firstName": f"Joiner {number}",
                    "lastName": "Newfield",
                    "workEmail": f"joiner{number}.newfield@larkfield.example",
                    "hireDate": datetime.now(UTC).date().isoformat(),
                }
                made = self.store.add(_KIND, person | dict(wanted))
                await self._notify(made, made.content)
                return {"id": made.id}
            case "promote":
                changed = {"jobTitle": "Principal", **_fields(wanted)}
            case "leave":
                today = datetime.now(UTC).date().isoformat()
                changed = {"status": "Inactive", "terminationDate": today, **_fields(wanted)}
            case "delete":
                gone = self.store.remove(_KIND, self._chosen(wanted).id)
                await self._notify(gone, {})
                return {"id": gone.id}
            case _:
                return await super().act(name, wanted)
        return {"id": (await self._change(self._chosen(wanted).id, changed)).id}

    def _chosen(self, wanted: Mapping[str, Any]) -> Document:
        if "id" not in wanted:
            return next(iter(self.store.all(_KIND, status="Active")))
        try:
            return self.store.get(_KIND, str(wanted["id"]))
        except KeyError:
            raise Impossible(f"nobody has the id {wanted['id']}") from None

    async def _change(self, number: str, fields: Mapping[str, Any]) -> Document:
        changed = self.store.change(_KIND, number, fields)
        await self._notify(changed, fields)
        return changed

    async def _changed(self, request: web.Request) -> web.Response:
        try:
            since = datetime.fromisoformat(request.query["since"])
        except (KeyError, ValueError):
            raise Refused(refusal(400, "since must be an ISO 8601 date")) from None
        since = since if since.tzinfo else since.replace(tzinfo=UTC)
        found = [employees.change_of(one) for one in self.store.since(_KIND, since)]
        latest = found[-1]["lastChanged"] if found else employees.stamp(since)
        return answer({"latest": latest, "employees": {one["id"]: one for one in found}})

    async def _time_off(self, request: web.Request) -> web.Response:
        query = request.query
        if not (query.get("start") and query.get("end")):
            raise Refused(refusal(400, "start and end are required"))
        asked = [one for one in self.store.all(time_off.KIND) if time_off.asked_for(one, query)]
        return answer([time_off.shown(one, query) for one in asked])

    async def _directory(self, request: web.Request) -> web.Response:
        names = ("firstName", "lastName", "workEmail", "jobTitle", "location", "department")
        fields = [{"id": name, "type": "text", "name": name} for name in names]
        active = self.store.all(_KIND, status="Active")
        people = [employees.shown(one, list(names)) for one in active]
        return answer({"fields": fields, "employees": people})

    async def _get(self, request: web.Request) -> web.Response:
        fields = request.query.get("fields", "firstName,lastName").split(",")
        if len(fields) > 400:
            raise Refused(refusal(400, "Too many fields"))
        return answer(employees.shown(self._employee(request), fields))

    async def _create(self, request: web.Request) -> web.Response:
        fields = await _body(request)
        if not (fields.get("firstName") and fields.get("lastName")):
            raise Refused(refusal(400, "firstName and lastName are required"))
        made = self.store.add(_KIND, {"status": "Active", **fields})
        await self._notify(made, fields)
        location = str(request.url.with_path(f"{request.path.rstrip('/')}/{made.id}"))
        return web.Response(status=201, headers={"Location": location})

    async def _update(self, request: web.Request) -> web.Response:
        fields = await _body(request)
        unknown = [name for name in fields if name not in employees.ANSWERED_FIELDS]
        if unknown:
            raise Refused(refusal(400, f"Unknown field: {unknown[0]}"))
        await self._change(self._employee(request).id, fields)
        return web.Response(status=200)

    def _employee(self, request: web.Request) -> Document:
        try:
            return self.store.get(_KIND, request.match_info["id"])
        except KeyError:
            raise Refused(refusal(404, "Employee not found")) from None

    async def _webhooks(self, request: web.Request) -> web.Response:
        names = ("name", "url", "created", "lastSent")
        kept = self.store.all("webhook")
        hooks = [{"id": one.id} | {name: one.content[name] for name in names} for one in kept]
        return answer({"webhooks": hooks})

    async def _subscribe(self, request: web.Request) -> web.Response:
        wanted = await _body(request)
        if wanted.get("format") not in {"json", "form-encoded"}:
            raise Refused(answer({"errors": [{"message": "format is required"}]}, 400))
        made = self._hooked(wanted)
        told = {"id": made.id, **made.content, "privateKey": self.credentials["webhook_key"]}
        return answer(told, 201)

    def _hooked(self, wanted: Mapping[str, Any]) -> Document:
        hook = {
            "name": str(wanted.get("name", "")),
            "url": str(wanted.get("url", "")),
            "created": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}",
            "lastSent": None,
            "monitorFields": wanted.get("monitorFields"),
            "postFields": wanted.get("postFields") or {},
            "format": wanted["format"],
            "includeCompanyDomain": False,
        }
        return self.store.add("webhook", hook)

    async def _log(self, request: web.Request) -> web.Response:
        sent = exact_json.decode(self.store.setting("sent", "[]"))
        number = request.match_info["id"]
        return answer([
            {
                "webhookId": number,
                "url": one["url"],
                "lastAttempted": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}",
                "lastSuccess": "" if one["status"] >= 300 or not one["status"] else "done",
                "statusCode": str(one["status"]),
                "format": "json",
                "employeeIds": [e["id"] for e in exact_json.decode(one["body"])["employees"]],
            }
            for one in sent
        ])  # fmt: skip

    async def _notify(self, employee: Document, changed: Mapping[str, Any]) -> None:
        raw = exact_json.encode({"employees": [employees.notice_of(employee, changed)]}).encode()
        for hook in self.store.all("webhook"):
            headers = signature(raw, self.credentials["webhook_key"])
            await self.tell(str(hook.content["url"]), raw, headers)


def signature(raw: bytes, key: str) -> dict[str, str]:
    """The headers of a webhook: HMAC-SHA256 over the body followed by the timestamp, hex."""
    timestamp = str(int(time.time()))
    digest = hmac.new(key.encode(), raw + timestamp.encode(), hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json",
        "X-BambooHR-Timestamp": timestamp,
        "X-BambooHR-Signature": digest,
    }


def answer(content: Any, status: int = 200) -> web.Response:
    """JSON, as the vendor sends it when asked for it."""
    text = exact_json.encode(content)
    return web.Response(status=status, text=text, content_type="application/json")


def refusal(status: int, words: str) -> web.Response:
    """An empty body; the words are in a header, which holds Latin-1 at the most."""
    kept = words.encode("latin-1", errors="replace").decode("latin-1")
    return web.Response(status=status, headers={"X-BambooHR-Error-Message": kept})


def _fields(wanted: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in wanted.items() if name != "id"}


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        return await bodies.fields_of(request)
    except bodies.Malformed as problem:
        raise Refused(refusal(400, str(problem))) from None
