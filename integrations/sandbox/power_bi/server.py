"""A pretend Power BI workspace: datasets, and refreshes that take their time and may fail.

Written from the vendor's published contract; what it says of limits and of two refreshes at once is
from its documentation.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from integrations import exact_json
from integrations.sandbox.entra import Entra
from integrations.sandbox.faults import Fault
from integrations.sandbox.store import Document
from integrations.sandbox.vendor import Refused, Vendor

WORKSPACE = "6d1f0a52-3b8e-4c57-9a40-5e2c71b9d318"
DATASET = "b3c9e7d4-52a1-4f06-8e7b-0d94a6c1f25e"
"""The firm's own: “Larkfield performance”."""
_API = "/v1.0/myorg/groups/{groupId}/datasets"
_ONE = f"{_API}/{{datasetId}}"
_GROUPS = "/v1.0/myorg/groups"
_REFRESHES = f"{_API}/{{datasetId}}/refreshes"
_PER_DAY, _LASTS = 8640, 2
_DAY = timedelta(days=1)


class Server(Vendor):
    """One workspace. A refresh runs for a while; one at a time, and so many a day."""

    name = "power_bi"
    title = "Power BI"
    deeds = {"fail": "Let the next refresh fail"}

    def routes(self, router: web.UrlDispatcher) -> None:
        """Tokens, datasets, refreshes."""
        self.tokens = Entra(self.store, self.credentials)
        self.tokens.routes(router)
        router.add_get(_API, self._datasets)
        router.add_get(_GROUPS, self._workspaces)
        router.add_get(_ONE, self._one)
        router.add_get(_REFRESHES, self._history)
        router.add_post(_REFRESHES, self._refresh)

    def furnish(self) -> None:
        """The firm's dataset."""
        self.store.add("dataset", {"name": "Larkfield performance"}, DATASET)

    def admits(self, request: web.Request) -> bool:
        """A token, except where tokens are given."""
        return Entra.is_sign_in(request) or self.tokens.holds(request)

    def stranger(self) -> web.Response:
        """401 in the vendor's form."""
        return _error(401, "PowerBINotAuthorizedException", "The token is not valid.")

    def refuse(self, request: web.Request, fault: Fault) -> web.Response:
        """A request that makes no sense."""
        return _error(400, "InvalidRequest", fault.text or "Invalid dataset refresh request.")

    def quota(self, request: web.Request, fault: Fault) -> web.Response:
        """Too many requests in an hour."""
        return _error(429, "TooManyRequests", "Too many requests.")

    def operation(self, request: web.Request, body: bytes) -> str:
        """As every vendor's, but asking for a token is no write."""
        return "sign in" if Entra.is_sign_in(request) else super().operation(request, body)

    def auth_expired(self, request: web.Request) -> web.Response | None:
        """End every session; the request runs into it by itself."""
        if not Entra.is_sign_in(request):
            self.tokens.forget()
        return None

    async def act(self, name: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """``fail`` (text, of the next refresh), ``publish`` (id, a dataset), ``lasts`` (seconds,
        each refresh from now on), ``limit`` (per_day)."""
        match name:
            case "fail":
                words = str(wanted.get("text") or "The credentials of the data source have expired")
                self.store.set("fails", words)
            case "publish":
                if not self._known(str(wanted["id"])):
                    self.store.add("dataset", {"name": str(wanted["id"])}, str(wanted["id"]))
            case "lasts":
                self.store.set("lasts", str(int(wanted["seconds"])))
            case "limit":
                self.store.set("per_day", str(int(wanted["per_day"])))
            case _:
                return await super().act(name, wanted)
        return {"done": name}

    async def _workspaces(self, request: web.Request) -> web.Response:
        """The one that there is, unless a filter asks for another."""
        group = {"id": WORKSPACE, "isReadOnly": False, "isOnDedicatedCapacity": False,
                 "name": "Larkfield"}  # fmt: skip
        wanted = request.query.get("$filter", "")
        named = not wanted or any(f"{m} eq '{group[m]}'" == wanted for m in ("id", "name"))
        return _json({"value": [group] if named else []})

    async def _datasets(self, request: web.Request) -> web.Response:
        self._workspace(request)
        return _json({"value": [_named(one) for one in self.store.all("dataset")]})

    async def _one(self, request: web.Request) -> web.Response:
        return _json(_named(self.store.get("dataset", self._dataset(request))))

    async def _history(self, request: web.Request) -> web.Response:
        known = self._of(self._dataset(request))
        newest = known[::-1][: int(request.query.get("$top", "60"))]
        return _json({"value": [_shown(one) for one in newest]})

    async def _refresh(self, request: web.Request) -> web.Response:
        dataset = self._dataset(request)
        known, now = self._of(dataset), datetime.now(UTC)
        if any(_runs(one, now) for one in known):
            words = "Another refresh request is already executing"
            raise Refused(
                _error(400, "InvalidRequest", f"Invalid dataset refresh request. {words}")
            )
        of_today = [one.created for one in known if one.created > now - _DAY]
        if len(of_today) >= int(self.store.setting("per_day", str(_PER_DAY))):
            seconds = round((of_today[0] + _DAY - now).total_seconds())
            answer = _error(429, "TooManyRequests", "The refreshes of a day are spent.")
            answer.headers["Retry-After"] = str(seconds)
            raise Refused(answer)
        lasts = timedelta(seconds=int(self.store.setting("lasts", str(_LASTS))))
        fields = {
            "dataset": dataset,
            "ends": (now + lasts).isoformat(),
            "fails": self.store.setting("fails"),
        }
        self.store.set("fails", "")
        made = self.store.add("refresh", fields, str(uuid.uuid4()))
        return web.Response(status=202, headers={"RequestId": made.id, "x-ms-request-id": made.id})

    def _of(self, dataset: str) -> list[Document]:
        return self.store.all("refresh", dataset=dataset)

    def _workspace(self, request: web.Request) -> None:
        if request.match_info["groupId"] != WORKSPACE:
            raise Refused(_error(404, "PowerBIFolderNotFound", "The workspace is not there."))

    def _dataset(self, request: web.Request) -> str:
        self._workspace(request)
        wanted = request.match_info["datasetId"]
        if not self._known(wanted):
            raise Refused(_error(404, "PowerBIEntityNotFound", "The dataset is not there."))
        return wanted

    def _known(self, dataset: str) -> bool:
        return any(one.id == dataset for one in self.store.all("dataset"))


def _named(dataset: Document) -> dict[str, Any]:
    return {"id": dataset.id, "name": dataset.content["name"], "isRefreshable": True}


def _runs(refresh: Document, now: datetime) -> bool:
    return now < datetime.fromisoformat(refresh.content["ends"])


def _shown(refresh: Document) -> dict[str, Any]:
    shown = {
        "requestId": refresh.id,
        "refreshType": "ViaApi",
        "startTime": _time(refresh.created),
        "status": "Unknown",
    }
    if _runs(refresh, datetime.now(UTC)):
        return shown
    words = refresh.content["fails"]
    told = {"errorCode": "ModelRefreshFailed_CredentialsNotSpecified", "errorDescription": words}
    failure = {"serviceExceptionJson": exact_json.encode(told)} if words else {}
    ended = {"endTime": _time(datetime.fromisoformat(refresh.content["ends"]))}
    return {**shown, **ended, **failure, "status": "Failed" if words else "Completed"}


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _error(status: int, code: str, words: str) -> web.Response:
    return _json({"error": {"code": code, "message": words}}, status)


def _json(content: Any, status: int = 200) -> web.Response:
    return web.Response(
        status=status, text=exact_json.encode(content), content_type="application/json"
    )
