"""Signed-in calls to one account. The token goes with every call and does not end by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from controltower.canonical.verdicts import Verdict
from integrations import exact_json
from integrations.answers import as_agreed, unanswered
from integrations.connector import CallFailed, Connection
from integrations.http import Answer, HttpClient
from integrations.kantata.envelope import Envelope
from integrations.kantata.refusals import is_own, verdict_of

API = "/api/v1"
VENDORS_PAGE = 200


class KantataClient:
    """One account over HTTP. A call returns the vendor's answer, or the verdict without one."""

    def __init__(self, connection: Connection) -> None:
        self._http = HttpClient(connection.base_url, connection.deadline)
        self._token = connection.secrets.get("token", "")

    async def close(self) -> None:
        """Give sockets back."""
        await self._http.close()

    async def read(self, path: str, **query: str) -> Answer | Verdict:
        """GET `path` below the API root; an Answer is a success with JSON of the vendor's own."""
        return await self._call("GET", f"{path}?{urlencode(query)}" if query else path)

    async def write(self, method: str, path: str, fields: Mapping[str, Any]) -> Answer | Verdict:
        """POST or PUT to `path`; an Answer is a success with the record as it is now."""
        return await self._call(method, path, exact_json.encode(fields).encode())

    async def page(self, collection: str, number: int = 1, **query: str) -> Envelope:
        """One page of a collection. Raises CallFailed."""
        size = query.pop("per_page", str(VENDORS_PAGE))
        answer = await self.read(f"/{collection}", page=str(number), per_page=size, **query)
        if not isinstance(answer, Answer):
            raise CallFailed(answer)
        return as_agreed(lambda: Envelope.read(answer), answer.exchange)

    async def all(self, collection: str, **query: str) -> Envelope:
        """Every page of a collection as one. Raises CallFailed."""
        number = 1
        found = await self.page(collection, number, **query)
        while number < found.pages:
            number += 1
            found = found.with_more(await self.page(collection, number, **query))
        return found

    async def _call(self, method: str, path: str, body: bytes | None = None) -> Answer | Verdict:
        kind = {} if body is None else {"Content-Type": "application/json"}
        result = await self._http.send(
            method,
            API + path,
            body=body,
            headers={"Accept": "application/json", **kind},
            secret_headers={"Authorization": f"Bearer {self._token}"},
        )
        writing = body is not None
        if not isinstance(result, Answer):
            return unanswered(result, writing=writing)
        return result if is_own(result) else verdict_of(result, writing=writing)
