"""trytond as a child process: started, awaited, restarted when it dies, stopped with us."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import signal
import sys
from pathlib import Path

import aiohttp

from integrations.sandbox.ports import free_port
from integrations.sandbox.tryton.console import DATABASE

_PARENT_DEATH_SIGNAL = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
READY_WITHIN = 240.0
STOP_WITHIN = 5.0

_CONFIGURATION = """\
[database]
uri = sqlite://
path = {path}
retry = 1
[web]
listen = 127.0.0.1:{port}
[request]
timeout = 10
[email]
uri = smtp://127.0.0.1:9
"""
"""One retry bounds how long a request can wait for SQLite's write lock (two waits of 5 s), so that
Tryton's longest processing time can be stated."""


_LOGGING = """\
[loggers]
keys = root, werkzeug
[handlers]
keys = file
[formatters]
keys = line
[logger_root]
level = WARNING
handlers = file
[logger_werkzeug]
level = WARNING
handlers =
qualname = werkzeug
[handler_file]
class = StreamHandler
formatter = line
args = (sys.stderr,)
[formatter_line]
format = %(asctime)s %(levelname)s %(name)s %(message)s
"""
"""Without it every request leaves a line for ever."""


class NotReady(Exception):
    """trytond did not come up; the text says where its log is."""


class Trytond:
    """The ERP itself, in its own environment, on a free port of the loopback interface."""

    def __init__(self, environment: Path, data: Path) -> None:
        self._program = environment / "bin" / "trytond"
        self._data = data
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False
        self.port = free_port()

    @property
    def base_url(self) -> str:
        """Where it answers; reached only by the fault proxy and the administrator's console."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Spawn it and wait until it answers. Raises NotReady."""
        configuration = self._data / "trytond.conf"
        configuration.write_text(_CONFIGURATION.format(path=self._data, port=self.port))
        logging = self._data / "logging.conf"
        logging.write_text(_LOGGING)
        with (self._data / "trytond.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                str(self._program), "-c", str(configuration), "-d", DATABASE,
                "--logconf", str(logging),
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=_die_with_parent if _LIBC else None,
            )  # fmt: skip
        try:
            await asyncio.wait_for(self._until_it_answers(), READY_WITHIN)
        except TimeoutError:
            raise NotReady(f"Tryton did not start; see {self._data / 'trytond.log'}") from None

    async def _until_it_answers(self) -> None:
        question = {"id": 0, "method": "common.server.version", "params": []}
        async with aiohttp.ClientSession() as http:
            while True:
                if self._process is None or self._process.returncode is not None:
                    raise NotReady(f"Tryton ended at once; see {self._data / 'trytond.log'}")
                with contextlib.suppress(aiohttp.ClientError):
                    async with http.post(f"{self.base_url}/rpc/", json=question) as answer:
                        if answer.status == 200:
                            return
                await asyncio.sleep(0.1)

    async def keep_alive(self) -> None:
        """Restart it whenever it ends by itself; runs until cancelled."""
        while self._process is not None:
            await self._process.wait()
            if self._stopping:
                return
            await self.start()

    async def stop(self) -> None:
        """Ask it to end, and insist after a while."""
        self._stopping = True
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_WITHIN)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    def crash(self) -> None:
        """Kill it without warning, as a power cut would; `keep_alive` brings it back."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()


def _die_with_parent() -> None:
    """Let Linux end the child when we are killed and cannot clean up ourselves."""
    if _LIBC is not None:
        _LIBC.prctl(_PARENT_DEATH_SIGNAL, signal.SIGTERM)
