"""Signed-in calls to one Power BI workspace; whatever is no success is raised with its verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from controltower.canonical.verdicts import Exchange, Verdict
from integrations import exact_json
from integrations.answers import as_agreed, unanswered
from integrations.connector import CallFailed, Connection
from integrations.http import Answer
from integrations.oauth import entra_client
from integrations.power_bi.refusals import verdict_of
from integrations.shape import Row, listed, object_of

SCOPE = "https://analysis.windows.net/powerbi/api/.default"
MOST_REMEMBERED = 60
"""Refreshes of a dataset that Power BI keeps in its history."""


class PowerBiClient:
    """One workspace over HTTP. Options: `workspace` (its id; without it, the user's own), and those
    of the sign-in."""

    def __init__(self, connection: Connection) -> None:
        workspace = quote(str(connection.options.get("workspace") or ""), safe="")
        self._root = "/v1.0/myorg" + (f"/groups/{workspace}" if workspace else "")
        self._tokens = entra_client(connection, SCOPE)

    async def close(self) -> None:
        """Give sockets back."""
        await self._tokens.close()

    async def datasets(self) -> Exchange:
        """Ask for the workspace's datasets. Raises CallFailed."""
        return (await self._call("GET", "/datasets", success=200)).exchange

    async def history(self, dataset: str) -> tuple[Sequence[Row], Exchange]:
        """The refreshes of a dataset, in any order. Raises CallFailed."""
        target = f"{_refreshes(dataset)}?$top={MOST_REMEMBERED}"
        answer = await self._call("GET", target, success=200)
        return as_agreed(lambda: _rows(answer), answer.exchange), answer.exchange

    async def refresh(self, dataset: str) -> Exchange:
        """Order a refresh, which is done later. Raises CallFailed."""
        body = {"notifyOption": "NoNotification"}
        return (await self._call("POST", _refreshes(dataset), body, success=202)).exchange

    async def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, success: int
    ) -> Answer:
        writing = body is not None
        result = await self._tokens.send(method, self._root + path, body)
        if isinstance(result, Verdict):
            raise CallFailed(result)
        if not isinstance(result, Answer):
            raise CallFailed(unanswered(result, writing=writing))
        if result.status != success or not (writing or _is_own(result)):
            raise CallFailed(verdict_of(result, writing=writing))
        return result


def _refreshes(dataset: str) -> str:
    return f"/datasets/{quote(dataset, safe='')}/refreshes"


def _is_own(answer: Answer) -> bool:
    try:
        return isinstance(exact_json.decode(answer.body), dict)
    except ValueError:
        return False


def _rows(answer: Answer) -> Sequence[Row]:
    return listed(object_of(exact_json.decode(answer.body)), "value")
