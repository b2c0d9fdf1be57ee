"""A pretend SharePoint library behind Microsoft Graph: folders, and copies with a monitor."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from integrations import exact_json
from integrations.sandbox.faults import Fault
from integrations.sandbox.sharepoint.library import DRIVE, Library, watched
from integrations.sandbox.sign_in import Tokens, client_credentials
from integrations.sandbox.store import Document
from integrations.sandbox.vendor import Refused, Vendor

API = f"/v1.0/drives/{DRIVE}"
_MONITOR = "/_api/v2.0/monitor/"
_TOKEN = "/oauth2/v2.0/token"
_PAGE = 200
_FORBIDDEN = set('"*:<>?/\\|')


class Server(Vendor):
    """One library of the pretend firm's."""

    name = "sharepoint"
    title = "SharePoint"

    def __init__(self, data: Path, credentials: Mapping[str, str]) -> None:
        super().__init__(data, credentials)
        known = client_credentials(credentials["client_id"], credentials["client_secret"])
        self._tokens = Tokens(self.store, known)

    def routes(self, router: web.UrlDispatcher) -> None:
        """The part of the API that the connector uses."""
        self.library = Library(self.store)
        router.add_post(f"/{{tenant}}{_TOKEN}", self._sign_in)
        router.add_get(API, self._drive)
        router.add_get(f"{API}/root:/{{path:.*}}", self._at)
        router.add_get(f"{API}/items/{{id:[^/]*}}", self._item)
        router.add_get(f"{API}/items/{{id:[^/]*}}/children", self._children)
        router.add_post(f"{API}/items/{{id:[^/]*}}/copy", self._copy)
        router.add_patch(f"{API}/items/{{id:[^/]*}}/listItem/fields", self._entitle)
        router.add_get(f"{_MONITOR}{{id}}", self._monitor)

    def furnish(self) -> None:
        """The folders that people have made."""
        self.library.furnish()

    def admits(self, request: web.Request) -> bool:
        """A token of ours, except where one is fetched, or where the address itself lets in."""
        open_to_all = request.path.endswith(_TOKEN) or request.path.startswith(_MONITOR)
        return open_to_all or self._tokens.holds(request)

    def stranger(self) -> web.Response:
        """401 with the words of the vendor."""
        return refusal(401, "InvalidAuthenticationToken", "Access token has expired.")

    def auth_expired(self, request: web.Request) -> web.Response | None:
        """End every session; the request then runs into it by itself."""
        self._tokens.forget()
        return None

    def operation(self, request: web.Request, body: bytes) -> str:
        """Fetching a token is neither a read nor a write."""
        sign_in = request.path.endswith(_TOKEN)
        return "sign in" if sign_in else super().operation(request, body)

    def refuse(self, request: web.Request, fault: Fault) -> web.Response:
        """A request that the library does not take."""
        return refusal(400, "invalidRequest", fault.text or "The request is malformed.")

    def quota(self, request: web.Request, fault: Fault) -> web.Response:
        """Too much was asked."""
        words = "The request has been throttled"
        return refusal(429, "activityLimitReached", words, {"Retry-After": "11"})

    async def act(self, name: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """``copies_take`` (seconds); ``copies_fail`` (code, "" to end that)."""
        match name:
            case "copies_take":
                self.store.set("copy_seconds", str(float(wanted["seconds"])))
            case "copies_fail":
                self.store.set("copies_fail", str(wanted.get("code") or ""))
            case _:
                return await super().act(name, wanted)
        return dict(wanted)

    async def _sign_in(self, request: web.Request) -> web.Response:
        return await self._tokens.give(request)

    async def _drive(self, request: web.Request) -> web.Response:
        return answer({"id": DRIVE, "driveType": "documentLibrary", "name": "Documents"})

    async def _at(self, request: web.Request) -> web.Response:
        self.library.go_on()
        try:
            return answer(self.library.shown(self.library.at(request.match_info["path"])))
        except KeyError:
            raise _absent() from None

    async def _item(self, request: web.Request) -> web.Response:
        return answer(self.library.shown(self._named(request)))

    async def _children(self, request: web.Request) -> web.Response:
        parent = self._named(request)
        start = int(request.query.get("$skiptoken", "0"))
        found = self.library.children(parent.id)
        page = [self.library.shown(one) for one in found[start : start + _PAGE]]
        more = f"{request.url.origin()}{API}/items/{parent.id}/children?$skiptoken={start + _PAGE}"
        following = {"@odata.nextLink": more} if start + _PAGE < len(found) else {}
        return answer({"value": page, **following})

    async def _copy(self, request: web.Request) -> web.Response:
        source, wanted = self._named(request), exact_json.decode(await request.text())
        name = str(wanted.get("name") or "")
        if not name or _FORBIDDEN & set(name):
            raise Refused(refusal(400, "invalidRequest", "The provided name is not valid."))
        parent = self._item_of(str(wanted["parentReference"]["id"]))
        job = self.library.copy(source.id, parent.id, name)
        location = f"{request.url.origin()}{_MONITOR}{job.id}"
        return web.Response(status=202, headers={"Location": location})

    async def _entitle(self, request: web.Request) -> web.Response:
        fields = exact_json.decode(await request.text())
        changed = {"title": str(fields["Title"])}
        item = self.store.change("item", self._named(request).id, changed)
        return answer({"id": "1", "Title": item.content["title"]})

    async def _monitor(self, request: web.Request) -> web.Response:
        self.library.go_on()
        try:
            job = self.library.job(request.match_info["id"])
        except KeyError:
            raise _absent() from None
        told = watched(job)
        return answer(told, 200 if told["status"] == "completed" else 202)

    def _named(self, request: web.Request) -> Document:
        self.library.go_on()
        return self._item_of(request.match_info["id"])

    def _item_of(self, ref: str) -> Document:
        try:
            return self.library.item(ref)
        except KeyError:
            raise _absent() from None


def answer(content: Any, status: int = 200) -> web.Response:
    """JSON, as the vendor sends it."""
    text = exact_json.encode(content)
    return web.Response(status=status, text=text, content_type="application/json")


def refusal(
    status: int, code: str, words: str, headers: Mapping[str, str] | None = None
) -> web.Response:
    """An error in the vendor's form."""
    text = exact_json.encode({"error": {"code": code, "message": words}})
    return web.Response(status=status, text=text, content_type="application/json", headers=headers)


def _absent() -> Refused:
    return Refused(refusal(404, "itemNotFound", "The resource could not be found."))
