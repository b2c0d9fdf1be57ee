"""Everything of the sandbox ERP in one process: trytond, the fault proxy before it, its control."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from integrations.sandbox.control import Control, Impossible
from integrations.sandbox.faults import Board, middleware
from integrations.sandbox.listener import Listener
from integrations.sandbox.tryton import books, template
from integrations.sandbox.tryton.clients import Clients
from integrations.sandbox.tryton.console import Console
from integrations.sandbox.tryton.counter import Counter
from integrations.sandbox.tryton.daemon import Trytond
from integrations.sandbox.tryton.dialect import TrytonDialect
from integrations.sandbox.tryton.ledger import Ledger

LARGEST_REQUEST = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the ERP lives and who may sign in. Port 0 of `control_port` means no control door;
    `paid_after` 0 that no client ever pays by itself (seconds)."""

    port: int
    data: Path
    environment: Path
    user: str
    password: str
    control_port: int = 0
    paid_after: float = 0.0


class Erp:
    """A running sandbox ERP."""

    def __init__(self, settings: Settings, daemon: Trytond, console: Console) -> None:
        self.settings = settings
        self.daemon = daemon
        self.board = Board(settings.data / "faults.sqlite")
        self.ledger = Ledger(console)

    async def serve(self) -> None:
        """Answer on both ports and keep trytond alive, until cancelled. Raises OSError when a port
        is taken."""
        app = web.Application(
            middlewares=[middleware(self.board, TrytonDialect())], client_max_size=LARGEST_REQUEST
        )
        counter = Counter(self.daemon.base_url)
        app.router.add_route("*", "/{path:.*}", counter)
        app.on_cleanup.append(counter.close)
        chores = [Listener(app, self.settings.port, self.board).run(), self.daemon.keep_alive()]
        if self.settings.paid_after:
            chores.append(Clients(self.ledger, counter, self.settings.paid_after).live())
        if self.settings.control_port:
            control = ErpControl(self.board, self.ledger, self.daemon).app
            always_up = Board(self.settings.data / "control.sqlite")
            chores.append(Listener(control, self.settings.control_port, always_up).run())
        tasks = [asyncio.create_task(chore) for chore in chores]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


class ErpControl(Control):
    """The control door with an accountant's verbs and the books themselves beside the faults.

    ``POST /api/actions/close_period|reopen_period {company, period}`` ·
    ``POST /api/actions/switch_tax {company, code, active}`` ·
    ``POST /api/actions/pay_invoice {number, date?}`` · ``POST /api/actions/crash`` ·
    ``POST /api/actions/change_customer {code, name?, vat_number?, payment_term?, …}`` ·
    ``POST /api/actions/book_revenue {company, project, period, amount, date}`` ·
    ``GET /api/books/invoices?company=&reference=&type=`` · ``GET /api/books/customers?code=`` ·
    ``GET /api/books/totals`` ·
    ``GET /api/books/revenue?company=&project=`` · ``GET /api/books/periods`` (those not open).
    """

    def __init__(self, board: Board, ledger: Ledger, daemon: Trytond) -> None:
        super().__init__("tryton", "Tryton ERP", board)
        self._ledger = ledger
        self._daemon = daemon

    async def _act(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name == "crash":
            self._daemon.crash()
            return web.json_response({"crashed": True}, status=201)
        try:
            wanted = await request.json() if request.can_read_body else {}
        except ValueError:
            raise Impossible("the body is not JSON") from None
        return web.json_response(await self._ledger.act(name, wanted), status=201)

    async def books(self, kind: str, query: Mapping[str, str]) -> list[dict[str, Any]]:
        """As the accountant reads them."""
        company = query.get("company", "")
        match kind:
            case "invoices":
                side = "in" if query.get("type") == "in" else "out"
                return await self._ledger.invoices(company, query.get("reference", ""), side)
            case "revenue":
                return await self._ledger.revenue(company, query.get("project", ""))
            case "customers":
                return await self._ledger.customers(query.get("code", ""))
            case "totals":
                return await self._ledger.totals()
            case "periods":
                return await self._ledger.periods()
        raise Impossible("the ERP keeps invoices, revenue, customers, totals and periods")


@contextlib.asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Erp]:
    """Furnish and start trytond; it has ended when the block is left. Raises Unusable, NotReady."""
    await template.furnish(settings.environment, settings.data)
    daemon = Trytond(settings.environment, settings.data)
    try:
        await daemon.start()
        async with Console(daemon.base_url) as console:
            password = template.administrator_password(settings.data)
            await console.login(template.ADMINISTRATOR, password)
            await books.enrol_tower(console, settings.user, settings.password)
            yield Erp(settings, daemon, console)
    finally:
        await daemon.stop()
