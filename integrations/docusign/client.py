"""Signed-in reads of one account's envelopes. A read comes back as rows; else its verdict is
raised."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from urllib.parse import quote, urlencode

from controltower.canonical.verdicts import Verdict
from integrations import exact_json
from integrations.answers import as_agreed, unanswered
from integrations.connector import CallFailed, Connection
from integrations.docusign.refusals import verdict_of
from integrations.http import Answer
from integrations.oauth import TokenClient
from integrations.shape import Row, listed, object_of

PAGE = 100


class DocuSignClient:
    """One account over HTTP. Options: `account_id`, and `sign_in_url` (the account server, which
    is another host than the API's)."""

    def __init__(self, connection: Connection) -> None:
        options = connection.options
        account = quote(str(options.get("account_id") or "larkfield"), safe="")
        host = str(options.get("sign_in_url") or "").rstrip("/")
        self._account = f"/restapi/v2.1/accounts/{account}"
        self._root = f"{self._account}/envelopes"
        secrets = connection.secrets
        self._tokens = TokenClient(
            connection,
            f"{host}/oauth/token",
            secrets.get("integration_key", ""),
            lambda: {
                "grant_type": "refresh_token",
                "client_id": secrets.get("integration_key", ""),
                "client_secret": secrets.get("secret_key", ""),
                "refresh_token": secrets.get("refresh_token", ""),
            },
        )

    async def close(self) -> None:
        """Give sockets back."""
        await self._tokens.close()

    async def envelope(self, ref: str) -> Answer | Verdict:
        """One envelope with its custom fields; an Answer is a success."""
        return await self._read(f"{self._root}/{quote(ref, safe='')}?include=custom_fields")

    async def configurations(self) -> Answer:
        """Whom Connect tells what, for administrators of the account. Raises CallFailed."""
        return _there(await self._read(f"{self._account}/connect"))

    async def page(self, query: Mapping[str, str], start: int = 0, count: int = PAGE) -> Answer:
        """One page of a list of envelopes. Raises CallFailed."""
        asked = urlencode(
            {
                **query,
                "include": "custom_fields",
                "order_by": "status_changed",
                "order": "asc",
                "start_position": str(start),
                "count": str(count),
            }
        )
        return _there(await self._read(f"{self._root}?{asked}"))

    async def envelopes(self, query: Mapping[str, str]) -> list[Row]:
        """Every envelope of a list, page after page. Raises CallFailed."""
        found = list[Row]()
        while True:
            answer = await self.page(query, len(found), PAGE)
            rows = as_agreed(partial(rows_of, answer), answer.exchange)
            found += rows
            if len(rows) < PAGE:
                return found

    async def _read(self, target: str) -> Answer | Verdict:
        result = await self._tokens.send("GET", target)
        if isinstance(result, Verdict):
            return result
        if not isinstance(result, Answer):
            return unanswered(result, writing=False)
        return result if _is_own(result) else verdict_of(result)


def _there(answer: Answer | Verdict) -> Answer:
    if not isinstance(answer, Answer):
        raise CallFailed(answer)
    return answer


def row_of(answer: Answer) -> Row:
    """The decoded body of a success. Raises Drift."""
    return object_of(exact_json.decode(answer.body))


def rows_of(answer: Answer) -> list[Row]:
    """The envelopes of a page. Raises Drift."""
    return list(listed(row_of(answer), "envelopes"))


def _is_own(answer: Answer) -> bool:
    try:
        exact_json.decode(answer.body)
    except ValueError:
        return False
    return answer.status == 200
