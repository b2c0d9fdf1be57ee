"""A pretend Microsoft Teams behind Microsoft Graph: teams that are provisioned, and what is said.

Two teams may have one name, as with the vendor.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from aiohttp import web

from integrations import exact_json
from integrations.sandbox.graph import ROOT, GraphVendor, absent, answer, collection, refusal
from integrations.sandbox.store import Document
from integrations.sandbox.vendor import Refused

TENANT = "9c1d2b7e-55f1-4d1a-8f3b-7a0e6c2d4b19"
_NAMED = re.compile(r"displayName eq '((?:[^']|'')*)'")
_OF_TEAMS = "resourceProvisioningOptions/Any(x:x eq 'Team')"
_LONGEST_NAME, _LONGEST_PURPOSE = 256, 1024


class Server(GraphVendor):
    """One tenant's teams, each with its first channel."""

    name = "teams"
    title = "Teams"

    def routes(self, router: web.UrlDispatcher) -> None:
        """The part of the API that the connector uses."""
        self.sign_in_route(router)
        router.add_get(f"{ROOT}/teams", self._list)
        router.add_get(f"{ROOT}/groups", self._groups)
        router.add_post(f"{ROOT}/teams", self._order)
        router.add_get(f"{ROOT}/teams('{{id}}')/operations('{{order}}')", self._watched)
        router.add_get(f"{ROOT}/teams/{{id}}", self._team)
        router.add_patch(f"{ROOT}/teams/{{id}}", self._change)
        router.add_get(f"{ROOT}/teams/{{id}}/primaryChannel", self._channel)
        router.add_post(f"{ROOT}/teams/{{id}}/channels/{{channel}}/messages", self._say)

    def furnish(self) -> None:
        """The team that every firm has."""
        self._made({"name": "All of Larkfield", "purpose": ""})

    async def act(self, name: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """``teams_take`` (seconds); ``teams_fail`` (words, "" to end that); ``open_twin`` (name):
        somebody opens a team of a name that another has; ``said`` (id): what was said there."""
        match name:
            case "teams_take":
                self.store.set("seconds", str(float(wanted["seconds"])))
            case "teams_fail":
                self.store.set("fail", str(wanted.get("words") or ""))
            case "open_twin":
                return {"id": self._made({"name": wanted["name"], "purpose": ""}).id}
            case "said":
                found = self.store.all("message", team=str(wanted["id"]))
                return {"messages": [one.content["content"] for one in found]}
            case _:
                return await super().act(name, wanted)
        return dict(wanted)

    async def _list(self, request: web.Request) -> web.Response:
        teams = self._there()
        if wanted := _NAMED.fullmatch(request.query.get("$filter", "")):
            name = wanted[1].replace("''", "'").casefold()
            teams = [one for one in teams if one.content["name"].casefold() == name]
        return collection(request, [_shown(one) for one in teams])

    async def _groups(self, request: web.Request) -> web.Response:
        """The groups of the tenant, each of which is a team's."""
        teams = self._there()
        wanted = request.query.get("$filter", _OF_TEAMS)
        if wanted != _OF_TEAMS:
            raise Refused(refusal(400, "Request_UnsupportedQuery", "Unsupported Query."))
        names = ("id", "createdDateTime", "displayName", "description", "visibility")
        rows = [{name: row[name] for name in names} for row in map(_shown, teams)]
        return collection(
            request, [{**row, "resourceProvisioningOptions": ["Team"]} for row in rows]
        )

    async def _order(self, request: web.Request) -> web.Response:
        wanted = exact_json.decode(await request.text())
        name, purpose = str(wanted.get("displayName") or ""), str(wanted.get("description") or "")
        if not name or len(name) > _LONGEST_NAME or len(purpose) > _LONGEST_PURPOSE:
            raise Refused(refusal(400, "BadRequest", "Invalid team displayName or description."))
        if "template@odata.bind" not in wanted or not wanted.get("members"):
            words = "A team owner must be provided when creating a team in application context."
            raise Refused(refusal(400, "BadRequest", words))
        words = self.store.setting("fail")
        due = datetime.now(UTC) + timedelta(seconds=float(self.store.setting("seconds", "0")))
        team = self._made(
            {"name": name, "purpose": purpose, "due": due.isoformat(), "failed": words}
        )
        place = f"/teams('{team.id}')"
        where = {"Location": f"{place}/operations('{team.id}')", "Content-Location": place}
        return web.Response(status=202, headers=where)

    async def _watched(self, request: web.Request) -> web.Response:
        team = self._of(request)
        status = "inProgress" if _is_under_way(team) else "succeeded"
        operation: dict[str, Any] = {
            "id": team.id, "operationType": "createTeam", "attemptsCount": 1,
            "targetResourceId": team.id, "targetResourceLocation": f"/teams('{team.id}')",
            "error": None,
        }  # fmt: skip
        if words := team.content.get("failed"):
            status, operation["error"] = "failed", {"code": "Conflict", "message": words}
        return answer({**operation, "status": status})

    async def _team(self, request: web.Request) -> web.Response:
        return answer(_shown(self._ready(request)))

    async def _change(self, request: web.Request) -> web.Response:
        wanted = exact_json.decode(await request.text())
        purpose = {"purpose": str(wanted["description"])}
        self.store.change("team", self._ready(request).id, purpose)
        return web.Response(status=204)

    async def _channel(self, request: web.Request) -> web.Response:
        team = self._ready(request)
        number = f"19:{team.id.replace('-', '')}@thread.tacv2"
        return answer({"id": number, "displayName": "General", "membershipType": "standard"})

    async def _say(self, request: web.Request) -> web.Response:
        team = self._ready(request)
        body = exact_json.decode(await request.text())["body"]
        said = self.store.add("message", {"team": team.id, "content": body["content"]})
        number = f"{round(said.created.timestamp() * 1000)}"
        return answer({"id": number, "messageType": "message", "body": body}, 201)

    def _made(self, content: Mapping[str, Any]) -> Document:
        count = self.store.next_number("team")
        return self.store.add("team", content, str(uuid5(NAMESPACE_URL, f"team-{count}")))

    def _there(self) -> list[Document]:
        """The teams that are ready, as far as the directory knows."""
        teams = self.store.all("team")
        return [one for one in teams if not (_is_under_way(one) or one.content.get("failed"))]

    def _ready(self, request: web.Request) -> Document:
        team = self._of(request)
        if _is_under_way(team) or team.content.get("failed"):
            raise absent("NotFound")
        return team

    def _of(self, request: web.Request) -> Document:
        try:
            return self.store.get("team", request.match_info["id"])
        except KeyError:
            raise absent("NotFound") from None


def _is_under_way(team: Document) -> bool:
    due = str(team.content.get("due") or "")
    return bool(due) and datetime.now(UTC) < datetime.fromisoformat(due)


def _shown(team: Document) -> dict[str, Any]:
    """A team on the wire."""
    number = quote(f"19:{team.id.replace('-', '')}@thread.tacv2", safe="")
    where = "https://teams.microsoft.com/l/team"
    return {
        "id": team.id,
        "createdDateTime": f"{team.created.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z",
        "displayName": team.content["name"],
        "description": team.content["purpose"],
        "visibility": "private",
        "isArchived": False,
        "webUrl": f"{where}/{number}/conversations?groupId={team.id}&tenantId={TENANT}",
    }
