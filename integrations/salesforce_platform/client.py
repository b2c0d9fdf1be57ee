"""Signed-in calls to one org: token, quota and one refresh when the session has ended."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from controltower.canonical.verdicts import Kind, Misconfigured, Quota, Unavailable, Verdict
from integrations import exact_json
from integrations.answers import unanswered
from integrations.connector import Connection
from integrations.http import Answer, HttpClient, NeverSent, NoAnswer
from integrations.salesforce_platform.refusals import verdict_of
from integrations.shape import Row, object_of

API_VERSION = "v61.0"
API = f"/services/data/{API_VERSION}"
_SIGN_IN = "/services/oauth2/token"
_OWN_SHARE = 0.95
"""Of the deadline, for sign-in and call together: whoever waits for us waits the whole of it, and
our own verdict, with what went over the wire, must be there first."""
_USAGE = re.compile(r"api-usage=(\d+)/(\d+)")


@dataclass(slots=True)
class _Org:
    """What all connections of this process to one org share; in memory only."""

    token: str = ""
    quota: Quota = field(default_factory=Quota)


_ORGS: dict[tuple[str, str], _Org] = {}


class OrgClient:
    """One org over HTTP. Calls return the vendor's answer, or the verdict when there is none."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._http = HttpClient(connection.base_url, connection.deadline)
        client = connection.secrets.get("client_id", "")
        self._org = _ORGS.setdefault((connection.base_url, client), _Org())

    @property
    def quota(self) -> Quota:
        """The org's daily quota as the last answer told it."""
        return self._org.quota

    async def close(self) -> None:
        """Give sockets back."""
        await self._http.close()

    async def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer | Verdict:
        """Call `path` below the API root; an Answer is a success (2xx) with a readable body."""
        writing = method != "GET"
        until = time.monotonic() + self._connection.deadline.total_seconds() * _OWN_SHARE
        if not self._org.token and (failure := await self._sign_in(until)):
            return failure
        used = self._org.token
        result = await self._send(method, path, body, headers or {}, until)
        if isinstance(result, Answer) and result.status == 401:
            if self._org.token == used and (failure := await self._sign_in(until)):
                return failure
            result = await self._send(method, path, body, headers or {}, until)
        if not isinstance(result, Answer):
            return unanswered(result, writing=writing)
        self._note_quota(result)
        return result if _is_success(result) else verdict_of(result, writing=writing)

    async def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        headers: Mapping[str, str],
        until: float,
    ) -> Answer | NeverSent | NoAnswer:
        content = None if body is None else exact_json.encode(body).encode()
        kind = {} if content is None else {"Content-Type": "application/json"}
        return await self._http.send(
            method,
            path if path.startswith(API) else API + path,
            body=content,
            headers={"Accept": "application/json", **kind, **headers},
            secret_headers={"Authorization": f"Bearer {self._org.token}"},
            until=until,
        )

    async def _sign_in(self, until: float) -> Verdict | None:
        """Fetch a token by client credentials; the failure as a verdict. Nothing was done yet."""
        secrets = self._connection.secrets
        form = {
            "grant_type": "client_credentials",
            "client_id": secrets.get("client_id", ""),
            "client_secret": secrets.get("client_secret", ""),
        }
        result = await self._http.send(
            "POST",
            _SIGN_IN,
            body=urlencode(form).encode(),
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
            self._org.token = str(content["access_token"])
            return None
        self._org.token = ""
        if result.status >= 500 or result.status == 429 or not isinstance(content, dict):
            text = f"Signing in failed: HTTP {result.status}."
            return Unavailable(text=text, exchange=result.exchange)
        said = content.get("error_description") or content.get("error") or ""
        return Misconfigured(
            kind=Kind.AUTH, text=f"Signing in was refused: {said}.", exchange=result.exchange
        )

    def _note_quota(self, answer: Answer) -> None:
        match = _USAGE.search(answer.headers.get("Sforce-Limit-Info", ""))
        if match:
            self._org.quota = Quota(used=int(match[1]), limit=int(match[2]))


def content_of(answer: Answer) -> Row:
    """The decoded body of a success. Raises Drift."""
    return object_of(exact_json.decode(answer.body))


def path_of(url: str) -> str:
    """The path and query of an address that the vendor gave (a next page, a record)."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _is_success(answer: Answer) -> bool:
    """2xx with the vendor's own body: a captive page can answer 200 as well."""
    if not 200 <= answer.status < 300:
        return False
    if answer.status == 204:
        return True
    try:
        exact_json.decode(answer.body)
    except ValueError:
        return False
    return True
