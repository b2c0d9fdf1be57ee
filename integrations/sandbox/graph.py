"""What the pretend products behind Microsoft Graph have in common: sign-in, errors, throttling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from integrations import exact_json
from integrations.sandbox.entra import Entra
from integrations.sandbox.faults import Fault
from integrations.sandbox.vendor import Refused, Vendor

ROOT = "/v1.0"
PAGE = 200


class GraphVendor(Vendor):
    """A product behind Graph. Its routes begin with those of `sign_in_route`."""

    def sign_in_route(self, router: web.UrlDispatcher) -> None:
        """Where tokens are given."""
        self._tokens = Entra(self.store, self.credentials)
        self._tokens.routes(router)
        router.add_get(f"{ROOT}/me", _nobody)

    def admits(self, request: web.Request) -> bool:
        """A token of ours, except where one is fetched."""
        return Entra.is_sign_in(request) or self._tokens.holds(request)

    def stranger(self) -> web.Response:
        """401 with the words of the vendor."""
        return refusal(401, "InvalidAuthenticationToken", "Access token has expired.")

    def auth_expired(self, request: web.Request) -> web.Response | None:
        """End every session; the request then runs into it by itself."""
        self._tokens.forget()
        return None

    def operation(self, request: web.Request, body: bytes) -> str:
        """Fetching a token is neither a read nor a write."""
        return "sign in" if Entra.is_sign_in(request) else super().operation(request, body)

    def nowhere(self, request: web.Request, problem: web.HTTPException) -> web.Response:
        """A path that Graph does not have."""
        words = f"Resource not found for the segment '{request.path.rpartition('/')[2]}'."
        return refusal(400, "BadRequest", words)

    def refuse(self, request: web.Request, fault: Fault) -> web.Response:
        """A request that is not taken."""
        return refusal(400, "invalidRequest", fault.text or "The request is malformed.")

    def quota(self, request: web.Request, fault: Fault) -> web.Response:
        """Too much was asked."""
        words = "The request has been throttled"
        return refusal(429, "activityLimitReached", words, {"Retry-After": "11"})


async def _nobody(_request: web.Request) -> web.Response:
    words = "/me request is only valid with delegated authentication flow."
    return refusal(400, "BadRequest", words)


def answer(content: Any, status: int = 200) -> web.Response:
    """JSON, as the vendor sends it."""
    text = exact_json.encode(content)
    return web.Response(status=status, text=text, content_type="application/json")


def collection(request: web.Request, rows: Sequence[Mapping[str, Any]]) -> web.Response:
    """A page of rows, and where the next one is."""
    start = int(request.query.get("$skiptoken", "0"))
    end = start + min(int(request.query.get("$top", str(PAGE))), PAGE)
    page: dict[str, Any] = {"value": list(rows[start:end])}
    if end < len(rows):
        following = request.url.update_query({"$skiptoken": str(end)})
        page["@odata.nextLink"] = str(following)
    return answer(page)


def refusal(
    status: int, code: str, words: str, headers: Mapping[str, str] | None = None
) -> web.Response:
    """An error in the vendor's form."""
    text = exact_json.encode({"error": {"code": code, "message": words}})
    return web.Response(status=status, text=text, content_type="application/json", headers=headers)


def absent(code: str = "itemNotFound") -> Refused:
    """What was asked for is not there."""
    return Refused(refusal(404, code, "The resource could not be found."))
