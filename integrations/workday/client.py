"""Signed-in reads of one tenant: reports as a service, and the REST interface page by page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

from controltower.canonical.verdicts import Exchange, Verdict
from integrations import exact_json
from integrations.answers import as_agreed, unanswered
from integrations.connector import CallFailed, Connection
from integrations.http import Answer
from integrations.oauth import TokenClient
from integrations.shape import Drift, Row, amount, listed, object_of
from integrations.workday.refusals import verdict_of

LARGEST_PAGE = 100
STAFFING = "staffing/v6"
ABSENCE = "absenceManagement/v2"


class WorkdayClient:
    """One tenant over HTTP. Options: `tenant`, and `owner` of the reports."""

    def __init__(self, connection: Connection) -> None:
        options = connection.options
        self._tenant = quote(str(options.get("tenant") or "larkfield"), safe="")
        self._owner = quote(str(options.get("owner") or "ISU_Control_Tower"), safe="")
        self._tokens = TokenClient(
            connection,
            f"/ccx/oauth2/{self._tenant}/token",
            connection.secrets.get("client_id", ""),
            lambda: _form(connection.secrets),
        )

    async def close(self) -> None:
        """Give sockets back."""
        await self._tokens.close()

    async def report(self, name: str, prompts: Mapping[str, str]) -> tuple[Sequence[Row], Exchange]:
        """The rows of a custom report, which come all at once. Raises CallFailed."""
        query = urlencode({"format": "json", **prompts})
        path = f"/ccx/service/customreport2/{self._tenant}/{self._owner}/{name}?{query}"
        answer = await self._read(path)
        return as_agreed(
            lambda: listed(content_of(answer), "Report_Entry"), answer.exchange
        ), answer.exchange

    async def page(self, path: str, **query: Any) -> tuple[Row, Exchange]:
        """One page of a REST collection: `total`, and `data` with its rows. Raises CallFailed."""
        answer = await self._read(self._rest(path, query))
        return as_agreed(partial(content_of, answer), answer.exchange), answer.exchange

    async def collection(self, path: str, **query: Any) -> tuple[list[Row], Exchange]:
        """All rows of a REST collection, page after page. Raises CallFailed."""
        found: list[Row] = []
        while True:
            page, exchange = await self.page(path, **query, limit=LARGEST_PAGE, offset=len(found))
            rows = as_agreed(partial(listed, page, "data"), exchange)
            found += rows
            if not rows or len(found) >= as_agreed(partial(amount, page, "total"), exchange):
                return found, exchange

    def _rest(self, path: str, query: Mapping[str, Any]) -> str:
        service, _, rest = path.partition(":")
        return f"/ccx/api/{service}/{self._tenant}{rest}?{urlencode(query)}"

    async def _read(self, path: str) -> Answer:
        result = await self._tokens.send("GET", path)
        if isinstance(result, Verdict):
            raise CallFailed(result)
        if not isinstance(result, Answer):
            raise CallFailed(unanswered(result, writing=False))
        if result.status != 200 or not _is_own(result):
            raise CallFailed(verdict_of(result))
        return result


def content_of(answer: Answer) -> Row:
    """The object that was answered. Raises Drift."""
    try:
        return object_of(exact_json.decode(answer.body))
    except ValueError:
        raise Drift("it is not JSON") from None


def _is_own(answer: Answer) -> bool:
    try:
        return isinstance(exact_json.decode(answer.body), dict)
    except ValueError:
        return False


def _form(secrets: Mapping[str, str]) -> dict[str, str]:
    """A token request by the refresh token that an integration's API client is given for good."""
    return {
        "grant_type": "refresh_token",
        "client_id": secrets.get("client_id", ""),
        "client_secret": secrets.get("client_secret", ""),
        "refresh_token": secrets.get("refresh_token", ""),
    }
