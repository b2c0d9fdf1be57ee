"""Calls to one Slack workspace. The bot's token goes with every call, so no session ever ends."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from urllib.parse import urlencode

from controltower.canonical.verdicts import Verdict
from integrations import exact_json
from integrations.answers import as_agreed, unanswered
from integrations.connector import Connection
from integrations.http import Answer, HttpClient
from integrations.shape import Row, at, listed, object_of, text
from integrations.slack.refusals import is_success, verdict_of

API = "/api"
PAGE = 200


class SlackClient:
    """One workspace over HTTP. A call returns the vendor's answer, or the verdict without one."""

    def __init__(self, connection: Connection) -> None:
        self._http = HttpClient(connection.base_url, connection.deadline)
        self._authorization = f"Bearer {connection.secrets.get('bot_token', '')}"

    async def close(self) -> None:
        """Give sockets back."""
        await self._http.close()

    async def read(self, method: str, **query: str) -> Answer | Verdict:
        """Ask; an Answer is a success of the vendor's own."""
        return await self._call("GET", f"{method}?{urlencode(query)}")

    async def write(self, method: str, fields: Mapping[str, str]) -> Answer | Verdict:
        """Post a form; an Answer is a success of the vendor's own."""
        return await self._call("POST", method, urlencode(fields).encode())

    async def channels(self) -> list[Row] | Verdict:
        """Every channel that the bot may see, archived ones too: there is no look-up by name.
        Raises CallFailed when an answer is not shaped as agreed."""
        found, cursor = list[Row](), ""
        while True:
            answer = await self.read(
                "conversations.list",
                types="public_channel,private_channel",
                limit=str(PAGE),
                **({"cursor": cursor} if cursor else {}),
            )
            if not isinstance(answer, Answer):
                return answer
            rows, cursor = as_agreed(partial(_page, answer), answer.exchange)
            found += rows
            if not cursor:
                return found

    async def _call(self, verb: str, target: str, body: bytes | None = None) -> Answer | Verdict:
        writing = body is not None
        kind = {"Content-Type": "application/x-www-form-urlencoded"} if writing else {}
        result = await self._http.send(
            verb,
            f"{API}/{target}",
            body=body,
            headers={"Accept": "application/json", **kind},
            secret_headers={"Authorization": self._authorization},
        )
        if not isinstance(result, Answer):
            return unanswered(result, writing=writing)
        return result if is_success(result) else verdict_of(result, writing=writing)


def content_of(answer: Answer) -> Row:
    """The decoded body of a success."""
    return object_of(exact_json.decode(answer.body))


def _page(answer: Answer) -> tuple[list[Row], str]:
    """The channels of a page, and the cursor to the next one, "" at the end. Raises Drift."""
    content = content_of(answer)
    more = "response_metadata" in content and at(content, "response_metadata") is not None
    cursor = text(content, "response_metadata.next_cursor") if more else ""
    return list(listed(content, "channels")), cursor
