"""Signed-in calls to one Coupa instance: a token, and one renewal when it has ended."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from controltower.canonical.verdicts import Kind, Misconfigured, Unavailable, Verdict
from integrations import exact_json
from integrations.answers import unanswered
from integrations.connector import Connection
from integrations.coupa.refusals import is_own, verdict_of
from integrations.http import Answer, HttpClient, NeverSent, NoAnswer

API = "/api"
SCOPES = (
    "core.invoice.read", "core.invoice.write", "core.purchase_order.read",
    "core.purchase_order.write", "core.expense.read", "core.expense.write",
    "core.integration.read", "core.integration.write",
)  # fmt: skip
_SIGN_IN = "/oauth2/token"
_OWN_SHARE = 0.95
"""Of the deadline, for sign-in and call together: our verdict must be there before it."""
_tokens: dict[tuple[str, str, str], str] = {}
"""Of this process, by address and client; in memory only."""


class CoupaClient:
    """One instance over HTTP. A call returns the vendor's answer, or the verdict without one."""

    def __init__(self, connection: Connection) -> None:
        self._deadline = connection.deadline.total_seconds()
        self._http = HttpClient(connection.base_url, connection.deadline)
        self._client = connection.secrets.get("client_id", "")
        self._secret = connection.secrets.get("client_secret", "")
        self._key = (connection.base_url, self._client, self._secret)

    async def close(self) -> None:
        """Give sockets back."""
        await self._http.close()

    async def read(self, path: str, **query: str) -> Answer | Verdict:
        """GET `path` below the API root; an Answer is a success with JSON of the vendor's own."""
        return await self._call("GET", f"{path}?{urlencode(query)}" if query else path)

    async def write(
        self, method: str, path: str, fields: Mapping[str, Any] | None = None
    ) -> Answer | Verdict:
        """POST or PUT to `path`; an Answer is a success with the record as it is now."""
        return await self._call(method, path, exact_json.encode(fields or {}).encode())

    async def _call(self, method: str, path: str, body: bytes | None = None) -> Answer | Verdict:
        until = time.monotonic() + self._deadline * _OWN_SHARE
        if self._key not in _tokens and (failure := await self._sign_in(until)):
            return failure
        used = _tokens[self._key]
        result = await self._send(method, path, body, used, until)
        if isinstance(result, Answer) and result.status == 401:
            if _tokens.get(self._key) in {used, None} and (failure := await self._sign_in(until)):
                return failure
            result = await self._send(method, path, body, _tokens[self._key], until)
        writing = body is not None
        if not isinstance(result, Answer):
            return unanswered(result, writing=writing)
        return result if is_own(result) else verdict_of(result, writing=writing)

    async def _send(
        self, method: str, path: str, body: bytes | None, token: str, until: float
    ) -> Answer | NeverSent | NoAnswer:
        kind = {} if body is None else {"Content-Type": "application/json"}
        return await self._http.send(
            method,
            API + path,
            body=body,
            headers={"Accept": "application/json", **kind},
            secret_headers={"Authorization": f"Bearer {token}"},
            until=until,
        )

    async def _sign_in(self, until: float) -> Verdict | None:
        """Fetch a token; the failure as a verdict. Nothing was done yet."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self._client,
            "client_secret": self._secret,
            "scope": " ".join(SCOPES),
        }
        result = await self._http.send(
            "POST",
            _SIGN_IN,
            body=urlencode(form).encode(),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            record_body=False,
            until=until,
        )
        _tokens.pop(self._key, None)
        if not isinstance(result, Answer):
            return Unavailable(text=result.text, exchange=result.exchange)
        try:
            content = exact_json.decode(result.body)
        except ValueError:
            content = None
        if result.status == 200 and isinstance(content, dict) and content.get("access_token"):
            _tokens[self._key] = str(content["access_token"])
            return None
        if result.status >= 500 or result.status == 429 or not isinstance(content, dict):
            text = f"Signing in to Coupa failed: HTTP {result.status}."
            return Unavailable(text=text, exchange=result.exchange)
        said = content.get("error_description") or content.get("error") or ""
        text = f"Coupa refused our sign-in: {said}."
        return Misconfigured(kind=Kind.AUTH, text=text, exchange=result.exchange)
