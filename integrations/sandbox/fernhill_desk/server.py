"""Fernhill Desk, an invented CRM: the kind of system that is connected without code.

A key in `X-Desk-Key`; deals and accounts in `data`; lists from `updated_since` on, oldest first,
with a cursor; accounts are created under a reference of the caller's; refusals as
`{"fault": {"name", "words"}}`; messages signed with HMAC-SHA256 over `<timestamp>.<body>`.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from aiohttp import web

from integrations import exact_json
from integrations.sandbox import firm
from integrations.sandbox.control import Impossible
from integrations.sandbox.faults import Fault
from integrations.sandbox.sign_in import same
from integrations.sandbox.store import Document
from integrations.sandbox.vendor import Refused, Vendor

API = "/v2"
PAGE = 50
_KINDS = {"deals": "deal", "accounts": "account"}
_CURRENCIES = {entity.code: entity.currency for entity in firm.ENTITIES}


class Server(Vendor):
    """Deals and accounts, and messages about them."""

    name = "fernhill_desk"
    title = "Fernhill Desk"
    deeds = {"win_deal": "Win a deal"}

    def routes(self, router: web.UrlDispatcher) -> None:
        """The whole API."""
        router.add_get(f"{API}/ping", self._ping)
        router.add_get(f"{API}/{{kind:deals|accounts}}", self._list)
        router.add_put(f"{API}/accounts/by-ref/{{ref}}", self._put)
        router.add_get(f"{API}/{{kind:deals|accounts}}/{{id}}", self._get)
        router.add_patch(f"{API}/{{kind:deals|accounts}}/{{id}}", self._update)

    def furnish(self) -> None:
        """A few of the firm's clients."""
        for client in firm.CLIENTS[:6]:
            self.store.add(
                "account",
                {
                    "label": client.name,
                    "house": client.entity,
                    "street": client.street,
                    "postcode": client.postal_code,
                    "town": client.city,
                    "country_code": client.country,
                    "vat": client.vat_number or None,
                    "money": _CURRENCIES[client.entity],
                    "ledger_no": None,
                    "external_ref": None,
                },
            )

    def admits(self, request: web.Request) -> bool:
        """The key is in a header."""
        return same(request.headers.get("X-Desk-Key", ""), self.credentials["api_key"])

    def stranger(self) -> web.Response:
        """401 with a reason."""
        return fault(401, "unknown_key", "This key opens nothing.")

    def refuse(self, request: web.Request, fault_: Fault) -> web.Response:
        """A value that the desk does not take."""
        return fault(422, "bad_value", fault_.text or "A value is not acceptable.")

    def quota(self, request: web.Request, fault_: Fault) -> web.Response:
        """The day's calls are used up, which the desk says with 403."""
        return fault(403, "day_spent", "The day's calls are used up.")

    async def act(self, name: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """``import_account`` (id of another system, fields), ``win_deal`` (account and fields),
        ``draft_deal``, ``touch`` (kind, id) and ``subscribe`` (url)."""
        match name:
            case "subscribe":
                return {"id": self.store.add("hook", {"url": str(wanted["url"])}).id}
            case "win_deal" | "draft_deal":
                stage = "Won" if name == "win_deal" else "Talking"
                made = self.store.add("deal", self._deal(stage, dict(wanted)))
                await self._tell("deal.changed", made)
                return {"id": made.id}
            case "import_account":
                blank = dict.fromkeys(self.store.all("account")[0].content)
                fields = {name: value for name, value in wanted.items() if name != "id"}
                return {"id": self.store.add("account", blank | fields, str(wanted["id"])).id}
            case "touch":
                try:
                    changed = self.store.change(str(wanted["kind"]), str(wanted["id"]), {})
                except KeyError:
                    raise Impossible("there is no such record") from None
                return {"id": changed.id}
        return await super().act(name, wanted)

    def _deal(self, stage: str, wanted: dict[str, Any]) -> dict[str, Any]:
        try:
            account = self.store.get("account", str(wanted.pop("account", "1")))
        except KeyError:
            raise Impossible("there is no such account") from None
        return {
            "label": f"Advisory {self.store.next_number('advisory')}",
            "stage": stage,
            "account": {"id": account.id, "label": account.content["label"]},
            "house": account.content["house"],
            "value": {"amount": "18400.00", "money": account.content["money"]},
            "closed_on": datetime.now(UTC).date().isoformat(),
            "terms": "hourly",
            "project_ref": None,
            "ledger_no": None,
            **wanted,
        }

    async def _ping(self, _request: web.Request) -> web.Response:
        return answer({"data": {"pong": True}})

    async def _list(self, request: web.Request) -> web.Response:
        kind = _KINDS[request.match_info["kind"]]
        since = request.query.get("updated_since", "2000-01-01T00:00:00Z")
        try:
            moment = datetime.fromisoformat(since)
            start = int(request.query.get("after", "0"))
        except ValueError:
            raise Refused(fault(400, "bad_query", "A query value cannot be read.")) from None
        found = [one for one in self.store.since(kind, datetime.min.replace(tzinfo=UTC))
                 if one.changed >= moment]  # fmt: skip
        if ref := request.query.get("external_ref"):
            found = [one for one in found if one.content["external_ref"] == ref]
        page = found[start : start + PAGE]
        more = start + PAGE < len(found)
        next_ = str(start + PAGE) if more else None
        return answer({"data": [shown(one) for one in page], "paging": {"next": next_}})

    async def _get(self, request: web.Request) -> web.Response:
        return answer({"data": shown(self._document(request))})

    async def _put(self, request: web.Request) -> web.Response:
        """Create an account under a reference, or change the one that has it."""
        ref, fields = request.match_info["ref"], await body(request)
        if not fields.get("label"):
            raise Refused(fault(422, "bad_value", "An account needs a label."))
        blank = dict.fromkeys(self.store.all("account")[0].content)
        known = self.store.all("account", external_ref=ref)
        if known:
            return answer({"data": shown(self.store.change("account", known[0].id, fields))})
        made = self.store.add("account", blank | fields | {"external_ref": ref})
        return answer({"data": shown(made)}, 201)

    async def _update(self, request: web.Request) -> web.Response:
        document, fields = self._document(request), await body(request)
        unknown = sorted(set(fields) - set(document.content))
        if unknown:
            raise Refused(fault(422, "bad_value", f"There is no field {unknown[0]}."))
        changed = self.store.change(document.kind, document.id, fields)
        if changed.kind == "deal":
            await self._tell("deal.changed", changed)
        return answer({"data": shown(changed)})

    def _document(self, request: web.Request) -> Document:
        try:
            return self.store.get(_KINDS[request.match_info["kind"]], request.match_info["id"])
        except KeyError:
            raise Refused(fault(404, "record_gone", "No such record.")) from None

    async def _tell(self, kind: str, document: Document) -> None:
        raw = exact_json.encode({"kind": kind, "data": shown(document)}).encode()
        for hook in self.store.all("hook"):
            headers = signed(raw, self.credentials["webhook_key"])
            await self.tell(str(hook.content["url"]), raw, headers)


def signed(raw: bytes, key: str, name: str = "") -> dict[str, str]:
    """The headers of a message."""
    stamp = str(int(time.time()))
    digest = hmac.new(key.encode(), f"{stamp}.".encode() + raw, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json",
        "X-Desk-Delivery": name or f"{time.time_ns()}",
        "X-Desk-Time": stamp,
        "X-Desk-Signature": f"sha256={digest}",
    }


def shown(document: Document) -> dict[str, Any]:
    """A record with its id and when it was changed."""
    stamp = document.changed.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return {"id": document.id, "updated_at": stamp, **document.content}


def answer(content: Any, status: int = 200) -> web.Response:
    """JSON."""
    text = exact_json.encode(content)
    return web.Response(status=status, text=text, content_type="application/json")


def fault(status: int, name: str, words: str) -> web.Response:
    """A refusal, as the desk says it."""
    return answer({"fault": {"name": name, "words": words}}, status)


async def body(request: web.Request) -> dict[str, Any]:
    """The JSON object that was sent."""
    try:
        content = exact_json.decode(await request.read())
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise Refused(fault(400, "bad_body", "The body is no JSON object."))
    return {name: str(v) if isinstance(v, Decimal) else v for name, v in content.items()}
