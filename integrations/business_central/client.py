"""Signed-in calls to one environment. A read comes back as rows, a write as the vendor's answer;
whatever else comes is raised with its verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from controltower.canonical.verdicts import Exchange, Verdict
from integrations import exact_json
from integrations.answers import as_agreed, unanswered
from integrations.business_central.refusals import verdict_of
from integrations.connector import CallFailed, Connection
from integrations.http import Answer
from integrations.oauth import entra_client
from integrations.shape import Drift, Row, listed, object_of, text

API_VERSION = "v1.0"
PERIODS_VERSION = "v2.0"
"""The older interface has no accounting periods."""
SCOPE = "https://api.businesscentral.dynamics.com/.default"
LARGEST_PAGE = 20_000
MOST_IN_A_BATCH = 100
_NEXT = ("@odata.nextLink",)
_SUCCESS = {200, 201, 204}


class CentralClient:
    """One environment over HTTP. Options: `environment`, `tenant`, `sign_in_url`, `page_size`."""

    def __init__(self, connection: Connection) -> None:
        options = connection.options
        environment = quote(str(options.get("environment") or "production"), safe="")
        self._root = f"/v2.0/{environment}/api"
        self._page = min(int(options.get("page_size") or LARGEST_PAGE), LARGEST_PAGE)
        self._tokens = entra_client(connection, SCOPE)

    async def close(self) -> None:
        """Give sockets back."""
        await self._tokens.close()

    async def one(self, path: str) -> tuple[Row, Exchange]:
        """One entity. Raises CallFailed."""
        answer = await self._read(self._target(path))
        return _content(answer), answer.exchange

    async def rows(
        self, path: str, query: Mapping[str, str], version: str = API_VERSION
    ) -> tuple[Sequence[Row], Exchange]:
        """All entities of a collection, page after page. Raises CallFailed."""
        pairs = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
        target = self._target(path, version) + (f"?{pairs}" if pairs else "")
        found: list[Row] = []
        while True:
            answer = await self._read(target)
            content = _content(answer)
            found += as_agreed(lambda: listed(content, "value"), answer.exchange)  # noqa: B023
            if not content.get(_NEXT[0]):
                return found, answer.exchange
            target = as_agreed(lambda: _path_of(text(content, _NEXT)), answer.exchange)  # noqa: B023

    async def write(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, etag: str = ""
    ) -> Answer:
        """Change something; with `etag` only that version of it. Raises CallFailed."""
        expected = {"If-Match": etag} if etag else {}
        result = await self._tokens.send(method, self._target(path), body, expected)
        return _success(result, writing=True)

    async def batch(self, operations: Sequence[tuple[str, str, Any, str]]) -> Answer:
        """Several changes, each (method, path, body, etag), of which all or none happen. Raises
        CallFailed, with the verdict of the one that was refused."""
        asked = [
            {
                "id": str(number),
                "method": method,
                "url": path.lstrip("/"),
                "headers": {"Content-Type": "application/json"} | _expected(etag),
                **({} if body is None else {"body": body}),
            }
            for number, (method, path, body, etag) in enumerate(operations, start=1)
        ]
        whole = {"Isolation": "snapshot"}
        target = self._target("/$batch")
        result = await self._tokens.send("POST", target, {"requests": asked}, whole)
        answer = _success(result, writing=True)
        try:
            refused = _refused_in(answer)
        except Drift as drift:
            raise CallFailed(drift.doubt(answer.exchange)) from None
        if refused is not None:
            raise CallFailed(verdict_of(refused, writing=True))
        return answer

    async def _read(self, target: str) -> Answer:
        pages = {"Prefer": f"odata.maxpagesize={self._page}"}
        return _success(await self._tokens.send("GET", target, headers=pages), writing=False)

    def _target(self, path: str, version: str = API_VERSION) -> str:
        return f"{self._root}/{version}{path}"


def literal(value: str) -> str:
    """Text as a literal of a filter."""
    return "'" + value.replace("'", "''") + "'"


def any_of(member: str, values: Sequence[str]) -> str:
    """A filter: the member has one of these values."""
    return " or ".join(f"{member} eq {literal(value)}" for value in values)


def decoded(answer: Answer) -> Row:
    """The entity that a write was answered with. Raises Drift."""
    try:
        return object_of(exact_json.decode(answer.body))
    except ValueError:
        raise Drift("it is not JSON") from None


def _success(result: Any, *, writing: bool) -> Answer:
    """The answer, when it is a success of the vendor's own. Raises CallFailed."""
    if isinstance(result, Verdict):
        raise CallFailed(result)
    if not isinstance(result, Answer):
        raise CallFailed(unanswered(result, writing=writing))
    if result.status not in _SUCCESS or (result.status != 204 and not _is_own(result)):
        raise CallFailed(verdict_of(result, writing=writing))
    return result


def _is_own(answer: Answer) -> bool:
    try:
        return isinstance(exact_json.decode(answer.body), dict)
    except ValueError:
        return False


def _content(answer: Answer) -> Row:
    return as_agreed(lambda: decoded(answer), answer.exchange)


def _expected(etag: str) -> dict[str, str]:
    return {"If-Match": etag} if etag else {}


def _path_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def _refused_in(answer: Answer) -> Answer | None:
    """The answer of the first operation of a batch that failed; with it none has happened."""
    for part in listed(decoded(answer), "responses"):
        status = part.get("status")
        if not isinstance(status, int):
            raise Drift("“responses status” is not a number")
        if status not in _SUCCESS:
            body = exact_json.encode(part.get("body")).encode()
            return Answer(status, part.get("headers") or {}, body, answer.exchange)
    return None
