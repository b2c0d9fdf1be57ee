"""How Tryton's own refusals look on the wire, for faults that are ordered."""

from __future__ import annotations

import json

from aiohttp import web

from integrations.sandbox.faults import Fault

READS = frozenset({"read", "search", "search_read", "search_count", "get_preferences"})


class TrytonDialect:
    """JSON-RPC: refusals come with HTTP 200, and only their words tell them apart."""

    def operation(self, request: web.Request, body: bytes) -> str:
        """``sign in``, ``read account.invoice search_read``, ``write account.invoice post``."""
        method = str(_call(body).get("method", ""))
        if method == "common.db.login":
            return "sign in"
        _, _, rest = method.partition(".")
        model, _, verb = rest.rpartition(".")
        return f"{'read' if verb in READS else 'write'} {model} {verb}"

    def refuse(self, request: web.Request, fault: Fault) -> web.Response:
        """A UserError."""
        text = fault.text or "The record cannot be saved."
        return _answer({"error": ["UserError", [text, "", None]]})

    def quota(self, request: web.Request, fault: Fault) -> web.Response:
        """Tryton keeps no quota but that of log-ins, and then says 429."""
        return web.Response(status=429, text="This user has exceeded an allotted request count.")

    def auth_expired(self, request: web.Request) -> web.Response | None:
        """An empty 401, as Tryton gives for a session it does not know."""
        if "Authorization" not in request.headers:
            return None
        return web.Response(status=401)


def _call(body: bytes) -> dict[str, object]:
    try:
        call = json.loads(body)
    except ValueError:
        return {}
    return call if isinstance(call, dict) else {}


def _answer(content: dict[str, object]) -> web.Response:
    return web.json_response({"id": 1, **content})
