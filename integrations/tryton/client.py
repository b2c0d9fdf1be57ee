"""One conversation with Tryton: signed in, in English, and honest about what was sent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from controltower.canonical.verdicts import (
    Exchange,
    Kind,
    Misconfigured,
    TryLater,
    Unavailable,
    Unknown,
    Verdict,
)
from integrations.connector import CallFailed, Connection
from integrations.http import Answer, HttpClient, NeverSent, NoAnswer, Result
from integrations.shape import Row, at, objects
from integrations.tryton import wire
from integrations.tryton.refusals import Refusal

DATABASE = "ctrl"
LANGUAGE = "en"
LOCKED = b"database is locked"
_HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}
_MISCONFIGURED = {
    400: (Kind.CONTRACT, "Tryton could not read the request."),
    401: (Kind.AUTH, "Tryton does not accept the session that it has just opened."),
    403: (Kind.PERMISSION, "Tryton forbids this call."),
    404: (Kind.CONTRACT, "Tryton has no such database."),
    413: (Kind.CONTRACT, "Tryton finds the request too large."),
    422: (Kind.CONTRACT, "Tryton could not make sense of the request."),
}
"""Answers that Tryton gives before it does anything."""
_sessions: dict[tuple[str, str], str] = {}
"""Authorization by address and user. A login costs Tryton 0.1 s of password hashing, and connectors
live only as long as one round of calls."""


class TrytonClient:
    """The connection: address, user, and a session that is opened when first needed."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._http = HttpClient(connection.base_url, connection.deadline)
        self._path = f"/{connection.options.get('database', DATABASE)}/rpc/"
        self._user = connection.secrets.get("user", "")
        self._signing_in = asyncio.Lock()

    async def close(self) -> None:
        """Give sockets back."""
        await self._http.close()

    def talk(self) -> Talk:
        """Begin one operation."""
        return Talk(self)

    async def authorization(self, stale: str = "") -> str:
        """The current session, opening one when there is none or the known one is `stale`.

        Raises CallFailed.
        """
        key = (self._connection.base_url, self._user)
        async with self._signing_in:
            known = _sessions.get(key, "")
            if not known or known == stale:
                known = _sessions[key] = await self._sign_in()
            return known

    async def _sign_in(self) -> str:
        parameters = {"password": self._connection.secrets.get("password", "")}
        question = wire.question("common.db.login", (self._user, parameters, LANGUAGE))
        result = await self.send(question, "", record_body=False)
        if isinstance(result, Answer) and result.status == 401:
            text = f"Tryton refused the user name or password of “{self._user}”."
            raise CallFailed(Misconfigured(kind=Kind.AUTH, text=text, exchange=result.exchange))
        user_id, token, *_ = _result(result, effect=False)
        return wire.session_header(self._user, user_id, token)

    async def send(self, body: str, authorization: str, *, record_body: bool = True) -> Result:
        """One HTTP exchange."""
        secret = {"Authorization": authorization} if authorization else {}
        return await self._http.send(
            "POST", self._path, body=body.encode(), headers=_HEADERS, secret_headers=secret,
            record_body=record_body,
        )  # fmt: skip


class Talk:
    """The calls of one operation. `exchange` shows the last one, or the last that had an effect;
    `effected` says that the effect is certain, so that no later failure may deny it."""

    def __init__(self, client: TrytonClient) -> None:
        self._client = client
        self._tried_effect = False
        self.exchange: Exchange | None = None
        self.effected = False

    async def ask(self, method: str, *params: Any) -> Any:
        """Call what may be repeated at will. Raises CallFailed, Refusal."""
        return await self._call(method, params, effect=False)

    async def do(self, method: str, *params: Any) -> Any:
        """Call with the operation's effect. Raises CallFailed (Unknown when it may have happened),
        Refusal."""
        result = await self._call(method, params, effect=True)
        self.effected = True
        return result

    async def rows(
        self, model: str, domain: list[Any], fields: list[str], company: int = 0, limit: int = 1000
    ) -> list[dict[str, Any]]:
        """Search and read, by id. Raises Drift."""
        order = [["id", "ASC"]]
        found = await self.ask(
            f"model.{model}.search_read", domain, 0, limit, order, fields, context(company)
        )
        return whole(found, fields)

    async def read(
        self, model: str, ids: Sequence[int], fields: list[str], company: int = 0
    ) -> list[dict[str, Any]]:
        """Read records by id; a missing one is a Refusal (not_found). Raises Drift."""
        return whole(await self.ask(f"model.{model}.read", ids, fields, context(company)), fields)

    def told(self, verdict: Verdict) -> Verdict:
        """The verdict with the exchange that led to it."""
        return verdict if verdict.exchange else replace(verdict, exchange=self.exchange)

    async def _call(self, method: str, params: tuple[Any, ...], *, effect: bool) -> Any:
        body = wire.question(method, params)
        authorization = await self._client.authorization()
        result = await self._client.send(body, authorization)
        if isinstance(result, Answer) and result.status == 401:
            authorization = await self._client.authorization(stale=authorization)
            result = await self._client.send(body, authorization)
        if effect or not self._tried_effect:
            self._tried_effect = self._tried_effect or effect
            self.exchange = result.exchange
        return _result(result, effect)


def whole(found: Any, fields: Sequence[str]) -> list[dict[str, Any]]:
    """Rows in which every field is there that was asked for. Raises Drift."""
    return [complete(row, fields) for row in objects(found)]


def complete(row: Row, fields: Sequence[str]) -> dict[str, Any]:
    """A row in which every field is there that was asked for. Raises Drift."""
    for field in fields:
        related = "." in field
        at(row, (field.partition(".")[0] + "." if related else field,))
    return dict(row)


def _result(result: Result, effect: bool) -> Any:
    """The `result` of a JSON-RPC answer. Raises CallFailed, Refusal."""
    if not isinstance(result, Answer) or result.status != 200:
        raise CallFailed(_failure(result, effect))
    try:
        document = wire.answer(result.body)
    except wire.NotTryton as error:
        text = f"Tryton's answer is not JSON-RPC: {error}"
        raise CallFailed(_doubtful(text, result, effect)) from None
    if "error" in document:
        raise Refusal.read(document["error"])
    return document["result"]


def _failure(result: Result, effect: bool) -> Verdict:
    """What a call without an answer in JSON-RPC means; HTTP's codes alone say little."""
    exchange = result.exchange
    if isinstance(result, NeverSent):
        return Unavailable(text=f"Tryton: {result.text}", exchange=exchange)
    if isinstance(result, NoAnswer):
        return _doubtful(f"Tryton: {result.text}", result, effect)
    if result.status in _MISCONFIGURED:
        kind, text = _MISCONFIGURED[result.status]
        return Misconfigured(kind=kind, text=text, exchange=exchange)
    if result.status == 429:
        text, after = "Tryton asks to slow down.", result.retry_after
        return TryLater(kind=Kind.RATE_LIMITED, text=text, after=after, exchange=exchange)
    if result.status == 503 and LOCKED in result.body:
        text = "Another user holds Tryton's database; nothing was written."
        return TryLater(kind=Kind.TRANSIENT, text=text, exchange=exchange)
    return _doubtful(f"Tryton answered HTTP {result.status}.", result, effect)


def _doubtful(text: str, result: Result, effect: bool) -> Verdict:
    """Sent, and no word of what came of it: that matters only when there was an effect to have."""
    if effect:
        return Unknown(text=text, exchange=result.exchange)
    return TryLater(kind=Kind.OUTAGE, text=text, exchange=result.exchange)


def context(company: int = 0) -> dict[str, Any]:
    """Tryton's context: English, and the company to act for."""
    return {"language": LANGUAGE} | ({"company": company} if company else {})
