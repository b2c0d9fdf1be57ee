"""The control page: all sandbox systems, their faults and the firm's pace, in plain HTML forms."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, web

from integrations.sandbox.control import Control, Impossible, fault_of
from integrations.sandbox.firm import ENTITIES

_STYLE = Path(__file__).with_name("page.css")
_ACTION = re.compile(r"[a-z_]+")
_SILENT = "Its control door does not answer."
_POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'"


class Page:
    """Shows `control`'s own system and, by their control URLs, `others`."""

    def __init__(self, control: Control, others: Mapping[str, str]) -> None:
        self._control = control
        self._others = {name: url.rstrip("/") for name, url in others.items()}
        self._session: ClientSession | None = None

    def mount(self, app: web.Application) -> None:
        """Add the page's routes."""
        app.router.add_get("/", self._show)
        app.router.add_get("/page.css", self._style)
        app.router.add_post("/pace", self._pace)
        app.router.add_post("/actions", self._act)
        app.router.add_post("/systems/{system}/faults", self._order)
        app.router.add_post("/systems/{system}/cleared", self._clear)
        app.router.add_post("/systems/{system}/actions", self._act_elsewhere)

    async def close(self) -> None:
        """Give sockets back."""
        if self._session is not None:
            await self._session.close()

    async def _show(self, request: web.Request) -> web.Response:
        others = await asyncio.gather(*map(self._state, self._others))
        states = [self._control.state(), *others]
        return web.Response(
            text=document(states, request.query.get("said", "")),
            content_type="text/html",
            headers={"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"},
        )

    async def _state(self, name: str) -> dict[str, Any]:
        return await self._ask(name, "GET", "/api/state") or _unreachable(name)

    async def _style(self, request: web.Request) -> web.FileResponse:
        return web.FileResponse(_STYLE)

    async def _pace(self, request: web.Request) -> web.Response:
        form = await _form(request)
        if self._control.life is not None:
            self._control.life.set_pace(form.get("pace", ""))
        return _back()

    async def _act(self, request: web.Request) -> web.Response:
        form = await _form(request)
        if self._control.life is None:
            raise Impossible("this system has no life of its own")
        try:
            self._control.life.act(form.pop("action", ""), form)
        except Impossible as reason:
            return _back(f"That is not possible: {reason}.")
        return _back()

    async def _act_elsewhere(self, request: web.Request) -> web.Response:
        form = await _form(request)
        action = form.pop("action", "")
        if not _ACTION.fullmatch(action):
            return _back("That is not possible: no such verb.")
        try:
            done = await self._ask(
                request.match_info["system"], "POST", f"/api/actions/{action}", form
            )
        except Impossible as reason:
            return _back(f"That is not possible: {reason}.")
        return _back("" if done else _SILENT)

    async def _order(self, request: web.Request) -> web.Response:
        form = await _form(request)
        try:
            fault = fault_of(form)
        except Impossible as reason:
            return _back(f"That is not possible: {reason}.")
        if request.match_info["system"] == self._control.name:
            self._control.board.order(fault)
        elif await self._ask(request.match_info["system"], "POST", "/api/faults", form) is None:
            return _back(_SILENT)
        return _back()

    async def _clear(self, request: web.Request) -> web.Response:
        number = (await _form(request)).get("id", "")
        if request.match_info["system"] == self._control.name:
            self._control.board.clear(int(number) if number.isdecimal() else None)
        else:
            path = f"/api/faults/{number}" if number.isdecimal() else "/api/faults"
            await self._ask(request.match_info["system"], "DELETE", path)
        return _back()

    async def _ask(
        self, system: str, method: str, path: str, body: dict[str, str] | None = None
    ) -> dict[str, Any] | None:
        """Another control door; None when it does not answer. Raises Impossible on refusal."""
        if system not in self._others:
            raise Impossible(f"there is no system “{system}”")
        if self._session is None:
            timeout = ClientTimeout(total=3)
            self._session = ClientSession(timeout=timeout, cookie_jar=DummyCookieJar())
        try:
            async with self._session.request(
                method, self._others[system] + path, json=body
            ) as answer:
                content: dict[str, Any] = await answer.json()
        except (ClientError, TimeoutError, ValueError):
            return None
        if answer.status >= 400:
            raise Impossible(str(content.get("error", "the control door refused")))
        return content


def document(states: list[dict[str, Any]], said: str = "") -> str:
    """The whole page; `said` answers the last order."""
    answer = f"<p class='said' role='status'>{escape(said[:300])}</p>" if said else ""
    systems = "".join(_system(state) for state in states)
    life = next((_life(state["life"]) for state in states if state.get("life")), "")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<title>Sandbox control</title><link rel="stylesheet" href="/page.css"></head><body>'
        "<header><h1>Sandbox control</h1><p>Larkfield Advisory is pretend. Its systems do as told "
        f"here.</p></header><main>{answer}{life}<div class='systems'>{systems}</div></main>"
        "</body></html>"
    )


def _life(life: dict[str, Any]) -> str:
    paces = "".join(
        f"<button name='pace' value='{escape(pace)}'"
        f"{' aria-pressed=true' if pace == life['pace'] else ' aria-pressed=false'}>"
        f"{escape(pace.replace('_', ' ').capitalize())}</button>"
        for pace in life["paces"]
    )
    deeds = "".join(
        f"<button name='action' value='{action}'>{label}</button>"
        for action, label in (
            ("close_deal", "Win a deal"),
            ("approve_time", "Approve a week"),
            ("approve_expense", "Approve an expense"),
            ("approve_milestone", "Approve a milestone"),
        )
    )
    dirt = "".join(f"<option value='{k}'>{k.replace('_', ' ')}</option>" for k in life["dirt"])
    recent = "".join(
        f"<li><time>{escape(row['at'][11:19])}</time> {escape(row['what'])} "
        f"<span>{escape(_subject(row))}</span></li>"
        for row in life["recent"]
    )
    quota = life["quota"]
    return (
        "<section class='life'><h2>Life of the firm</h2>"
        f"<form method='post' action='/pace' class='paces'>{paces}</form>"
        f"<form method='post' action='/actions' class='deeds'>{deeds}</form>"
        "<form method='post' action='/actions' class='deeds'><input type='hidden' name='action' "
        f"value='dirty'><label>Dirt <select name='kind'>{dirt}</select></label>"
        "<button>Make it happen</button></form>"
        f"<p>{quota['used']:,} of {quota['limit']:,} calls used today.</p>"
        f"<ol>{recent or '<li>Nothing has happened yet.</li>'}</ol></section>"
    )


def _subject(row: dict[str, str]) -> str:
    return row.get("name") or row.get("number") or row.get("reason") or ""


def _system(state: dict[str, Any]) -> str:
    name = escape(str(state["name"]))
    faults = "".join(_fault(name, fault) for fault in state["faults"])
    kinds = "".join(
        f"<option value='{kind}'>{escape(kind.replace('_', ' '))}: {escape(meaning)}</option>"
        for kind, meaning in state["kinds"].items()
    )
    if not state["kinds"]:
        return (
            f"<section class='system'><h2>{escape(str(state['title']))} "
            "<span class='light down'>Silent</span></h2>"
            "<p>Its control door does not answer.</p></section>"
        )
    light = "down" if state["down"] else "faulty" if state["faults"] else "well"
    word = {"down": "Down", "faulty": "Faulty", "well": "Well"}[light]
    return (
        f"<section class='system'><h2>{escape(str(state['title']))} "
        f"<span class='light {light}'>{word}</span></h2>"
        f"<ul class='faults'>{faults or '<li>No faults ordered.</li>'}</ul>"
        f"<form method='post' action='/systems/{name}/faults' class='order'>"
        f"<label>Fault <select name='kind'>{kinds}</select></label>"
        "<label>Only for <input name='operation' placeholder='every call'></label>"
        "<label>Calls <input name='count' inputmode='numeric' placeholder='no limit'></label>"
        "<label>Seconds <input name='seconds' inputmode='numeric' placeholder='no limit'></label>"
        "<label>Delay in ms <input name='milliseconds' inputmode='numeric' placeholder='2000'>"
        "</label><label>Retry after (s) <input name='retry_after' inputmode='numeric' "
        "placeholder='not said'></label><label>Words <input name='text' "
        "placeholder='refusal in the vendor’s words'></label><button>Order</button></form>"
        f"<form method='post' action='/systems/{name}/cleared'><button class='quiet'>"
        f"Withdraw all</button></form>{_deeds(name, state)}</section>"
    )


def _deeds(name: str, state: dict[str, Any]) -> str:
    """What may be ordered to happen at a system that has no life of its own."""
    if name == "tryton":
        return _books(name)
    buttons = "".join(
        f"<button name='action' value='{escape(deed)}'>{escape(label)}</button>"
        for deed, label in state.get("deeds", {}).items()
    )
    action = f"/systems/{name}/actions"
    return (
        f"<form method='post' action='{action}' class='deeds'>{buttons}</form>" if buttons else ""
    )


def _books(name: str) -> str:
    """What an accountant may order of the ERP."""
    companies = "".join(f"<option>{entity.code}</option>" for entity in ENTITIES)
    return (
        f"<form method='post' action='/systems/{name}/actions' class='deeds'>"
        f"<label>Company <select name='company'>{companies}</select></label>"
        "<label>Month <input name='period' placeholder='2026-11' size='8'></label>"
        "<button name='action' value='close_period'>Close the period</button>"
        "<button name='action' value='reopen_period'>Reopen it</button></form>"
    )


def _fault(system: str, fault: dict[str, Any]) -> str:
    limits = [
        f"{fault['remaining']} calls left" if fault["remaining"] is not None else "",
        f"{fault['seconds_left']} s left" if fault["seconds_left"] is not None else "",
        f"only {fault['operation']}" if fault["operation"] else "",
    ]
    said = ", ".join(text for text in limits if text) or "until withdrawn"
    return (
        f"<li><strong>{escape(fault['kind'].replace('_', ' '))}</strong> {escape(said)}"
        f"<form method='post' action='/systems/{system}/cleared'>"
        f"<button name='id' value='{fault['id']}' class='quiet'>Withdraw</button></form></li>"
    )


def _unreachable(name: str) -> dict[str, Any]:
    return {"name": name, "title": name.capitalize(), "down": True, "faults": [], "kinds": {}}


def _back(said: str = "") -> web.Response:
    """To the page again, with an answer to the order when there is something to say."""
    where = f"/?{urlencode({'said': said})}" if said else "/"
    return web.Response(status=303, headers={"Location": where})


async def _form(request: web.Request) -> dict[str, str]:
    return {name: str(value) for name, value in (await request.post()).items()}
