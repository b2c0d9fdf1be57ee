"""The org on HTTP: sign-in, quota header and the REST resources."""

from __future__ import annotations

import hmac
import json
import re
import secrets
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from aiohttp import web

from integrations import exact_json
from integrations.sandbox.faults import Board, Fault, middleware
from integrations.sandbox.salesforce.api import Api
from integrations.sandbox.salesforce.errors import Refused, not_found
from integrations.sandbox.salesforce.org import Org
from integrations.sandbox.salesforce.query import API
from integrations.sandbox.salesforce.wire import Reply, Request
from integrations.sandbox.sign_in import basic

DAILY_LIMIT = 250_000
"""Calls a day: an Enterprise org's base, forty users' share and a bought extra."""
VERSIONS = range(31, 62)
"""Of the API, all of which the vendor goes on serving; libraries ask in the one they know."""
_SEASONS = ("Spring", "Summer", "Winter")
_SESSION_LIFE = timedelta(hours=2)
_MOST_BODY = 8 * 1024 * 1024


class SalesforceServer:
    """One org behind HTTP. Speaks the vendor's dialect for the fault board too."""

    def __init__(self, org: Org, board: Board, client_id: str, client_secret: str) -> None:
        self.org = org
        self._client = (client_id, client_secret)
        self._api = Api(org, lambda: (self.used, self.limit))
        self.app = web.Application(
            middlewares=[middleware(board, self)], client_max_size=_MOST_BODY
        )
        self.app.router.add_post("/services/oauth2/token", self._sign_in)
        self.app.router.add_get("/services/data/", self._versions)
        self.app.router.add_get("/services/data", self._versions)
        self.app.router.add_get("/id/{organization}/{user}", self._identity)
        self.app.router.add_route("*", "/services/data/v{number:[0-9]+}.0{rest:.*}", self._resource)

    @property
    def limit(self) -> int:
        """Calls allowed per day."""
        return int(self.org.store.setting("daily_limit", str(DAILY_LIMIT)))

    @property
    def used(self) -> int:
        """Calls made today (UTC)."""
        return int(self.org.store.setting(f"used:{datetime.now(UTC).date()}", "0"))

    async def _sign_in(self, request: web.Request) -> web.Response:
        form = parse_qs(await request.text())
        given = {name: values[-1] for name, values in form.items()}
        if given.get("grant_type") != "client_credentials":
            return _oauth_error("unsupported_grant_type", "grant type not supported")
        user, password = basic(request)
        named = (given.get("client_id") or user, given.get("client_secret") or password)
        pairs = zip(self._client, named, strict=True)
        if not all(hmac.compare_digest(a.encode(), b.encode()) for a, b in pairs):
            return _oauth_error("invalid_client", "invalid client credentials")
        token = f"00DTw0000000001!{secrets.token_urlsafe(48)}"
        self._remember(token)
        body = {
            "access_token": token,
            "instance_url": f"http://{request.host}",
            "id": f"http://{request.host}/id/00DTw0000000001MAA/005Tw0000000001IAA",
            "token_type": "Bearer",
            "issued_at": str(int(time.time() * 1000)),
            "scope": "api",
        }
        return web.json_response(body, headers={"Cache-Control": "no-store"})

    async def _versions(self, request: web.Request) -> web.Response:
        return web.json_response(
            [
                {
                    "label": f"{_SEASONS[n % 3]} '{(n + 13) // 3}",
                    "url": f"/services/data/v{n}.0",
                    "version": f"{n}.0",
                }
                for n in VERSIONS
            ]
        )

    async def _identity(self, request: web.Request) -> web.Response:
        """Whom a session is of, and where what is that one's."""
        if not self._is_signed_in(request):
            return web.Response(status=403, text="Bad_OAuth_Token")
        place = f"{request.scheme}://{request.host}"
        about = {
            "id": str(request.url.with_query(None)),
            "user_id": request.match_info["user"],
            "organization_id": request.match_info["organization"],
            "username": "tower@larkfield.example",
            "display_name": "Control tower",
            "urls": {"rest": f"{place}/services/data/v{{version}}/"},
        }
        return web.json_response(about)

    def _is_signed_in(self, request: web.Request) -> bool:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        return scheme in ("Bearer", "OAuth") and self.is_open(token)

    async def _resource(self, request: web.Request) -> web.Response:
        if not self._is_signed_in(request):
            refusal = Refused(401, "INVALID_SESSION_ID", "Session expired or invalid")
            return _json(Reply(401, [refusal.as_rest()]))
        if int(request.match_info["number"]) not in VERSIONS:
            return _json(Reply(404, [not_found().as_rest()]))
        if self.used >= self.limit:
            return self.quota(request, None)
        used = self.used + 1
        self.org.store.set(f"used:{datetime.now(UTC).date()}", str(used))
        reply = await self._answer(request)
        asked = f"/services/data/v{request.match_info['number']}.0/"
        response = _json(reply, asked)
        response.headers["Sforce-Limit-Info"] = f"api-usage={used}/{self.limit}"
        return response

    async def _answer(self, request: web.Request) -> Reply:
        content: Any = None
        raw = await request.read()
        try:
            content = exact_json.decode(raw) if raw else None
        except (ValueError, RecursionError):
            refusal = Refused(400, "JSON_PARSER_ERROR", "The HTTP entity body is not valid JSON")
            return Reply(400, [refusal.as_rest()])
        return self._api.handle(Request(request.method, request.raw_path, content, request.headers))

    def _remember(self, token: str) -> None:
        expires = datetime.now(UTC) + _SESSION_LIFE
        kept = {**self._sessions(), token: expires.isoformat()}
        self.org.store.set("sessions", json.dumps(kept))

    def _sessions(self) -> dict[str, str]:
        now = datetime.now(UTC).isoformat()
        known: dict[str, str] = json.loads(self.org.store.setting("sessions", "{}"))
        return {token: expires for token, expires in known.items() if expires > now}

    def is_open(self, token: str) -> bool:
        """Whether the token is one of ours and has not ended."""
        return token in self._sessions()

    def end_all(self) -> None:
        """Every session ends."""
        self.org.store.set("sessions", "{}")

    def operation(self, request: web.Request, body: bytes) -> str:
        """``sign in``, or ``read``/``write`` with the objects that the call names."""
        if request.path.startswith("/services/oauth2"):
            return "sign in"
        verb = "read" if request.method == "GET" else "write"
        if "/composite" in request.path:
            named = re.findall(rb'sobjects/(\w+)|"type"\s*:\s*"(\w+)"', body)
            return f"{verb} " + " ".join(sorted({(a or b).decode() for a, b in named}))
        if match := re.search(r"/sobjects/(\w+)", request.path):
            return f"{verb} {match[1]}"
        match = re.search(r"\bFROM\s+(\w+)", request.query.get("q", ""), re.IGNORECASE)
        return f"{verb} {match[1]}" if match else f"{verb} {request.match_info.get('rest', '')}"

    def refuse(self, request: web.Request, fault: Fault) -> web.Response:
        """A validation rule or trigger says no."""
        code = fault.code or "FIELD_CUSTOM_VALIDATION_EXCEPTION"
        text = fault.text or "A validation rule of the org refuses this record."
        return _json(Reply(400, [Refused(400, code, text).as_rest()]))

    def quota(self, request: web.Request, fault: Fault | None) -> web.Response:
        """The vendor says 403, not 429, when the day's calls are spent."""
        refusal = Refused(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        response = _json(Reply(403, [refusal.as_rest()]))
        response.headers["Sforce-Limit-Info"] = f"api-usage={self.limit}/{self.limit}"
        return response

    def auth_expired(self, request: web.Request) -> None:
        """Every session ends; the request then meets INVALID_SESSION_ID by itself."""
        self.end_all()


def _json(reply: Reply, root: str = f"{API}/") -> web.Response:
    """A reply whose addresses are of the version that was asked."""
    headers = {name: value.replace(f"{API}/", root) for name, value in reply.headers.items()}
    if reply.body is None:
        return web.Response(status=reply.status, headers=headers)
    return web.Response(
        status=reply.status,
        text=exact_json.encode(reply.body).replace(f'"{API}/', f'"{root}'),
        content_type="application/json",
        headers=headers,
    )


def _oauth_error(code: str, text: str) -> web.Response:
    return web.json_response({"error": code, "error_description": text}, status=400)
