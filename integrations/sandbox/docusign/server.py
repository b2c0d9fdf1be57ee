"""A pretend DocuSign account: envelopes by REST v2.1, and Connect's signed messages about them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from integrations import exact_json
from integrations.sandbox.control import Impossible
from integrations.sandbox.docusign import envelopes
from integrations.sandbox.faults import Fault
from integrations.sandbox.sign_in import Tokens, client_credentials, same
from integrations.sandbox.store import Document
from integrations.sandbox.vendor import Refused, Vendor

API = f"/restapi/v2.1/accounts/{envelopes.ACCOUNT}/envelopes"
_CONNECT = f"/restapi/v2.1/accounts/{envelopes.ACCOUNT}/connect"
_TOKEN = "/oauth/token"
_WHO = "/oauth/userinfo"
_KIND = "envelope"
_BESIDE, _TAKEN_AWAY = "10871", "tower taken away"
"""The tower's own configuration of Connect, and the setting that it is no more."""


class Server(Vendor):
    """Envelopes that were signed, and who is told of them."""

    name = "docusign"
    title = "DocuSign"
    deeds = {"sign": "Let a contract be signed"}

    def __init__(self, data: Path, credentials: Mapping[str, str]) -> None:
        super().__init__(data, credentials)
        known = client_credentials(credentials["integration_key"], credentials["secret_key"])
        self._tokens = Tokens(
            self.store,
            lambda form: (
                known(form) and same(form.get("refresh_token", ""), credentials["refresh_token"])
            ),
        )

    def routes(self, router: web.UrlDispatcher) -> None:
        """The part of the API that the connector uses."""
        router.add_post(_TOKEN, self._sign_in)
        router.add_get(_WHO, self._who)
        router.add_get(API, self._list)
        router.add_get(_CONNECT, self._configurations)
        router.add_get(f"{API}/{{id:[^/]*}}/custom_fields", self._custom_fields)
        router.add_get(f"{API}/{{id:.*}}", self._show)

    def furnish(self) -> None:
        """Nothing is signed before there is a deal."""

    def admits(self, request: web.Request) -> bool:
        """A token of ours, except where one is fetched."""
        return request.path == _TOKEN or self._tokens.holds(request)

    def stranger(self) -> web.Response:
        """401 with the words of the vendor."""
        return refusal("AUTHORIZATION_INVALID_TOKEN", "The access token has expired.", 401)

    def auth_expired(self, request: web.Request) -> web.Response | None:
        """End every session; the request then runs into it by itself."""
        self._tokens.forget()
        return None

    def operation(self, request: web.Request, body: bytes) -> str:
        """Fetching a token is neither a read nor a write."""
        return "sign in" if request.path == _TOKEN else super().operation(request, body)

    def refuse(self, request: web.Request, fault: Fault) -> web.Response:
        """A parameter that the account does not take."""
        return refusal("INVALID_REQUEST_PARAMETER", fault.text or "The request is not valid.")

    def quota(self, request: web.Request, fault: Fault) -> web.Response:
        """The hour's calls are used up: in a 400."""
        words = "The maximum number of hourly API invocations has been exceeded."
        return refusal("HOURLY_APIINVOCATION_LIMIT_EXCEEDED", words)

    async def act(self, name: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """``sign`` (custom fields by name, `subject`); ``decline`` the same, but declined;
        ``annotate`` (id): change what nobody reads; ``correct`` (id, custom fields by name), as an
        administrator may after all have signed; ``subscribe`` (url, and fields of Connect's
        configuration), ``unsubscribe`` (id); ``tell`` (body): sign and send any text; ``repeat``
        (id): tell of an envelope once more."""
        match name:
            case "sign" | "decline":
                ended = {"sign": "completed", "decline": "declined"}[name]
                content = {**envelopes.written(wanted), "status": ended}
                number = envelopes.number(self.store.next_number(_KIND))
                made = self.store.add(_KIND, content, number)
                await self._notify(made)
                return {"id": made.id}
            case "annotate":
                note = {"emailBlurb": "Kept in the archive."}
                return {"id": self.store.change(_KIND, self._chosen(wanted).id, note).id}
            case "correct":
                known = self._chosen(wanted)
                fields = {name: str(value) for name, value in wanted.items() if name != "id"}
                corrected = {"fields": {**known.content["fields"], **fields}}
                return {"id": self.store.change(_KIND, known.id, corrected).id}
            case "repeat":
                await self._notify(self._chosen(wanted))
                return {"id": str(wanted["id"])}
            case "subscribe":
                return {"id": self.store.add("listener", envelopes.listener(wanted)).id}
            case "unsubscribe":
                return self._unsubscribed(str(wanted["id"]))
        return await super().act(name, wanted)

    def _chosen(self, wanted: Mapping[str, Any]) -> Document:
        try:
            return self.store.get(_KIND, str(wanted.get("id")))
        except KeyError:
            raise Impossible(f"there is no envelope {wanted.get('id')}") from None

    async def _sign_in(self, request: web.Request) -> web.Response:
        return await self._tokens.give(request)

    async def _who(self, request: web.Request) -> web.Response:
        return answer(envelopes.signed_in(str(request.url.origin())))

    async def _configurations(self, request: web.Request) -> web.Response:
        found = self._listeners()
        return answer({"configurations": found, "totalRecords": str(len(found))})

    async def _list(self, request: web.Request) -> web.Response:
        query = request.query
        try:
            since = datetime.fromisoformat(query["from_date"])
            start, count = int(query.get("start_position", 0)), int(query.get("count", 100))
        except (KeyError, ValueError):
            words = "from_date must be a date, start_position and count numbers."
            raise Refused(refusal("INVALID_REQUEST_PARAMETER", words)) from None
        field, _, value = query.get("custom_field", "").partition("=")
        found = [
            envelopes.shown(one)
            for one in self.store.all(_KIND)
            if datetime.fromisoformat(one.content["statusChangedDateTime"]) >= since
            and query.get("status", one.content["status"]) == one.content["status"]
            and (not field or one.content["fields"].get(field) == value)
        ]
        page = found[start : start + count]
        content: dict[str, Any] = {
            "resultSetSize": str(len(page)),
            "startPosition": str(start),
            "endPosition": str(start + len(page) - 1),
            "totalSetSize": str(len(found)),
            "envelopes": page,
        }
        if start + len(page) < len(found):
            following = request.url.update_query(start_position=start + len(page))
            content["nextUri"] = following.path_qs.removeprefix(API.removesuffix("/envelopes"))
        return answer(content)

    async def _show(self, request: web.Request) -> web.Response:
        return answer(self._asked(request))

    async def _custom_fields(self, request: web.Request) -> web.Response:
        return answer(self._asked(request)["customFields"])

    def _asked(self, request: web.Request) -> dict[str, Any]:
        """The envelope that a path names. Raises Refused."""
        try:
            return envelopes.shown(self.store.get(_KIND, request.match_info["id"]))
        except KeyError:
            words = "The envelope you have requested does not exist."
            raise Refused(refusal("ENVELOPE_DOES_NOT_EXIST", words, 404)) from None

    async def _notify(self, envelope: Document) -> None:
        raw = exact_json.encode(envelopes.message(envelope)).encode()
        headers = signatures(raw, self.credentials["hmac_key"])
        for one in self._listeners():
            if one["allowEnvelopePublish"] == "true":
                await self.tell(one["urlToPublishTo"], raw, headers)

    def _listeners(self) -> list[dict[str, Any]]:
        """Connect's configurations: who subscribed, and the tower beside this sandbox, at its
        address of today, until somebody takes that away."""
        tower = os.environ.get("CONTROLTOWER_URL")
        kept = {one.id: one.content for one in self.store.all("listener")}
        if tower and not self.store.setting(_TAKEN_AWAY):
            kept[_BESIDE] = envelopes.listener({"url": f"{tower}/inbound/{self.name}/"})
        return [{"connectId": number, **content} for number, content in kept.items()]

    def _unsubscribed(self, number: str) -> dict[str, Any]:
        if number == _BESIDE:
            self.store.set(_TAKEN_AWAY, "yes")
        else:
            self.store.remove("listener", number)
        return {"id": number}


def signatures(raw: bytes, *keys: str) -> dict[str, str]:
    """The headers of a Connect message: one signature for each key of the account."""
    made = {
        f"X-DocuSign-Signature-{number}": base64.b64encode(
            hmac.digest(key.encode(), raw, hashlib.sha256)
        ).decode()
        for number, key in enumerate(keys, start=1)
    }
    return {"Content-Type": "application/json; charset=utf-8", **made}


def answer(content: Any, status: int = 200) -> web.Response:
    """JSON, as the vendor sends it."""
    text = exact_json.encode(content)
    return web.Response(status=status, text=text, content_type="application/json")


def refusal(code: str, words: str, status: int = 400) -> web.Response:
    """An error in the vendor's form."""
    return answer({"errorCode": code, "message": words}, status)
