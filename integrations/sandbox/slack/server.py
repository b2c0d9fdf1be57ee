"""A pretend Slack workspace: channels and messages, as its Web API's OpenAPI file describes them.

An error is an HTTP 200 with ``{"ok": false, "error": …}``; only throttling has a status of its own.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web
from aiohttp.typedefs import Handler

from integrations import exact_json
from integrations.sandbox.control import Impossible
from integrations.sandbox.faults import Fault
from integrations.sandbox.sign_in import same
from integrations.sandbox.store import Document
from integrations.sandbox.vendor import Refused, Vendor

API = "/api"
_NAME = re.compile(r"[a-z0-9_-]+")
_LONGEST_NAME, _LONGEST_PURPOSE, _LONGEST_TEXT = 80, 250, 40_000
_BOT = "U0TOWER"
_ASKING = (
    "api.test", "auth.test", "conversations.list", "conversations.info", "conversations.history",
    "conversations.members",
)  # fmt: skip
Arguments = Mapping[str, str]


class Server(Vendor):
    """Channels, their purposes, and what is said in them."""

    name = "slack"
    title = "Slack"

    def routes(self, router: web.UrlDispatcher) -> None:
        """The part of the Web API that the connector uses; all methods take GET and POST."""
        methods = {
            "api.test": self._ping,
            "auth.test": self._test,
            "conversations.list": self._list,
            "conversations.info": self._info,
            "conversations.create": self._create,
            "conversations.setPurpose": self._purpose,
            "conversations.setTopic": self._topic,
            "conversations.join": self._join,
            "conversations.members": self._members,
            "conversations.history": self._history,
            "conversations.archive": self._archive,
            "chat.postMessage": self._post,
        }
        for name, method in methods.items():
            router.add_route("*", f"{API}/{name}", _called(method))

    def furnish(self) -> None:
        """The channel that every workspace has."""
        self._opened("general", is_general=True)

    def admits(self, request: web.Request) -> bool:
        """The bot's token in the header."""
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        return scheme == "Bearer" and same(given, self.credentials["bot_token"])

    def stranger(self) -> web.Response:
        """Not a 401: the vendor says it in a 200."""
        return refusal("invalid_auth")

    def refuse(self, request: web.Request, fault: Fault) -> web.Response:
        """A refusal with words of the workspace's own."""
        return refusal("invalid_name", fault.text or "The name is not allowed here.")

    def quota(self, request: web.Request, fault: Fault) -> web.Response:
        """What some methods say instead of a 429."""
        return refusal("ratelimited")

    def operation(self, request: web.Request, body: bytes) -> str:
        """What only asks is no write, however it is sent."""
        path = request.path
        return f"read {path}" if path.endswith(_ASKING) else super().operation(request, body)

    def nowhere(self, request: web.Request, problem: web.HTTPException) -> web.Response:
        """A method that there is not."""
        return refusal("unknown_method")

    async def act(self, name: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """``take_name`` (name): somebody opens a private channel that the bot may not see;
        ``archive`` (id)."""
        if name == "take_name":
            return {"id": self._opened(str(wanted["name"]), hidden=True).id}
        if name == "archive":
            try:
                return {"id": self.store.change("channel", wanted["id"], {"archived": True}).id}
            except KeyError:
                raise Impossible(f"there is no channel {wanted['id']}") from None
        return await super().act(name, wanted)

    def _opened(self, name: str, **more: Any) -> Document:
        number = f"C{self.store.next_number('channel'):09d}"
        return self.store.add("channel", {"name": name, "purpose": "", "set": 0, **more}, number)

    async def _ping(self, given: Arguments) -> web.Response:
        return answer(args=dict(given))

    async def _test(self, _given: Arguments) -> web.Response:
        about = {"url": "https://larkfield.slack.com/", "team": "Larkfield", "team_id": "T0LARK"}
        return answer(**about, user="tower", user_id=_BOT, bot_id="B0TOWER")

    async def _list(self, query: Arguments) -> web.Response:
        try:
            limit, offset = int(query.get("limit", "100")), int(query.get("cursor") or "0")
        except ValueError:
            raise Refused(refusal("invalid_cursor")) from None
        seen = [one for one in self.store.all("channel") if not one.content.get("hidden")]
        page = seen[offset : offset + limit]
        following = str(offset + limit) if offset + limit < len(seen) else ""
        return answer(
            channels=[_shown(one) for one in page], response_metadata={"next_cursor": following}
        )

    async def _info(self, given: Arguments) -> web.Response:
        return answer(channel=_shown(self._channel(given.get("channel", ""))))

    async def _create(self, given: Arguments) -> web.Response:
        name = given.get("name", "")
        if not name:
            raise Refused(refusal("invalid_name_required"))
        if len(name) > _LONGEST_NAME:
            raise Refused(refusal("invalid_name_maxlength"))
        if not _NAME.fullmatch(name):
            raise Refused(refusal("invalid_name_specials"))
        if self.store.all("channel", name=name):
            raise Refused(refusal("name_taken"))
        return answer(channel=_shown(self._opened(name)))

    async def _purpose(self, form: Arguments) -> web.Response:
        channel = self._open_channel(form)
        if len(form.get("purpose", "")) > _LONGEST_PURPOSE:
            raise Refused(refusal("too_long"))
        fields = {"purpose": form.get("purpose", ""), "set": round(datetime.now(UTC).timestamp())}
        return answer(channel=_shown(self.store.change("channel", channel.id, fields)))

    async def _topic(self, form: Arguments) -> web.Response:
        fields = {"topic": form.get("topic", "")[:_LONGEST_PURPOSE]}
        return answer(
            channel=_shown(self.store.change("channel", self._open_channel(form).id, fields))
        )

    async def _join(self, form: Arguments) -> web.Response:
        channel = _shown(self._open_channel(form))
        return answer(channel=channel, warning="already_in_channel")

    async def _members(self, given: Arguments) -> web.Response:
        self._channel(given.get("channel", ""))
        return answer(members=[_BOT], response_metadata={"next_cursor": ""})

    async def _history(self, given: Arguments) -> web.Response:
        channel = self._channel(given.get("channel", ""))
        said = self.store.all("message", channel=channel.id)
        limit = int(given.get("limit", "100"))
        newest = [_said(one) for one in reversed(said[-limit:])]
        return answer(messages=newest, has_more=len(said) > limit, pin_count=0)

    async def _archive(self, form: Arguments) -> web.Response:
        channel = self._channel(form.get("channel", ""))
        if channel.content.get("is_general"):
            raise Refused(refusal("cant_archive_general"))
        if channel.content.get("archived"):
            raise Refused(refusal("already_archived"))
        self.store.change("channel", channel.id, {"archived": True})
        return answer()

    async def _post(self, form: Arguments) -> web.Response:
        channel, text = self._open_channel(form), form.get("text", "")
        if not text:
            raise Refused(refusal("no_text"))
        if len(text) > _LONGEST_TEXT:
            raise Refused(refusal("msg_too_long"))
        made = self.store.add("message", {"channel": channel.id, "text": text})
        message = _said(made)
        return answer(channel=channel.id, ts=message["ts"], message=message)

    def _open_channel(self, form: Arguments) -> Document:
        channel = self._channel(form.get("channel", ""))
        if channel.content.get("archived"):
            raise Refused(refusal("is_archived"))
        return channel

    def _channel(self, number: str) -> Document:
        try:
            channel = self.store.get("channel", number)
        except KeyError:
            channel = None
        if channel is None or channel.content.get("hidden"):
            raise Refused(refusal("channel_not_found"))
        return channel


def answer(**content: Any) -> web.Response:
    """A success, as the vendor sends it."""
    text = exact_json.encode({"ok": True, **content})
    return web.Response(text=text, content_type="application/json")


def refusal(code: str, detail: str = "") -> web.Response:
    """An error, which is a 200 too."""
    content = {"ok": False, "error": code} | ({"detail": detail} if detail else {})
    return web.Response(text=exact_json.encode(content), content_type="application/json")


def _said(message: Document) -> dict[str, Any]:
    """A message on the wire; its time is its id."""
    stamp = f"{message.created.timestamp():.6f}"
    return {"type": "message", "text": message.content["text"], "ts": stamp, "user": _BOT}


def _shown(channel: Document) -> dict[str, Any]:
    """A channel on the wire; three signs of its purpose are written as entities."""
    content = channel.content
    purpose = content["purpose"].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    never = dict.fromkeys(
        (
            "is_group", "is_im", "is_mpim", "is_org_shared", "is_private", "is_shared",
        ),
        False,
    )  # fmt: skip
    return never | {
        "id": channel.id,
        "name": content["name"],
        "name_normalized": content["name"],
        "created": round(channel.created.timestamp()),
        "creator": _BOT,
        "is_archived": bool(content.get("archived")),
        "is_channel": True,
        "is_general": bool(content.get("is_general")),
        "topic": {"value": content.get("topic", ""), "creator": "", "last_set": 0},
        "purpose": {
            "value": purpose,
            "creator": _BOT if content["set"] else "",
            "last_set": content["set"],
        },
    }


def _called(method: Callable[[Arguments], Awaitable[web.Response]]) -> Handler:
    """With its arguments, which may stand in the address, in a form or in JSON."""

    async def called(request: web.Request) -> web.StreamResponse:
        raw = await request.text()
        if request.content_type == "application/json":
            content = exact_json.decode(raw) if raw else {}
            given = {name: str(value) for name, value in content.items()}
        else:
            given = dict(parse_qsl(raw, keep_blank_values=True))
        return await method({**request.query, **given})

    return called
