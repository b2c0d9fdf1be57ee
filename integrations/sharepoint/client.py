"""Signed-in calls to one document library, and looks at the monitors of its copies."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from integrations.connector import Connection
from integrations.graph import ROOT, GraphClient
from integrations.http import Answer, HttpClient
from integrations.shape import Row

_FIELDS = "$expand=listItem($expand=fields)"


class LibraryClient:
    """One drive over HTTP. Options: `drive` (its id), `monitor_url` (the firm's SharePoint host,
    where copies are watched, when that is not the API's own), `tenant`, `sign_in_url`."""

    def __init__(self, connection: Connection) -> None:
        options = connection.options
        drive = quote(str(options.get("drive") or "projects"), safe="")
        self._root = f"{ROOT}/drives/{drive}"
        self._graph = GraphClient(connection, "SharePoint")
        self._watched = str(options.get("monitor_url") or connection.base_url)
        self._monitors = HttpClient(self._watched, connection.deadline)

    async def close(self) -> None:
        """Give sockets back."""
        await self._graph.close()
        await self._monitors.close()

    async def drive(self) -> Answer:
        """The library itself. Raises CallFailed."""
        return await self._graph.call("GET", self._root)

    async def item(self, ref: str) -> Answer:
        """An item by its id. Raises CallFailed."""
        return await self._graph.call("GET", f"{self._item(ref)}?{_FIELDS}")

    async def at(self, path: str) -> Answer:
        """An item by its path. Raises CallFailed."""
        return await self._graph.call("GET", f"{self._root}/root:/{quote(path)}?{_FIELDS}")

    async def children(self, ref: str) -> list[Row]:
        """What is in a folder, page after page. Raises CallFailed."""
        return await self._graph.rows(f"{self._item(ref)}/children")

    async def copy(self, ref: str, parent: str, name: str) -> Answer:
        """Let an item be copied into a folder, under a name that is free there; the answer says
        where the copy is watched. Raises CallFailed."""
        target = f"{self._item(ref)}/copy?@microsoft.graph.conflictBehavior=fail"
        body = {"parentReference": {"id": parent}, "name": name}
        return await self._graph.call("POST", target, body)

    async def entitle(self, ref: str, title: str) -> Answer:
        """Set the title column of an item. Raises CallFailed."""
        return await self._graph.call(
            "PATCH", f"{self._item(ref)}/listItem/fields", {"Title": title}
        )

    async def progress(self, monitor: str) -> Answer | None:
        """How far a copy is; None where it cannot be watched: at another host, or no more. Its
        address is a secret by itself, and is asked without a token."""
        address = urlsplit(monitor)
        if f"{address.scheme}://{address.netloc}" != self._watched.rstrip("/"):
            return None
        result = await self._monitors.send("GET", f"{address.path}?{address.query}")
        known = isinstance(result, Answer) and result.status in {200, 202}
        return result if known and isinstance(result, Answer) else None

    def _item(self, ref: str) -> str:
        return f"{self._root}/items/{quote(ref, safe='')}"
