"""Signed-in calls to a described system, and its lists page by page."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from controltower.canonical.verdicts import Kind, Misconfigured, Verdict
from integrations import exact_json
from integrations.answers import as_agreed, unanswered
from integrations.connector import CallFailed, Connection
from integrations.described import signing
from integrations.described.description import Description, Listing, Paging
from integrations.described.refusals import Refusals
from integrations.http import Answer, HttpClient, NeverSent, NoAnswer
from integrations.oauth import TokenClient, client_form
from integrations.shape import Drift, Row, at, objects

MOST_PAGES = 200
"""Of one list; what is longer needs a filter by time."""
_NEXT = re.compile(r'<([^<>]*)>\s*;[^,]*\brel="?next"?', re.IGNORECASE)


class DescribedClient:
    """One system over HTTP. A call returns its answer, or the verdict without one."""

    def __init__(self, connection: Connection, description: Description) -> None:
        self._connection, self._signs = connection, description.signs_in
        self._refusals = Refusals(description.title, description.errors)
        self._tokens: TokenClient | None = None
        if self._signs.by == "client_credentials":
            more = {"scope": self._signs.scope} if self._signs.scope else {}
            self._tokens = TokenClient(
                connection,
                self._signs.token_path,
                connection.secrets.get("client_id", ""),
                lambda: client_form(connection, **more),
            )
        self._http = HttpClient(connection.base_url, connection.deadline)
        self._host = urlsplit(connection.base_url).netloc
        self._media = description.media_type

    async def close(self) -> None:
        """Give sockets back."""
        await self._http.close()
        if self._tokens is not None:
            await self._tokens.close()

    async def read(self, path: str) -> Answer:
        """GET a path. Raises CallFailed for whatever is not a success with JSON."""
        result = await self._send("GET", path, None, {})
        verdict = self._verdict(result, writing=False)
        if verdict is not None:
            raise CallFailed(verdict)
        assert isinstance(result, Answer)
        return result

    async def write(
        self, method: str, path: str, fields: Mapping[str, Any], headers: Mapping[str, str]
    ) -> Answer | Verdict:
        """Send JSON; an Answer is a success."""
        result = await self._send(method, path, fields, headers)
        verdict = self._verdict(result, writing=True)
        if verdict is not None:
            return verdict
        assert isinstance(result, Answer)
        return result

    async def pages(self, listing: Listing, query: Mapping[str, str]) -> AsyncIterator[list[Row]]:
        """The rows of a list, page after page. Raises CallFailed."""
        target: str | None = _with(listing.path, {**query, **_first(listing.paging)})
        for number in range(1, MOST_PAGES + 1):
            if target is None:
                return
            rows, target = await self._page(listing, query, target, number)
            yield rows
        text = f"A list is longer than {MOST_PAGES} pages: nothing was taken from it."
        raise CallFailed(Misconfigured(kind=Kind.CONTRACT, text=text))

    async def _page(
        self, listing: Listing, query: Mapping[str, str], target: str, number: int
    ) -> tuple[list[Row], str | None]:
        """A page's rows, and where the next page is. Raises CallFailed."""
        answer = await self.read(target)

        def taken() -> tuple[list[Row], str | None]:
            rows = rows_of(answer, listing.items)
            return rows, self._next(listing, query, answer, number, len(rows))

        return as_agreed(taken, answer.exchange)

    def _next(
        self, listing: Listing, query: Mapping[str, str], answer: Answer, number: int, rows: int
    ) -> str | None:
        """Where the next page is; None after the last. Raises Drift."""
        paging = listing.paging
        full = rows >= paging.size
        match paging.by:
            case "page" if full:
                told = {paging.parameter: str(paging.first + number)}
            case "offset" if full:
                told = {paging.parameter: str(number * paging.size)}
            case "cursor" if cursor := self._pointer(answer, paging, full=full):
                told = {paging.parameter: cursor}
            case "url" if address := self._pointer(answer, paging, full=full):
                return self._own(address)
            case "link" if found := _NEXT.search(answer.headers.get("Link", "")):
                return self._own(found[1])
            case _:
                return None
        return _with(listing.path, {**query, **_size(paging), **told})

    @staticmethod
    def _pointer(answer: Answer, paging: Paging, *, full: bool) -> str:
        """What leads to the next page, "" after the last: a page that is not full may leave it
        out. Raises Drift."""
        try:
            found = at(_content(answer), paging.next)
        except Drift:
            if full:
                raise
            return ""
        return "" if found in (None, False) else str(found)

    def _own(self, address: str) -> str:
        """The path of a link, which must lead to the system itself. Raises Drift."""
        parts = urlsplit(address)
        if parts.netloc not in {"", self._host} or not parts.path.startswith("/"):
            raise Drift("the link to the next page leads to another host")
        return parts.path + (f"?{parts.query}" if parts.query else "")

    async def _send(
        self, method: str, path: str, fields: Mapping[str, Any] | None, headers: Mapping[str, str]
    ) -> Answer | NeverSent | NoAnswer | Verdict:
        kind = {} if fields is None else {"Content-Type": self._media}
        said = {"Accept": self._media, **kind, **headers}
        if self._tokens is not None:
            return await self._tokens.send(method, path, fields, said)
        body = None if fields is None else exact_json.encode(fields).encode()
        return await self._http.send(
            method,
            path,
            body=body,
            headers=said,
            secret_headers=signing.headers(
                self._signs,
                self._connection.secrets,
                datetime.now(UTC),
                method=method,
                path=urlsplit(self._connection.base_url).path.rstrip("/") + path,
                body=body,
            ),
            until=time.monotonic() + self._connection.deadline.total_seconds(),
        )

    def _verdict(
        self, result: Answer | NeverSent | NoAnswer | Verdict, *, writing: bool
    ) -> Verdict | None:
        if isinstance(result, Answer):
            return self._refusals.verdict(result, writing=writing)
        if isinstance(result, NeverSent | NoAnswer):
            return unanswered(result, writing=writing)
        return result


def filled(path: str, **values: str) -> str:
    """A path with its {id} or {key}."""
    for name, value in values.items():
        path = path.replace(f"{{{name}}}", quote(value, safe=""))
    return path


def content_at(answer: Answer, path: str) -> Any:
    """What stands at a path of an answer; the whole of it when the path is empty. Raises Drift."""
    try:
        content = exact_json.decode(answer.body)
    except ValueError:
        raise Drift("it is not JSON") from None
    return at(content, path) if path else content


def rows_of(answer: Answer, path: str) -> list[Row]:
    """The rows of a list's page. Raises Drift."""
    return list(objects(content_at(answer, path), path or "it"))


def _content(answer: Answer) -> Row:
    content = content_at(answer, "")
    if not isinstance(content, Mapping):
        raise Drift("it is not an object")
    return content


def _first(paging: Paging) -> dict[str, str]:
    start = {"page": str(paging.first), "offset": "0"}.get(paging.by)
    return _size(paging) | ({paging.parameter: start} if start is not None else {})


def _size(paging: Paging) -> dict[str, str]:
    return {paging.size_parameter: str(paging.size)} if paging.size_parameter else {}


def _with(path: str, query: Mapping[str, str]) -> str:
    if not query:
        return path
    return f"{path}{'&' if '?' in path else '?'}{urlencode(query)}"
