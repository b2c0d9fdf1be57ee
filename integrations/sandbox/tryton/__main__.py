"""``python -m integrations.sandbox.tryton --port P --data DIR --sandbox-env DIR``.

The tower's sign-in is taken from SANDBOX_TRYTON_USER and SANDBOX_TRYTON_PASSWORD.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

from integrations.sandbox.tryton.daemon import NotReady
from integrations.sandbox.tryton.server import Settings, running
from integrations.sandbox.tryton.template import Unusable


def main() -> int:
    """Serve until a signal; 0 after a clean stop, 1 with one sentence otherwise."""
    try:
        asyncio.run(_serve(_settings()))
    except (Unusable, NotReady) as problem:
        print(problem, file=sys.stderr)
        return 1
    except OSError as refused:
        print(f"The sandbox ERP cannot run: {refused}", file=sys.stderr)
        return 1
    return 0


def _settings() -> Settings:
    parser = argparse.ArgumentParser(prog="python -m integrations.sandbox.tryton")
    parser.add_argument("--port", type=int, required=True, help="where the ERP answers")
    parser.add_argument("--data", type=Path, required=True, help="where its database lives")
    parser.add_argument("--sandbox-env", type=Path, required=True, help="where Tryton is installed")
    parser.add_argument("--control-port", type=int, default=0, help="faults, verbs and books")
    parser.add_argument("--paid-after", type=float, default=0.0, help="seconds; 0: never")
    given = parser.parse_args()
    user = os.environ.get("SANDBOX_TRYTON_USER", "tower")
    password = os.environ.get("SANDBOX_TRYTON_PASSWORD", "")
    if not password:
        parser.error("SANDBOX_TRYTON_PASSWORD is not set")
    data, environment = given.data.resolve(), given.sandbox_env.resolve()
    doors = (given.control_port, given.paid_after)
    return Settings(given.port, data, environment, user, password, *doors)


async def _serve(settings: Settings) -> None:
    async with running(settings) as erp:
        serving = asyncio.create_task(erp.serve())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, serving.cancel)
        print(f"Tryton answers on http://127.0.0.1:{settings.port}", flush=True)
        try:
            await serving
        except asyncio.CancelledError:
            print("Tryton stops", flush=True)


if __name__ == "__main__":
    sys.exit(main())
