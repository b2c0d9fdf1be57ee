"""A pretend SharePoint library behind Microsoft Graph: folders, and copies with a monitor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from integrations import exact_json
from integrations.sandbox.graph import ROOT, GraphVendor, absent, answer, collection, refusal
from integrations.sandbox.sharepoint.library import DRIVE, Library, watched
from integrations.sandbox.sharepoint.library import ROOT as ROOT_FOLDER
from integrations.sandbox.store import Document
from integrations.sandbox.vendor import Refused

API = f"{ROOT}/drives/{DRIVE}"
SITE = "larkfield.sharepoint.example,7c2f1a90-4f51-4f0e-9a57-2c7f0d0f9e11,1d3b6f3e-90c4-4f0d"
_DRIVE = {"id": DRIVE, "driveType": "documentLibrary", "name": "Documents"}
_MONITOR = "/_api/v2.0/monitor/"
_FORBIDDEN = set('"*:<>?/\\|')


class Server(GraphVendor):
    """One library of the pretend firm's."""

    name = "sharepoint"
    title = "SharePoint"

    def routes(self, router: web.UrlDispatcher) -> None:
        """The part of the API that the connector uses."""
        self.library = Library(self.store)
        self.sign_in_route(router)
        router.add_get(f"{ROOT}/sites/{{site:root|{SITE}}}", self._site)
        router.add_get(f"{ROOT}/sites/{{site:root|{SITE}}}/drives", self._drives)
        router.add_get(f"{ROOT}/sites/{{site:root|{SITE}}}/drive", self._drive)
        router.add_get(API, self._drive)
        router.add_get(f"{API}/root/children", self._top)
        router.add_get(f"{API}/root:/{{path:[^:]*}}:/children", self._within)
        router.add_get(f"{API}/root:/{{path:[^:]*}}{{end::?}}", self._at)
        router.add_get(f"{API}/items/{{id:[^/]*}}", self._item)
        router.add_get(f"{API}/items/{{id:[^/]*}}/children", self._children)
        router.add_post(f"{API}/items/{{id:[^/]*}}/copy", self._copy)
        router.add_patch(f"{API}/items/{{id:[^/]*}}/listItem/fields", self._entitle)
        router.add_get(f"{_MONITOR}{{id}}", self._monitor)

    def furnish(self) -> None:
        """The folders that people have made."""
        self.library.furnish()

    def admits(self, request: web.Request) -> bool:
        """A token of ours, except where the address itself lets in."""
        return request.path.startswith(_MONITOR) or super().admits(request)

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

    async def _site(self, request: web.Request) -> web.Response:
        place = f"https://{SITE.partition(',')[0]}"
        return answer({"id": SITE, "displayName": "Larkfield", "name": "", "webUrl": place})

    async def _drives(self, request: web.Request) -> web.Response:
        return collection(request, [_DRIVE])

    async def _drive(self, request: web.Request) -> web.Response:
        return answer(_DRIVE)

    async def _at(self, request: web.Request) -> web.Response:
        return answer(self.library.shown(self._at_path(request)))

    async def _within(self, request: web.Request) -> web.Response:
        return self._shown_in(request, self._at_path(request).id)

    async def _top(self, request: web.Request) -> web.Response:
        return self._shown_in(request, ROOT_FOLDER)

    def _at_path(self, request: web.Request) -> Document:
        self.library.go_on()
        try:
            return self.library.at(request.match_info["path"])
        except KeyError:
            raise absent() from None

    async def _item(self, request: web.Request) -> web.Response:
        return answer(self.library.shown(self._named(request)))

    async def _children(self, request: web.Request) -> web.Response:
        return self._shown_in(request, self._named(request).id)

    def _shown_in(self, request: web.Request, folder: str) -> web.Response:
        found = self.library.children(folder)
        return collection(request, [self.library.shown(one) for one in found])

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
            raise absent() from None
        told = watched(job)
        return answer(told, 200 if told["status"] == "completed" else 202)

    def _named(self, request: web.Request) -> Document:
        self.library.go_on()
        return self._item_of(request.match_info["id"])

    def _item_of(self, ref: str) -> Document:
        try:
            return self.library.item(ref)
        except KeyError:
            raise absent() from None
