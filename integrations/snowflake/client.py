"""Statements to one Snowflake account over its SQL API, each signed by our key."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from controltower.canonical.verdicts import Kind, Misconfigured, Verdict
from integrations import exact_json
from integrations.answers import unanswered
from integrations.connector import Connection
from integrations.http import Answer, HttpClient
from integrations.signed_tokens import Unusable
from integrations.snowflake.key_pair import token
from integrations.snowflake.refusals import is_own, verdict_of

STATEMENTS = "/api/v2/statements"
_PLACE = ("database", "schema", "warehouse", "role")
_RUNNING_AT_MOST = 60
"""Seconds that a statement may run before Snowflake cancels it."""


class SnowflakeClient:
    """One account over HTTP. A call returns the vendor's answer, or the verdict without one."""

    def __init__(self, connection: Connection) -> None:
        self._http = HttpClient(connection.base_url, connection.deadline)
        self._account = str(connection.options.get("account", "LARKFIELD"))
        self._user = str(connection.options.get("user", "TOWER"))
        self._key = connection.secrets.get("private_key", "")
        self._place = {
            name: str(connection.options[name]) for name in _PLACE if name in connection.options
        }

    async def close(self) -> None:
        """Give sockets back."""
        await self._http.close()

    async def read(self, statement: str, *values: str) -> Answer | Verdict:
        """The first partition of what a query finds."""
        return await self._run(statement, values, uuid.uuid4(), writing=False)

    async def partition(self, handle: str, number: int) -> Answer | Verdict:
        """A further partition of what a query has found."""
        return await self._call("GET", f"{STATEMENTS}/{handle}?partition={number}")

    async def write(
        self, statement: str, values: Sequence[str | None], request_id: uuid.UUID
    ) -> Answer | Verdict:
        """Run a statement once for that id, however often it is sent: an answer is what came of
        it, or a 202 while it runs."""
        return await self._run(statement, values, request_id, writing=True)

    async def _run(
        self, statement: str, values: Sequence[str | None], request_id: uuid.UUID, *, writing: bool
    ) -> Answer | Verdict:
        bindings = {
            str(number): {"type": "TEXT", "value": value}
            for number, value in enumerate(values, start=1)
        }
        body = {"statement": statement, "timeout": _RUNNING_AT_MOST, **self._place}
        if bindings:
            body["bindings"] = bindings
        retry = "&retry=true" if writing else ""
        target = f"{STATEMENTS}?requestId={request_id}{retry}"
        return await self._call("POST", target, body, writing=writing)

    async def _call(
        self,
        method: str,
        target: str,
        content: Mapping[str, Any] | None = None,
        *,
        writing: bool = False,
    ) -> Answer | Verdict:
        try:
            signed = token(self._account, self._user, self._key)
        except Unusable:
            text = "The private key for Snowflake is missing or is no RSA key. Nothing was sent."
            return Misconfigured(kind=Kind.AUTH, text=text)
        kind = {} if content is None else {"Content-Type": "application/json"}
        result = await self._http.send(
            method,
            target,
            body=None if content is None else exact_json.encode(content).encode(),
            headers={
                "Accept": "application/json",
                "User-Agent": "ControlTower/1.0",
                **kind,
            },
            secret_headers={
                "Authorization": f"Bearer {signed}",
                "X-Snowflake-Authorization-Token-Type": "KEYPAIR_JWT",
            },
        )
        if not isinstance(result, Answer):
            return unanswered(result, writing=writing)
        return result if is_own(result) else verdict_of(result, writing=writing)
