"""A database's whole content out and in again, by PostgreSQL's own programs and as a stream."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from controltower.embedded.postgres import wheel_programs
from controltower.embedded.process import ServerProblem, last_line, plain_environment


class Writable(Protocol):
    """Takes bytes."""

    def write(self, data: bytes, /) -> object:
        """Write some."""


def dump(url: str, into: Writable) -> None:
    """Write one consistent snapshot of the database; it may be written to meanwhile.

    Raises ``ServerProblem`` when pg_dump gives up, OSError when ``into`` cannot be written to.
    """
    words = ["pg_dump", "--format=custom", "--lock-wait-timeout=60s"]
    with _begun(words, url, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        with process.stdout as snapshot:
            shutil.copyfileobj(snapshot, into, 1 << 20)


def load(url: str, source: IO[bytes]) -> None:
    """Bring a dump into an empty database, all of it or nothing. Raises ``ServerProblem``."""
    words = ["pg_restore", "--single-transaction", "--exit-on-error"]
    with _begun([*words, f"--dbname={_name(url)}"], url, stdin=subprocess.PIPE) as process:
        _feed(process, source)


def tables_in(source: IO[bytes]) -> int:
    """How many tables' rows a dump holds, by its own list. Raises ``ServerProblem``."""
    with tempfile.TemporaryFile() as listed:
        words = ["pg_restore", "--list"]
        with _begun(words, stdin=subprocess.PIPE, stdout=listed) as process:
            _feed(process, source)
        listed.seek(0)
        return listed.read().count(b" TABLE DATA ")


def ask(url: str, question: str) -> str:
    """What a query answers, as psql prints it without ornament. Raises ``ServerProblem``."""
    words = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", question]
    with tempfile.TemporaryFile() as answer:
        with _begun(words, url, stdout=answer):
            pass
        answer.seek(0)
        return answer.read().decode().strip()


def _feed(process: subprocess.Popen[bytes], source: IO[bytes]) -> None:
    """Hand a program its input; one that needs no more of it may stop reading."""
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError), process.stdin as pipe:
        shutil.copyfileobj(source, pipe, 1 << 20)


@contextmanager
def _begun(
    words: list[str],
    url: str = "",
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int | IO[bytes] = subprocess.DEVNULL,
) -> Iterator[subprocess.Popen[bytes]]:
    """A client program at work, waited for; raises ``ServerProblem`` with its last words when it
    failed. It does not outlive an error of ours."""
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            [str(wheel_programs() / "bin" / words[0]), *words[1:]],
            stdin=stdin,
            stdout=stdout,
            stderr=complaints,
            env=plain_environment() | _whereabouts(url),
        )
        try:
            yield process
        except BaseException:
            process.kill()
            process.wait()
            raise
        if process.wait():
            complaints.seek(0)
            text = last_line(complaints.read().decode(errors="replace"))
            raise ServerProblem(f"{words[0]} gave up: {text}.")


def _name(url: str) -> str:
    return urlsplit(url).path.lstrip("/")


def _whereabouts(url: str) -> dict[str, str]:
    """A database's address as libpq's environment, so that no password shows in a process list."""
    if not url:
        return {}
    parts = urlsplit(url)
    return {
        "PGHOST": parse_qs(parts.query).get("host", [parts.hostname or ""])[0],
        "PGPORT": str(parts.port or 5432),
        "PGUSER": unquote(parts.username or ""),
        "PGPASSWORD": unquote(parts.password or ""),
        "PGDATABASE": _name(url),
    }
