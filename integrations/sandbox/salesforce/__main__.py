"""Run the org: ``python -m integrations.sandbox.salesforce --port P --data FILE``."""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import signal
import sys
from pathlib import Path

from integrations.sandbox.control import Control
from integrations.sandbox.faults import Board
from integrations.sandbox.listener import Listener
from integrations.sandbox.page import Page
from integrations.sandbox.salesforce.life.firm_at_work import FirmAtWork
from integrations.sandbox.salesforce.life.orders import Orders
from integrations.sandbox.salesforce.life.pace import Pace
from integrations.sandbox.salesforce.life.settling import settle_in
from integrations.sandbox.salesforce.life.signing import Signing
from integrations.sandbox.salesforce.org import Org
from integrations.sandbox.salesforce.server import SalesforceServer
from integrations.sandbox.salesforce.store import Store
from integrations.sandbox.salesforce.streaming import KEEPALIVE, PubSub, StreamListener

_DOOR = re.compile(r"SANDBOX_(\w+)_CONTROL_URL")


def main() -> None:
    """Read the arguments and serve until told to stop."""
    parser = argparse.ArgumentParser(prog="sandbox-salesforce")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--control-port", type=int, required=True)
    parser.add_argument("--stream-port", type=int, help="serve the Pub/Sub API here")
    parser.add_argument("--keepalive", type=float, default=KEEPALIVE, help="of the streams, in s")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--pace", default="", help="start at this pace: pause, normal, busy, …")
    arguments = parser.parse_args()
    names = ("SANDBOX_SALESFORCE_CLIENT_ID", "SANDBOX_SALESFORCE_CLIENT_SECRET")
    client_id, client_secret = (os.environ.get(name, "") for name in names)
    if not (client_id and client_secret):
        sys.exit(f"{' and '.join(names)} must be set.")
    asyncio.run(serve(arguments, client_id, client_secret))


async def serve(arguments: argparse.Namespace, client_id: str, client_secret: str) -> None:
    """Serve the org, its control door and the firm's life."""
    store = Store(arguments.data)
    org = Org(store)
    board = Board(arguments.data)
    server = SalesforceServer(org, board, client_id, client_secret)
    chance = random.Random(arguments.seed)
    work = FirmAtWork(org, chance)
    pace = Pace(work, chance, _other_doors())
    if arguments.pace:
        pace.set_pace(arguments.pace)
    settle_in(work)
    orders = Orders(work, pace, lambda: (server.used, server.limit))
    control = Control("salesforce", "Salesforce and Certinia", board, orders)
    page = Page(control, _other_doors())
    page.mount(control.app)
    always_up = Board(Path(":memory:"))
    running = [
        asyncio.create_task(Listener(server.app, arguments.port, board).run()),
        asyncio.create_task(Listener(control.app, arguments.control_port, always_up).run()),
        asyncio.create_task(pace.run()),
    ]
    if arguments.stream_port:
        streams = PubSub(store.bus, server, board, arguments.keepalive)
        listener = StreamListener(streams, arguments.stream_port, board)
        running.append(asyncio.create_task(listener.run()))
    if contracts := _other_doors().get("docusign"):
        running.append(asyncio.create_task(Signing(org, pace, contracts).run()))
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, _stop, running)
    try:
        await asyncio.gather(*running)
    except asyncio.CancelledError:
        print("sandbox-salesforce: stopped")
    finally:
        await page.close()
        store.close()


def _other_doors() -> dict[str, str]:
    """The control doors of the firm's other systems: ``SANDBOX_<NAME>_CONTROL_URL``."""
    found = ((_DOOR.fullmatch(variable), url) for variable, url in sorted(os.environ.items()))
    return {match[1].lower(): url for match, url in found if match and match[1] != "TOWN"}


def _stop(running: list[asyncio.Task[None]]) -> None:
    for task in running:
        task.cancel()


if __name__ == "__main__":
    main()
