"""Signing in at the pretend Microsoft Entra, beside each product whose tokens come from there.

A client library asks first where tokens are given; a refusal carries codes that begin with AADSTS,
as the vendor documents them ("Microsoft Entra authentication and authorization error codes").
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime

from aiohttp import web

from integrations.sandbox.sign_in import Tokens, client_credentials
from integrations.sandbox.store import Store

_TOKEN = "/oauth2/v2.0/token"
_METADATA = "/v2.0/.well-known/openid-configuration"
_WRONG_SECRET, _NO_SCOPE = 7000215, 90014


class Entra(Tokens):
    """Tokens for one application and its secret."""

    def __init__(self, store: Store, credentials: Mapping[str, str]) -> None:
        known = client_credentials(credentials["client_id"], credentials["client_secret"])
        super().__init__(store, known)

    def routes(self, router: web.UrlDispatcher) -> None:
        """Where tokens are given, and where a client learns that."""
        router.add_post(f"/{{tenant}}{_TOKEN}", self.give)
        router.add_get(f"/{{tenant}}{_METADATA}", _metadata)

    @staticmethod
    def is_sign_in(request: web.Request) -> bool:
        """Whether a request is on its way to a token, which nobody has yet."""
        return request.path.endswith((_TOKEN, _METADATA))

    def missing(self, form: Mapping[str, str]) -> web.Response | None:
        """A token is for something."""
        if form.get("scope"):
            return None
        words = "The required field 'scope' is missing from the credential."
        return _refusal(400, "invalid_request", _NO_SCOPE, words)

    def refused(self) -> web.Response:
        """An unknown client or a wrong secret."""
        words = "Invalid client secret provided."
        return _refusal(401, "invalid_client", _WRONG_SECRET, words)


async def _metadata(request: web.Request) -> web.Response:
    tenant = f"{request.url.origin()}/{request.match_info['tenant']}"
    return web.json_response(
        {
            "issuer": f"{tenant}/v2.0",
            "token_endpoint": f"{tenant}{_TOKEN}",
            "authorization_endpoint": f"{tenant}/oauth2/v2.0/authorize",
            "jwks_uri": f"{tenant}/discovery/v2.0/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        }
    )


def _refusal(status: int, error: str, code: int, words: str) -> web.Response:
    trace, correlation = uuid.uuid4(), uuid.uuid4()
    at = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%SZ}"
    told = f"AADSTS{code}: {words} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {at}"
    return web.json_response(
        {
            "error": error,
            "error_description": told,
            "error_codes": [code],
            "timestamp": at,
            "trace_id": str(trace),
            "correlation_id": str(correlation),
        },
        status=status,
    )
