"""The life of one tower: begin everything, keep it running, end everything in order."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import FrameType

from controltower.embedded.process import last_line, write_private
from controltower.supervisor.child import Child, end_session, identity_of
from controltower.supervisor.home import Home, StartProblem, free_port, port_is_free
from controltower.supervisor.plan import (
    VALKEY_STAGE,
    Servers,
    Wishes,
    environment,
    manage,
    product_children,
    sandbox_children,
    spawner,
)

FIRST_START = 300.0
"""Seconds that a process may need until it is ready for the first time."""

DEATHS_WHILE_STARTING = 3
LOOK_EVERY = 0.1
TIDY_EVERY = 60.0


class StopRequested(Exception):
    """Somebody asked the tower to stop: Ctrl-C, bin/down or the machine going down."""


class Tower:
    """Everything that ``bin/up`` starts, from the lock on the home to the last process."""

    def __init__(self, home: Home, wishes: Wishes, say: Callable[[str], None]) -> None:
        self.home = home
        self.wishes = wishes
        self.say = say
        self.servers = Servers.needed(home)
        self.children: list[Child] = []
        self.environment: dict[str, str] = {}
        self.since = datetime.now(UTC).isoformat(timespec="seconds")
        self.is_up = False
        self._commands: list[subprocess.Popen[bytes]] = []
        self._state = ""
        self._asked_to_stop = False

    def run(self, when_up: Callable[[], None]) -> None:
        """Start, call ``when_up``, watch until asked to stop, stop. Raises ``StartProblem``."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._note_stop)
        self.home.prepare()
        self.home.lock()
        try:
            self._start()
            when_up()
            self._watch()
        except StopRequested:
            self.say("Stopping.")
        finally:
            self._stop()

    def _start(self) -> None:
        self.end_leftovers()
        if not port_is_free(self.wishes.port, self.wishes.host):
            raise StartProblem(
                f"Port {self.wishes.port} is taken by another program; stop that program or "
                f"choose another port: bin/up --port {free_port(self.wishes.port + 1)}."
            )
        servers = self.servers.children(self.home)
        for server in servers:
            server.prepare()
        self.environment = environment(self.home, self.wishes, self.servers)
        self._begin(servers)
        self._begin(sandbox_children(self.home, self.wishes, self.environment))
        self._until_ready(servers)
        self._make_ready_for_use()
        self._begin(product_children(self.home, self.wishes, self.environment))
        self._until_ready(self.children)
        write_private(self.home.environment_file, json.dumps(self._own_environment()))
        self.is_up = True
        self._write_state()

    def _make_ready_for_use(self) -> None:
        """Schema, static files, and the demo firm beside its systems; each may be repeated at
        every start."""
        if self.servers.postgres is not None:
            self.servers.postgres.furnish()
        owner = self.environment | {
            "DATABASE_URL": self.environment.get(
                "DATABASE_OWNER_URL", self.environment["DATABASE_URL"]
            )
        }
        collecting = self._spawn_command("static files", ["collectstatic", "--noinput"])
        self._finish("database schema", self._spawn_command("database schema", ["migrate"], owner))
        self._finish("static files", collecting)
        if self.wishes.with_sandbox:
            self._finish("demo firm", self._spawn_command("demo firm", ["seed_demo"]))

    def _begin(self, children: list[Child]) -> None:
        for child in children:
            child.begin()
            self.children.append(child)
        self._write_state()

    def _until_ready(self, children: list[Child]) -> None:
        """Wait for all; say each one's time; give up on one that keeps dying or takes too long."""
        waiting = [child for child in children if not child.ready]
        while waiting:
            self._pause(LOOK_EVERY)
            for child in list(waiting):
                child.tick()
                if child.ready:
                    waiting.remove(child)
                    self._say_ready(child)
                elif child.failures >= DEATHS_WHILE_STARTING:
                    raise StartProblem(
                        f"{child.name} keeps stopping ({child.last_exit}); its last words are "
                        f"below, all of them in {child.log}.\n{child.words()}"
                    )
                elif child.process and time.monotonic() - child.begun > FIRST_START:
                    raise StartProblem(
                        f"{child.name} was not ready after {FIRST_START:.0f} s; "
                        f"its log is {child.log}.\n{child.words()}"
                    )

    def _say_ready(self, child: Child) -> None:
        if not self.is_up and child.restarts == 0:
            self.say(f"  {child.name:<22} ready    {time.monotonic() - child.begun:5.1f} s")

    def _watch(self) -> None:
        """Look after the children until asked to stop."""
        tidy_at = time.monotonic() + TIDY_EVERY
        while True:
            self._pause(LOOK_EVERY)
            news = [word for child in self.children if (word := self._look_after(child))]
            for word in news:
                self.say(f"{datetime.now(UTC):%H:%M:%S} {word}")
            self._write_state()
            if time.monotonic() > tidy_at:
                tidy_at = time.monotonic() + TIDY_EVERY
                for child in self.children:
                    child.rotate_log()

    def _look_after(self, child: Child) -> str:
        """One look; a process of the product is not begun again before its servers are there."""
        servers_are_up = all(c.ready for c in self.children if c.stage <= VALKEY_STAGE)
        if child.process is None and child.stage > VALKEY_STAGE and not servers_are_up:
            child.begin_again = time.monotonic()
            return ""
        return child.tick()

    def _spawn_command(
        self, name: str, words: list[str], given: dict[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        with self.home.log(f"start {name}").open("wb") as log:
            command = spawner(manage(*words), given or self.environment)(log)
        self._commands.append(command)
        return command

    def _finish(self, name: str, process: subprocess.Popen[bytes]) -> None:
        """Wait for a command; raises ``StartProblem`` with its last words when it failed."""
        begun = time.monotonic()
        while process.poll() is None:
            self._pause(0.02)
        if process.returncode:
            log = self.home.log(f"start {name}")
            raise StartProblem(
                f"Preparing the {name} failed: {last_line(log.read_text(errors='replace'))}. "
                f"All of it is in {log}."
            )
        self.say(f"  {name:<22} ready    {time.monotonic() - begun:5.1f} s")

    def _stop(self) -> None:
        """End the stages one after the other, each one's processes together."""
        self.is_up = False
        for command in self._commands:
            if command.poll() is None:
                end_session(command.pid)
                command.wait()
        for stage in sorted({child.stage for child in self.children}, reverse=True):
            ending = [child for child in self.children if child.stage == stage]
            for child in ending:
                child.ask_to_end()
            deadline = time.monotonic() + max(child.grace for child in ending)
            while not all(c.has_ended() for c in ending) and time.monotonic() < deadline:
                time.sleep(0.02)
            for child in ending:
                child.make_end()
        for path in (self.home.environment_file, self.home.state_file):
            with contextlib.suppress(FileNotFoundError):
                path.unlink()

    def end_leftovers(self) -> int:
        """End what a killed supervisor left running, and hand back how many there were.

        Nobody holds the home but us, so they are orphans.
        """
        ended = 0
        for facts in reversed(self.home.state().get("processes", [])):
            pid = facts["pid"]
            if pid and facts["identity"] and identity_of(pid) == facts["identity"]:
                self.say(f"Ending {facts['name']} (process {pid}), left over from a killed tower.")
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, facts["stop_signal"])
                deadline = time.monotonic() + 20
                while identity_of(pid) == facts["identity"] and time.monotonic() < deadline:
                    time.sleep(0.05)
                end_session(pid, seconds=1)
                ended += 1
        return ended

    def _own_environment(self) -> dict[str, str]:
        """The part of the environment that bin/manage and bin/tour need."""
        return {k: v for k, v in self.environment.items() if os.environ.get(k) != v or "_URL" in k}

    def _write_state(self) -> None:
        state = {
            "pid": os.getpid(),
            "address": self.wishes.address,
            "port": self.wishes.port,
            "since": self.since,
            "up": self.is_up,
            "sandbox": {
                name: url
                for name in ("SALESFORCE", "TRYTON", "CONTROL")
                if (url := self.environment.get(f"SANDBOX_{name}_URL"))
            },
            "processes": [child.facts() for child in self.children],
        }
        text = json.dumps(state, indent=2)
        if text != self._state:
            write_private(self.home.state_file, text)
            self._state = text

    def _pause(self, seconds: float) -> None:
        if self._asked_to_stop:
            raise StopRequested
        time.sleep(seconds)

    def _note_stop(self, number: int, frame: FrameType | None) -> None:
        self._asked_to_stop = True
