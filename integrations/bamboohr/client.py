"""Signed-in calls to one account. The API key goes with every call, so no session ever ends."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from controltower.canonical.verdicts import Verdict
from integrations import exact_json
from integrations.answers import unanswered
from integrations.bamboohr.refusals import complaint_in, verdict_of
from integrations.connector import Connection
from integrations.http import Answer, HttpClient

API = "/api/v1"


class BambooClient:
    """One account over HTTP. A call returns the vendor's answer, or the verdict without one."""

    def __init__(self, connection: Connection) -> None:
        self._http = HttpClient(connection.base_url, connection.deadline)
        key = connection.secrets.get("api_key", "")
        self._authorization = "Basic " + base64.b64encode(f"{key}:x".encode()).decode()

    async def close(self) -> None:
        """Give sockets back."""
        await self._http.close()

    async def read(self, path: str) -> Answer | Verdict:
        """GET `path` below the API root; an Answer is a success with JSON of the vendor's own."""
        result = await self._http.send(
            "GET",
            API + path,
            headers={"Accept": "application/json"},
            secret_headers={"Authorization": self._authorization},
        )
        if not isinstance(result, Answer):
            return unanswered(result, writing=False)
        if result.status != 200 or complaint_in(result):
            return verdict_of(result, writing=False)
        return result

    async def write(self, path: str, fields: Mapping[str, Any]) -> Answer | Verdict:
        """POST `fields` to `path`; an Answer is a success, which the vendor gives without a body.

        The content type is exactly this: with a charset the vendor reads the body as XML.
        """
        result = await self._http.send(
            "POST",
            API + path,
            body=exact_json.encode(fields).encode(),
            headers={"Accept": "application/json", "Content-Type": "application/json"},
            secret_headers={"Authorization": self._authorization},
        )
        if not isinstance(result, Answer):
            return unanswered(result, writing=True)
        if result.status not in {200, 201} or result.body:
            return verdict_of(result, writing=True)
        return result


def content_of(answer: Answer) -> Any:
    """The decoded body of a success."""
    return exact_json.decode(answer.body)
