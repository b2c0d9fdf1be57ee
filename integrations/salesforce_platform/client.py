"""Signed-in calls to one org, and its quota."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from controltower.canonical.verdicts import Quota, Verdict
from integrations import exact_json
from integrations.answers import as_agreed, unanswered
from integrations.connector import Connection
from integrations.http import Answer
from integrations.oauth import TokenClient, client_form
from integrations.salesforce_platform.refusals import verdict_of
from integrations.shape import Row, flag, listed, object_of, required

API_VERSION = "v61.0"
API = f"/services/data/{API_VERSION}"
_SIGN_IN = "/services/oauth2/token"
_USAGE = re.compile(r"api-usage=(\d+)/(\d+)")


@dataclass(slots=True)
class _Org:
    """What all connections of this process to one org share; in memory only."""

    quota: Quota = field(default_factory=Quota)


_ORGS: dict[tuple[str, str], _Org] = {}


class OrgClient:
    """One org over HTTP. Calls return the vendor's answer, or the verdict when there is none."""

    def __init__(self, connection: Connection) -> None:
        client = connection.secrets.get("client_id", "")
        self._tokens = TokenClient(connection, _SIGN_IN, client, lambda: client_form(connection))
        self._org = _ORGS.setdefault((connection.base_url, client), _Org())

    @property
    def quota(self) -> Quota:
        """The org's daily quota as the last answer told it."""
        return self._org.quota

    async def close(self) -> None:
        """Give sockets back."""
        await self._tokens.close()

    async def token(self, ended: str = "") -> str | Verdict:
        """The session for the org's other door; a new one when `ended` is still ours."""
        return await self._tokens.token(ended)

    async def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer | Verdict:
        """Call `path` below the API root; an Answer is a success (2xx) with a readable body."""
        writing = method != "GET"
        target = path if path.startswith(API) else API + path
        result = await self._tokens.send(method, target, body, headers)
        if isinstance(result, Verdict):
            return result
        if not isinstance(result, Answer):
            return unanswered(result, writing=writing)
        self._note_quota(result)
        return result if _is_success(result) else verdict_of(result, writing=writing)

    def _note_quota(self, answer: Answer) -> None:
        match = _USAGE.search(answer.headers.get("Sforce-Limit-Info", ""))
        if match:
            self._org.quota = Quota(used=int(match[1]), limit=int(match[2]))


def content_of(answer: Answer) -> Row:
    """The decoded body of a success. Raises Drift."""
    return object_of(exact_json.decode(answer.body))


def rows_of(answer: Answer) -> Sequence[Row]:
    """The rows of one page. Raises CallFailed."""
    return as_agreed(lambda: listed(content_of(answer), "records"), answer.exchange)


def following_page(answer: Answer) -> str:
    """Where the next page is, "" after the last. Raises CallFailed."""

    def following() -> str:
        content = content_of(answer)
        return "" if flag(content, "done") else path_of(required(content, "nextRecordsUrl"))

    return as_agreed(following, answer.exchange)


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
