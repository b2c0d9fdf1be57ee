"""Several pretend vendors in one process: ``python -m integrations.sandbox.town --data DIR``.

A folder beside this file with a ``system.toml`` is one of them; it says which credentials the
vendor accepts, and its module ``server`` holds the class ``Server``. Ports come from
``SANDBOX_<NAME>_URL`` and credentials from ``SANDBOX_<NAME>_<CREDENTIAL>``. All control doors stand
behind one port, each below its system's name.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import os
import signal
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from integrations.sandbox.faults import Board
from integrations.sandbox.listener import Listener
from integrations.sandbox.vendor import Counterpart

ROOM = Path(__file__).parent


class Unset(Exception):
    """Something that a vendor needs is not in the environment; the text names it."""


def names() -> list[str]:
    """The vendors of the town."""
    return sorted(file.parent.name for file in ROOM.glob("*/system.toml"))


def credentials_of(name: str) -> list[str]:
    """Which credentials a vendor accepts, in upper case."""
    declared = tomllib.loads((ROOM / name / "system.toml").read_text(encoding="utf-8"))
    return list(declared["credentials"])


def vendor(name: str, data: Path, environment: Mapping[str, str]) -> Counterpart:
    """A vendor with its data and credentials. Raises Unset."""
    credentials = {
        credential.lower(): _given(environment, f"SANDBOX_{name.upper()}_{credential}")
        for credential in credentials_of(name)
    }
    server: type[Counterpart] = importlib.import_module(
        f"integrations.sandbox.{name}.server"
    ).Server
    return server(data, credentials)


def main() -> None:
    """Read the arguments and serve until told to stop."""
    parser = argparse.ArgumentParser(prog="sandbox-town")
    parser.add_argument("--control-port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--system", action="append", choices=names(), help="only these")
    parser.add_argument("--paid-after", type=float, default=0.0, help="seconds; 0: never")
    arguments = parser.parse_args()
    try:
        vendors = {
            name: (vendor(name, arguments.data, os.environ), _port(name))
            for name in arguments.system or names()
        }
    except Unset as problem:
        sys.exit(f"{problem} is not set.")
    for one, _ in vendors.values():
        one.paid_after = arguments.paid_after
    asyncio.run(serve(list(vendors.values()), arguments.control_port))


async def serve(vendors: Sequence[tuple[Counterpart, int]], control_port: int) -> None:
    """Serve the vendors on their ports, and their control doors, until told to stop."""
    doors = web.Application()
    for one, _ in vendors:
        doors.add_subapp(f"/{one.name}", one.control.app)
    chores = [one.serve(port) for one, port in vendors]
    chores.append(Listener(doors, control_port, Board(Path(":memory:"))).run())
    running = [asyncio.create_task(chore) for chore in chores]
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop, running)
    try:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*running)
    finally:
        _stop(running)
        await asyncio.gather(*running, return_exceptions=True)
        for one, _ in vendors:
            await one.close()


def _stop(running: Sequence[asyncio.Task[None]]) -> None:
    for task in running:
        task.cancel()


def _port(name: str) -> int:
    return urlsplit(_given(os.environ, f"SANDBOX_{name.upper()}_URL")).port or 80


def _given(environment: Mapping[str, str], variable: str) -> str:
    found = environment.get(variable, "")
    if not found:
        raise Unset(variable)
    return found


if __name__ == "__main__":
    main()
