"""A pretend Workday tenant: two custom reports as a service, and a part of its REST interface.

Written from the vendor's public documentation. What the reports' columns are called is the firm's
own choice there as well (see the connector's page).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web

from integrations import exact_json
from integrations.sandbox.control import Impossible
from integrations.sandbox.faults import Fault
from integrations.sandbox.sign_in import Tokens, client_credentials, same
from integrations.sandbox.store import Document
from integrations.sandbox.vendor import Refused, Vendor
from integrations.sandbox.workday import workers

TENANT = "larkfield"
_TOKEN = f"/ccx/oauth2/{TENANT}/token"
_REPORT = f"/ccx/service/customreport2/{TENANT}/{{owner}}"
_STAFFING = f"/ccx/api/staffing/v6/{TENANT}"
_ABSENCE = f"/ccx/api/absenceManagement/v2/{TENANT}"
_LARGEST_PAGE = 100
_WORKER, _DAY = "worker", "day"
_SETTLED_DAYS = 40
"""For how long the first people have been there unchanged: nobody is a joiner at the start."""


class Server(Vendor):
    """Workers and their days off."""

    name = "workday"
    title = "Workday"
    deeds = {
        "hire": "Hire somebody",
        "promote": "Promote somebody",
        "leave": "Let somebody leave",
        "take_off": "Approve a day off",
    }

    def __init__(self, data: Path, credentials: Mapping[str, str]) -> None:
        super().__init__(data, credentials)
        known = client_credentials(credentials["client_id"], credentials["client_secret"])

        def accepts(form: Mapping[str, str]) -> bool:
            refreshed = form.get("grant_type") == "refresh_token"
            given = same(form.get("refresh_token", ""), credentials["refresh_token"])
            return refreshed and known(form) and given

        self._tokens = Tokens(self.store, accepts)

    def routes(self, router: web.UrlDispatcher) -> None:
        """The reports, and the part of the REST interface that the connector uses."""
        router.add_post(_TOKEN, self._sign_in)
        router.add_get(f"{_REPORT}/Tower_Workers", self._workers)
        router.add_get(f"{_REPORT}/Tower_Time_Off", self._days)
        router.add_get(f"{_STAFFING}/workers", self._search)
        router.add_get(f"{_ABSENCE}/workers/{{id}}/timeOffDetails", self._details)

    def furnish(self) -> None:
        """The people of the two companies that this tenant keeps."""
        since = datetime.now(UTC).date() - timedelta(days=_SETTLED_DAYS)
        with self.store.transaction():
            for number, person in enumerate(workers.STAFF, start=1):
                self._keep(_WORKER, workers.hired(number, person, since))

    def admits(self, request: web.Request) -> bool:
        """A token of ours, except where one is fetched."""
        return request.path == _TOKEN or self._tokens.holds(request)

    def stranger(self) -> web.Response:
        """401 with the words of the vendor."""
        return refusal("invalid_token: the access token is invalid or has expired", 401)

    def auth_expired(self, request: web.Request) -> web.Response | None:
        """End every session; the request then runs into it by itself."""
        self._tokens.forget()
        return None

    def operation(self, request: web.Request, body: bytes) -> str:
        """Fetching a token is neither a read nor a write."""
        return "sign in" if request.path == _TOKEN else super().operation(request, body)

    def refuse(self, request: web.Request, fault: Fault) -> web.Response:
        """A value that the tenant does not take."""
        return refusal("validation error", 400, fault.text or "is not valid")

    def quota(self, request: web.Request, fault: Fault) -> web.Response:
        """Too many calls; nothing says when to come again."""
        return web.Response(status=429, text="Too Many Requests")

    async def act(self, name: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """``hire`` (company, role, and columns of the report), ``promote`` and ``move`` (id,
        company, role), ``leave`` (id, on), ``take_off`` (id, on, type, quantity, unit, status),
        ``change`` (id, fields) and ``change_day`` (id, fields)."""
        match name:
            case "hire":
                return {"id": self._hire(wanted).id}
            case "promote" | "move":
                return {"id": self._move(wanted).id}
            case "leave":
                on = str(wanted.get("on") or _today().isoformat())
                left = {"Worker_Status": "Terminated", "Termination_Date": on}
                return {"id": self._changed(wanted, left).id}
            case "change":
                return {"id": self._changed(wanted, wanted["fields"]).id}
            case "take_off":
                return {"id": self._take_off(wanted)}
            case "change_day":
                number = str(wanted["id"]).partition(":")[2]
                self.store.change(_DAY, number, wanted["fields"])
                return {"id": wanted["id"]}
        return await super().act(name, wanted)

    def _hire(self, wanted: Mapping[str, Any]) -> Document:
        number = self.store.next_number("hired")
        company = str(wanted.get("company", workers.COMPANIES[number % 2]))
        role = str(wanted.get("role", "Consultant"))
        try:
            place = workers.placed(company, role, _today())
        except KeyError as unknown:
            raise Impossible(f"the firm has no {unknown}") from None
        joiner = workers.hired(900 + number, workers.STAFF[0], _today()) | {
            "First_Name": f"Joiner {number}",
            "Last_Name": "Newcomb",
            "Email": f"joiner{number}.newcomb@larkfield.example",
        }
        columns = {name: value for name, value in wanted.items() if name in joiner}
        return self._keep(_WORKER, joiner | place | columns)

    def _move(self, wanted: Mapping[str, Any]) -> Document:
        """To another role or company, at that place's cost, from today."""
        worker = self._chosen(wanted)
        role = str(wanted.get("role") or workers.next_role(worker.content["Business_Title"]))
        company = str(wanted.get("company") or worker.content["Company"])
        try:
            place = workers.placed(company, role, _today())
        except KeyError as unknown:
            raise Impossible(f"the firm has no {unknown}") from None
        return self.store.change(_WORKER, worker.id, place)

    def _take_off(self, wanted: Mapping[str, Any]) -> str:
        """The worker's id and the day's."""
        on = date.fromisoformat(str(wanted.get("on") or _today()))
        worker = self._chosen(wanted).id
        company = str(self.store.get(_WORKER, worker).content["Company"])
        return f"{worker}:{self._keep(_DAY, workers.day_off(worker, company, on, wanted)).id}"

    def _changed(self, wanted: Mapping[str, Any], fields: Mapping[str, Any]) -> Document:
        return self.store.change(_WORKER, self._chosen(wanted).id, fields)

    def _chosen(self, wanted: Mapping[str, Any]) -> Document:
        """By id or employee number; else the last of those who are still there."""
        active = self.store.all(_WORKER, Worker_Status="Active")
        if "id" not in wanted:
            return active[-1]
        known = [
            one
            for one in self.store.all(_WORKER)
            if wanted["id"] in (one.id, one.content["Employee_ID"])
        ]
        if not known:
            raise Impossible(f"nobody has the id {wanted['id']}")
        return known[0]

    def _keep(self, kind: str, content: Mapping[str, Any]) -> Document:
        number = str(self.store.next_number(kind))
        return self.store.add(kind, content, workers.wid(kind, number))

    async def _sign_in(self, request: web.Request) -> web.Response:
        return await self._tokens.give(request)

    async def _workers(self, request: web.Request) -> web.Response:
        return self._report(request, _WORKER, workers.worker_row)

    async def _days(self, request: web.Request) -> web.Response:
        return self._report(request, _DAY, workers.day_row)

    def _report(
        self, request: web.Request, kind: str, row: Callable[[Document], dict[str, Any]]
    ) -> web.Response:
        """All at once: what was changed in the window, or one record by its id."""
        query = request.query
        if query.get("format") != "json":
            raise Refused(refusal("only the format json is furnished here", 400))
        if "Worker!WID" in query:
            found = [one for one in self.store.all(kind) if one.id == query["Worker!WID"]]
            return answer({"Report_Entry": [row(one) for one in found]})
        since, until = _moment(query, "Updated_From"), _moment(query, "Updated_Through")
        changed = self.store.since(kind, since - timedelta(milliseconds=1))
        inside = [one for one in changed if since <= _shown(one.changed) <= until]
        return answer({"Report_Entry": [row(one) for one in inside]})

    async def _search(self, request: web.Request) -> web.Response:
        wanted = request.query.get("search", "").lower()
        people = [workers.summary(one) for one in self.store.all(_WORKER)]
        return _paged(request, [one for one in people if _names(one, wanted)])

    async def _details(self, request: web.Request) -> web.Response:
        worker = request.match_info["id"]
        try:
            self.store.get(_WORKER, worker)
        except KeyError:
            raise Refused(refusal("resource not found", 404, "unknown worker")) from None
        days = self.store.all(_DAY, Worker_ID=worker)
        return _paged(request, [workers.detail(one) for one in days])


def answer(content: Any, status: int = 200) -> web.Response:
    """JSON, as the vendor sends it."""
    text = exact_json.encode(content)
    return web.Response(status=status, text=text, content_type="application/json")


def refusal(words: str, status: int, detail: str = "") -> web.Response:
    """What is wrong, and what of it is about a field."""
    errors = [{"error": detail, "field": "id"}] if detail else []
    return answer({"error": words, "errors": errors}, status)


def _paged(request: web.Request, rows: list[dict[str, Any]]) -> web.Response:
    limit = min(_whole(request, "limit", 20), _LARGEST_PAGE)
    offset = _whole(request, "offset", 0)
    return answer({"total": len(rows), "data": rows[offset : offset + limit]})


def _whole(request: web.Request, name: str, otherwise: int) -> int:
    given = request.query.get(name, str(otherwise))
    if not (given.isascii() and given.isdecimal()):
        raise Refused(refusal(f"{name} must be a number", 400, given))
    return int(given)


def _names(person: Mapping[str, Any], wanted: str) -> bool:
    return wanted in f"{person['descriptor']} {person['workerId']}".lower()


def _moment(query: Mapping[str, str], name: str) -> datetime:
    try:
        found = datetime.fromisoformat(query[name])
    except (KeyError, ValueError):
        raise Refused(refusal(f"the prompt {name} is not a time", 400)) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _shown(moment: datetime) -> datetime:
    return datetime.fromisoformat(workers.stamp(moment))


def _today() -> date:
    return datetime.now(UTC).date()
