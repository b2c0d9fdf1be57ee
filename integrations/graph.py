"""Signed-in calls to Microsoft Graph, whichever of its products is spoken to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from controltower.canonical.verdicts import Kind, Misconfigured, Rejected, TryLater, Verdict
from integrations import exact_json
from integrations.answers import ALREADY_THERE, as_agreed, error_in, foreign, throttled, unanswered
from integrations.connector import CallFailed, Connection
from integrations.http import Answer
from integrations.oauth import entra_client
from integrations.shape import Drift, Row, listed, object_of, text

ROOT = "/v1.0"
SCOPE = "https://graph.microsoft.com/.default"
_SUCCESS = {200, 201, 202, 204}
_OURS = {
    401: Kind.AUTH,
    402: Kind.PERMISSION,
    403: Kind.PERMISSION,
    **dict.fromkeys((405, 406, 411, 413, 415, 501), Kind.CONTRACT),
}
_REFUSED = {
    400: Kind.VALIDATION,
    404: Kind.NOT_FOUND,
    409: Kind.DUPLICATE,
    410: Kind.NOT_FOUND,
    422: Kind.VALIDATION,
    507: Kind.VALIDATION,
}
_CHANGED = {412, 423}
_CHANGED_CODES = {"resourceModified", "Directory_ConcurrencyViolation"}
_BUSY = {"serviceNotAvailable", "activityLimitReached"}


class GraphClient:
    """Graph over HTTP, for the product called `title`. Options: those of `entra_client`."""

    def __init__(self, connection: Connection, title: str) -> None:
        self._tokens = entra_client(connection, SCOPE)
        self._title = title

    async def close(self) -> None:
        """Give sockets back."""
        await self._tokens.close()

    async def call(self, method: str, target: str, body: Mapping[str, Any] | None = None) -> Answer:
        """A success of Graph's own. Raises CallFailed with the verdict on anything else."""
        writing = method != "GET"
        result = await self._tokens.send(method, target, body)
        if isinstance(result, Verdict):
            raise CallFailed(result)
        if not isinstance(result, Answer):
            raise CallFailed(unanswered(result, writing=writing))
        if result.status not in _SUCCESS or (result.status < 202 and not _is_own(result)):
            raise CallFailed(verdict_of(result, title=self._title, writing=writing))
        return result

    async def rows(self, target: str) -> list[Row]:
        """A collection, page after page. Raises CallFailed."""
        found = list[Row]()
        while True:
            answer = await self.call("GET", target)
            content = as_agreed(lambda: content_of(answer), answer.exchange)  # noqa: B023
            found += as_agreed(lambda: listed(content, "value"), answer.exchange)  # noqa: B023
            if not content.get("@odata.nextLink"):
                return found
            target = as_agreed(lambda: _path_of(content), answer.exchange)  # noqa: B023


def verdict_of(answer: Answer, *, title: str, writing: bool) -> Verdict:
    """What an answer other than success came to. SharePoint also asks for a rest with a 503 or a
    509, in codes of its own."""
    code, words = error_in(answer)
    resting = answer.status == 503 and code in _BUSY and "Retry-After" in answer.headers
    if answer.status in {429, 509} or resting:
        return throttled(answer, title)
    if not code:
        text = f"The answer (HTTP {answer.status}) is not one of {title}’s own."
        return foreign(answer, text, writing=writing)
    words = words or f"{title} gives no reason."
    if kind := _OURS.get(answer.status):
        return Misconfigured(kind=kind, text=words, exchange=answer.exchange)
    if answer.status in _CHANGED or code in _CHANGED_CODES:
        text = f"Somebody works on this in {title} just now: {words}"
        return TryLater(kind=Kind.CONFLICT, text=text, exchange=answer.exchange)
    if kind := _REFUSED.get(answer.status):
        taken = answer.status == 400 and ALREADY_THERE.search(words)
        kind = Kind.DUPLICATE if taken else kind
        return Rejected(kind=kind, text=words, exchange=answer.exchange)
    return foreign(answer, words, writing=writing)


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
