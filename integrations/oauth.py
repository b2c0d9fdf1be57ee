"""Calls signed in by a token (OAuth 2.0, RFC 6749), fetched once more when it has ended."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from controltower.canonical.verdicts import Kind, Misconfigured, Unavailable, Verdict
from integrations import exact_json
from integrations.connector import Connection
from integrations.http import Answer, HttpClient, NeverSent, NoAnswer
from integrations.needed import Option, Secret, Shape

_OWN_SHARE = 0.95
"""Of the deadline, for sign-in and call together: whoever waits for us waits the whole of it, and
our own verdict, with what went over the wire, must be there first."""
_TOKENS: dict[tuple[str, str], str] = {}
"""What all connections of this process to one system share; in memory only."""


class TokenClient:
    """One system over HTTP, with its token in every call.

    `sign_in` is where tokens are given: a path at the system's own host, or the whole address where
    the vendor has another one for it. `form` makes a token request, for `identity`; `tls` is what
    the connection presents of itself.
    """

    def __init__(
        self,
        connection: Connection,
        sign_in: str,
        identity: str,
        form: Callable[[], Mapping[str, str]],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._deadline = connection.deadline.total_seconds()
        self._http = HttpClient(connection.base_url, connection.deadline, tls)
        parts = urlsplit(sign_in)
        self._door = HttpClient(sign_in, connection.deadline, tls) if parts.netloc else self._http
        self._sign_in_path = parts.path
        self._form = form
        self._key = (connection.base_url, identity)

    async def close(self) -> None:
        """Give sockets back."""
        await self._http.close()
        await self._door.close()

    async def send(
        self,
        method: str,
        target: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer | NeverSent | NoAnswer | Verdict:
        """Send JSON to a path; a Verdict is a sign-in that failed, before anything was done."""
        until = time.monotonic() + self._deadline * _OWN_SHARE
        if not self._token and (failure := await self._sign_in(until)):
            return failure
        used = self._token
        result = await self._send(method, target, body, headers or {}, until)
        if isinstance(result, Answer) and result.status == 401:
            if self._token == used and (failure := await self._sign_in(until)):
                return failure
            result = await self._send(method, target, body, headers or {}, until)
        return result

    async def token(self, ended: str = "") -> str | Verdict:
        """The token itself, for a protocol other than HTTP; a new one when `ended` is still ours. A
        Verdict is a sign-in that failed."""
        until = time.monotonic() + self._deadline * _OWN_SHARE
        if self._token in ("", ended) and (failure := await self._sign_in(until)):
            return failure
        return self._token

    @property
    def _token(self) -> str:
        return _TOKENS.get(self._key, "")

    async def _send(
        self,
        method: str,
        target: str,
        body: Mapping[str, Any] | None,
        headers: Mapping[str, str],
        until: float,
    ) -> Answer | NeverSent | NoAnswer:
        content = None if body is None else exact_json.encode(body).encode()
        kind = {} if content is None else {"Content-Type": "application/json"}
        return await self._http.send(
            method,
            target,
            body=content,
            headers={"Accept": "application/json", **kind, **headers},
            secret_headers={"Authorization": f"Bearer {self._token}"},
            until=until,
        )

    async def _sign_in(self, until: float) -> Verdict | None:
        """Fetch a token; the failure as a verdict. Nothing was done yet."""
        result = await self._door.send(
            "POST",
            self._sign_in_path,
            body=urlencode(self._form()).encode(),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            record_body=False,
            until=until,
        )
        if not isinstance(result, Answer):
            return Unavailable(text=result.text, exchange=result.exchange)
        try:
            content = exact_json.decode(result.body)
        except ValueError:
            content = None
        if result.status == 200 and isinstance(content, dict) and content.get("access_token"):
            _TOKENS[self._key] = str(content["access_token"])
            return None
        _TOKENS.pop(self._key, None)
        if result.status >= 500 or result.status == 429 or not isinstance(content, dict):
            text = f"Signing in failed: HTTP {result.status}."
            return Unavailable(text=text, exchange=result.exchange)
        said = content.get("error_description") or content.get("error") or ""
        return Misconfigured(
            kind=Kind.AUTH, text=f"Signing in was refused: {said}.", exchange=result.exchange
        )


def client_form(connection: Connection, **more: str) -> dict[str, str]:
    """A token request by client credentials: the secrets `client_id` and `client_secret`."""
    return {
        "grant_type": "client_credentials",
        "client_id": connection.secrets.get("client_id", ""),
        "client_secret": connection.secrets.get("client_secret", ""),
        **more,
    }


ENTRA_SECRETS = (
    Secret(
        "client_id",
        "The application (client) id of an app registration.",
        "In the Microsoft Entra admin center: App registrations, the app, Overview.",
    ),
    Secret(
        "client_secret",
        "A client secret of that app registration.",
        "In the Microsoft Entra admin center: the app, Certificates & secrets; shown once.",
    ),
)
ENTRA_OPTIONS = (
    Option("tenant", Shape.TEXT, "The directory (tenant) id.", default="common"),
    Option(
        "sign_in_url",
        Shape.ADDRESS,
        "Where tokens are given, if not at the system's own address.",
        default="",
        usual="https://login.microsoftonline.com",
    ),
)
"""What a connection needs whose tokens are given by Entra ID."""


def entra_client(connection: Connection, scope: str) -> TokenClient:
    """A system of Microsoft's, whose tokens are given by Entra ID. Options: `tenant`, and
    `sign_in_url` where tokens are given elsewhere than at the system's own address."""
    tenant = quote(str(connection.options.get("tenant") or "common"), safe="")
    host = str(connection.options.get("sign_in_url") or "").rstrip("/")
    return TokenClient(
        connection,
        f"{host}/{tenant}/oauth2/v2.0/token",
        connection.secrets.get("client_id", ""),
        lambda: client_form(connection, scope=scope),
    )
