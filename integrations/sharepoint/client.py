"""Signed-in calls to one document library, and looks at the monitors of its copies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from controltower.canonical.verdicts import Verdict
from integrations import exact_json
from integrations.answers import as_agreed, unanswered
from integrations.connector import CallFailed, Connection
from integrations.http import Answer, HttpClient
from integrations.oauth import entra_client
from integrations.shape import Drift, Row, listed, object_of, text
from integrations.sharepoint.refusals import verdict_of

SCOPE = "https://graph.microsoft.com/.default"
_FIELDS = "$expand=listItem($expand=fields)"
_SUCCESS = {200, 201, 202, 204}


class LibraryClient:
    """One drive over HTTP. Options: `drive` (its id), `monitor_url` (the firm's SharePoint host,
    where copies are watched, when that is not the API's own), `tenant`, `sign_in_url`."""

    def __init__(self, connection: Connection) -> None:
        options = connection.options
        drive = quote(str(options.get("drive") or "projects"), safe="")
        self._root = f"/v1.0/drives/{drive}"
        self._tokens = entra_client(connection, SCOPE)
        self._watched = str(options.get("monitor_url") or connection.base_url)
        self._monitors = HttpClient(self._watched, connection.deadline)

    async def close(self) -> None:
        """Give sockets back."""
        await self._tokens.close()
        await self._monitors.close()

    async def drive(self) -> Answer:
        """The library itself. Raises CallFailed."""
        return await self._call("GET", self._root)

    async def item(self, ref: str) -> Answer:
        """An item by its id. Raises CallFailed."""
        return await self._call("GET", f"{self._item(ref)}?{_FIELDS}")

    async def at(self, path: str) -> Answer:
        """An item by its path. Raises CallFailed."""
        return await self._call("GET", f"{self._root}/root:/{quote(path)}?{_FIELDS}")

    async def children(self, ref: str) -> list[Row]:
        """What is in a folder, page after page. Raises CallFailed."""
        target, found = f"{self._item(ref)}/children", list[Row]()
        while True:
            answer = await self._call("GET", target)
            content = as_agreed(lambda: content_of(answer), answer.exchange)  # noqa: B023
            found += as_agreed(lambda: listed(content, "value"), answer.exchange)  # noqa: B023
            if not content.get("@odata.nextLink"):
                return found
            target = as_agreed(lambda: _path_of(content), answer.exchange)  # noqa: B023

    async def copy(self, ref: str, parent: str, name: str) -> Answer:
        """Let an item be copied into a folder, under a name that is free there; the answer says
        where the copy is watched. Raises CallFailed."""
        target = f"{self._item(ref)}/copy?@microsoft.graph.conflictBehavior=fail"
        body = {"parentReference": {"id": parent}, "name": name}
        return await self._call("POST", target, body)

    async def entitle(self, ref: str, title: str) -> Answer:
        """Set the title column of an item. Raises CallFailed."""
        return await self._call("PATCH", f"{self._item(ref)}/listItem/fields", {"Title": title})

    async def progress(self, monitor: str) -> Answer | None:
        """How far a copy is; None where it cannot be watched: at another host, or no more. Its
        address is a secret by itself, and is asked without a token."""
        address = urlsplit(monitor)
        if f"{address.scheme}://{address.netloc}" != self._watched.rstrip("/"):
            return None
        result = await self._monitors.send("GET", f"{address.path}?{address.query}")
        known = isinstance(result, Answer) and result.status in {200, 202}
        return result if known and isinstance(result, Answer) else None

    async def _call(
        self, method: str, target: str, body: Mapping[str, Any] | None = None
    ) -> Answer:
        writing = method != "GET"
        result = await self._tokens.send(method, target, body)
        if isinstance(result, Verdict):
            raise CallFailed(result)
        if not isinstance(result, Answer):
            raise CallFailed(unanswered(result, writing=writing))
        if result.status not in _SUCCESS or (result.status < 202 and not _is_own(result)):
            raise CallFailed(verdict_of(result, writing=writing))
        return result

    def _item(self, ref: str) -> str:
        return f"{self._root}/items/{quote(ref, safe='')}"


def content_of(answer: Answer) -> Row:
    """The decoded body of a success. Raises Drift."""
    try:
        return object_of(exact_json.decode(answer.body))
    except ValueError:
        raise Drift("it is not JSON") from None


def _is_own(answer: Answer) -> bool:
    try:
        return isinstance(exact_json.decode(answer.body), dict)
    except ValueError:
        return False


def _path_of(content: Row) -> str:
    """The next page at our own host: nobody else is given our token. Raises Drift."""
    parts = urlsplit(text(content, ("@odata.nextLink",)))
    return f"{parts.path}?{parts.query}"
