"""The seeded database, built once per version of Tryton and of the firm, then copied."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from integrations.sandbox import firm
from integrations.sandbox.tryton import books, company_books
from integrations.sandbox.tryton.console import DATABASE, Console
from integrations.sandbox.tryton.daemon import Trytond

MODULES = ("account_invoice", "project_invoice", "timesheet_cost")
ADMINISTRATOR = "admin"
_DATABASE_FILE = f"{DATABASE}.sqlite"
_PASSWORD_FILE = "administrator"


class Unusable(Exception):
    """The environment or the data directory cannot be used; the text says what to do."""


async def furnish(environment: Path, data: Path) -> None:
    """Put a seeded database into `data` unless there is one. Raises Unusable."""
    data.mkdir(parents=True, exist_ok=True)
    if (data / _DATABASE_FILE).exists() and (data / _PASSWORD_FILE).exists():
        return
    template = await _template(environment)
    for name in (_PASSWORD_FILE, _DATABASE_FILE):
        shutil.copyfile(template / name, data / name)
        (data / name).chmod(0o600)


def administrator_password(data: Path) -> str:
    """The sandbox's own way in; it never leaves the data directory."""
    return (data / _PASSWORD_FILE).read_text().strip()


async def _template(environment: Path) -> Path:
    if not (environment / "bin" / "trytond-admin").exists():
        raise Unusable(f"There is no Tryton in {environment}; install the sandbox requirements.")
    shelf = environment / "var" / "tryton"
    shelf.mkdir(parents=True, exist_ok=True)
    template = shelf / _digest(environment)
    with _alone(shelf / "lock"):
        if not template.exists():
            building = shelf / "building"
            shutil.rmtree(building, ignore_errors=True)
            building.mkdir(mode=0o700)
            await _build(environment, building)
            _clear(shelf)
            building.rename(template)
    return template


def _digest(environment: Path) -> str:
    """Changes with the installed Tryton, with the firm and with how the books are opened."""
    versions = sorted(
        path.name for path in environment.glob("lib/python*/site-packages/trytond*.dist-info")
    )
    digest = hashlib.sha256(json.dumps(versions).encode())
    for module in (firm, books, company_books):
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()[:16]


async def _build(environment: Path, place: Path) -> None:
    """Initialise an empty database, open the books, and leave one checkpointed file."""
    password = secrets.token_urlsafe(24)
    (place / _PASSWORD_FILE).write_text(password + "\n")
    (place / _PASSWORD_FILE).chmod(0o600)
    scratch = place / "scratch"
    scratch.mkdir()
    (scratch / _DATABASE_FILE).touch()
    await asyncio.to_thread(_initialise, environment, scratch, place / _PASSWORD_FILE)
    daemon = Trytond(environment, scratch)
    await daemon.start()
    try:
        async with Console(daemon.base_url) as console:
            await console.login(ADMINISTRATOR, password)
            await books.open_books(console)
    finally:
        await daemon.stop()
    with sqlite3.connect(scratch / _DATABASE_FILE) as source:
        source.execute("VACUUM INTO ?", (str(place / _DATABASE_FILE),))
    source.close()
    shutil.rmtree(scratch)


def _clear(shelf: Path) -> None:
    """Drop the templates of other versions."""
    for path in shelf.iterdir():
        if path.is_dir() and path.name != "building":
            shutil.rmtree(path)


def _initialise(environment: Path, scratch: Path, password_file: Path) -> None:
    configuration = scratch / "initialise.conf"
    configuration.write_text(f"[database]\nuri = sqlite://\npath = {scratch}\n")
    done = subprocess.run(
        [
            str(environment / "bin" / "trytond-admin"), "-c", str(configuration),
            "-d", DATABASE, "-u", *MODULES, "--activate-dependencies",
            "--email", "erp@larkfield.example", "--password",
        ],
        env=os.environ | {"TRYTONPASSFILE": str(password_file)},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise Unusable(f"Tryton could not initialise its database: {done.stderr[-500:]}")


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Let one process build at a time; the next finds the result."""
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
