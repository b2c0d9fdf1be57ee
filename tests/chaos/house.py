"""A whole tower of its own: bin/up as everybody starts it, its upstreams behind hostile proxies.

The upstreams and one more worker, whose clock may be wrong, are our own children, begun again by
the same rules as the supervisor's. Everything lies below one directory and is removed at the end.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import random
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO, Any

from controltower.supervisor.child import Child, identity_of
from controltower.supervisor.home import REPOSITORY, free_port, port_answers, read_json
from controltower.supervisor.plan import spawner, web_answers
from tests.chaos.proxy import HostileProxy
from tests.chaos.schedule import LATE_WORKERS
from tests.servers import prepare_home

SANDBOX = REPOSITORY / ".venv" / "sandbox"
NOT_OURS = {
    "DATABASE_URL", "DATABASE_OWNER_URL", "CONTROLTOWER_DATABASE_ROLE", "REDIS_URL", "SECRET_KEY",
    "DJANGO_SETTINGS_MODULE",
}  # fmt: skip
"""What another tower or test session may have left in our environment."""
LATENCY = 0.4
"""Seconds: a blow must find calls under way, as it would with vendors far away."""
FIRST_START = 180.0
CRM, ERP = "sandbox CRM and PSA", "sandbox ERP"


class CannotStart(Exception):
    """The tower to be broken did not come up; the text is what it said last."""


class House:
    """One tower, its upstreams, its proxies; `directory` holds all of it."""

    def __init__(self, directory: Path, seed: int, first_port: int) -> None:
        self.directory = directory
        self.home = directory / "tower"
        taken: list[int] = []
        for number in range(7):
            taken.append(free_port(first_port + number, taken))
        self.port, self._crm, self._erp, crm_proxy, erp_proxy, *controls = taken
        self.crm_control, self.erp_control = controls
        self.proxies = {
            "crm": HostileProxy(crm_proxy, self._crm, random.Random(f"crm {seed}"), LATENCY),
            "erp": HostileProxy(erp_proxy, self._erp, random.Random(f"erp {seed}"), LATENCY),
        }
        self.credentials = {
            "SANDBOX_SALESFORCE_CLIENT_ID": f"chaos-{secrets.token_hex(8)}",
            "SANDBOX_SALESFORCE_CLIENT_SECRET": secrets.token_urlsafe(24),
            "SANDBOX_TRYTON_USER": "tower",
            "SANDBOX_TRYTON_PASSWORD": secrets.token_urlsafe(24),
            "SANDBOX_WEBHOOK_SECRET": "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode(),
        }
        self.environment: dict[str, str] = {}
        self.children: dict[str, Child] = {}
        self.jumps = dict.fromkeys(LATE_WORKERS, 0)

    @property
    def crm(self) -> str:
        """The org itself, past its proxy: for its own books."""
        return f"http://127.0.0.1:{self._crm}"

    async def start(self) -> None:
        """Begin everything and wait until it is up. Raises CannotStart with the last words."""
        outside = {key: value for key, value in os.environ.items() if key not in NOT_OURS}
        self.environment = outside | self.credentials
        for proxy in self.proxies.values():
            await proxy.open()
        for child in self._upstreams():
            self._begin(child)
        await self._until(lambda: all(child.ready for child in self.children.values()))
        self.environment |= {
            "SANDBOX_SALESFORCE_URL": f"http://127.0.0.1:{self.proxies['crm'].port}",
            "SANDBOX_TRYTON_URL": f"http://127.0.0.1:{self.proxies['erp'].port}",
        }
        prepare_home(self.home)
        await asyncio.to_thread(self._up)
        self.environment |= read_json(self.home / "environment.json")
        for name in LATE_WORKERS:
            self._begin(Child(name, 0, partial(self._spawn_worker, name), self._log(name)))

    async def watch(self) -> None:
        """Begin our children again when they end, until cancelled."""
        while True:
            await self._look()
            await asyncio.sleep(0.1)

    async def stop(self) -> None:
        """End everything and remove every trace."""
        for proxy in self.proxies.values():
            await proxy.close()
        await asyncio.to_thread(self._down)
        shutil.rmtree(self.directory, ignore_errors=True)

    def pid(self, name: str) -> int | None:
        """The process of that name now, if it runs."""
        if name in self.children:
            process = self.children[name].process
            return process.pid if process else None
        for facts in read_json(self.home / "state.json").get("processes", []):
            if facts["name"] == name and facts["pid"]:
                return int(facts["pid"]) if identity_of(facts["pid"]) else None
        return None

    def signal(self, name: str, number: signal.Signals) -> bool:
        """Send a signal; whether there was somebody to receive it."""
        pid = self.pid(name)
        if pid is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
            return True
        return False

    def set_clock(self, name: str, jump: int) -> bool:
        """Give a late worker another clock: it is killed and begins again with that."""
        self.jumps[name] = jump
        return self.signal(name, signal.SIGKILL)

    def set_weather(self, share: float) -> None:
        """How many exchanges with an upstream go badly while its network is not hostile."""
        for proxy in self.proxies.values():
            proxy.weather = share

    def is_ready(self) -> bool:
        """Whether every process is up and the pages answer."""
        state = read_json(self.home / "state.json")
        all_up = all(p["state"] == "ready" for p in state.get("processes", []))
        ours = all(child.ready for child in self.children.values())
        return bool(state.get("up")) and all_up and ours and web_answers(self.port)

    def restarts(self) -> dict[str, int]:
        """How often each process has been begun again."""
        theirs = read_json(self.home / "state.json").get("processes", [])
        ours = {name: child.restarts for name, child in self.children.items()}
        return {process["name"]: process["restarts"] for process in theirs} | ours

    def _upstreams(self) -> list[Child]:
        crm = ["integrations.sandbox.salesforce", "--port", str(self._crm), "--pace", "pause"]
        crm += ["--control-port", str(self.crm_control), "--data", str(self.directory / "crm.db")]
        erp = ["integrations.sandbox.tryton", "--port", str(self._erp)]
        erp += ["--control-port", str(self.erp_control), "--data", str(self.directory / "tryton")]
        erp += ["--sandbox-env", str(SANDBOX)]
        return [
            self._module(CRM, crm, lambda: _all_answer(self._crm, self.crm_control)),
            self._module(ERP, erp, lambda: _all_answer(self._erp, self.erp_control)),
        ]

    def _module(self, name: str, words: list[str], is_ready: Callable[[], bool]) -> Child:
        spawn = spawner([sys.executable, "-m", *words], self.environment)
        return Child(name, 0, spawn, self._log(name), is_ready=is_ready)

    def _spawn_worker(self, name: str, log: IO[bytes]) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-m", "tests.chaos.late_worker"]
        return spawner([*words, LATE_WORKERS[name], str(self.jumps[name])], self.environment)(log)

    def _log(self, name: str) -> Path:
        return self.directory / f"{name.replace(' ', '-')}.log"

    def _begin(self, child: Child) -> None:
        child.begin()
        self.children[child.name] = child

    async def _look(self) -> None:
        for child in self.children.values():
            await asyncio.to_thread(child.tick)

    async def _until(self, done: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(FIRST_START):
                while not done():
                    await self._look()
                    await asyncio.sleep(0.1)
        except TimeoutError:
            words = "\n".join(f"{c.name}:\n{c.words()}" for c in self.children.values())
            raise CannotStart(f"the upstreams did not come up\n{words}") from None

    def _up(self) -> None:
        """A tower beside our own upstreams, with the pretend firm in it."""
        for name, words in (
            ("up", ["--detach", "--empty", "--port", str(self.port)]),
            ("manage", ["seed_demo"]),
        ):
            done = self._command(name, words)
            if done.returncode:
                raise CannotStart(done.stdout)

    def _command(self, name: str, words: list[str]) -> subprocess.CompletedProcess[str]:
        program = [sys.executable, str(REPOSITORY / "bin" / name), "--home", str(self.home)]
        return subprocess.run(
            [*program, *words],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def _down(self) -> None:
        for name in self.restarts():
            self.signal(name, signal.SIGCONT)
        if self.home.exists():
            self._command("down", [])
        for child in self.children.values():
            child.ask_to_end()
        for child in self.children.values():
            if child.process is not None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.process.wait(10)
            child.make_end()
        for note in self.home.rglob("*elsewhere"):
            shutil.rmtree(note.read_text().strip(), ignore_errors=True)


def commit() -> str:
    """The product's commit, short; empty outside a checkout."""
    asked = ["git", "-C", str(REPOSITORY), "rev-parse", "--short", "HEAD"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


def _all_answer(*ports: int) -> bool:
    return all(port_answers(port) for port in ports)


def as_json(value: Any) -> str:
    """For files that people read."""
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
