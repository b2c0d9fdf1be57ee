"""A tower in one file, and a home from that file: what ``bin/backup`` and ``bin/restore`` do.

The file is a ZIP archive: a dump of the database, the small files that a home needs, and last a
manifest with checksums, version and schema. It holds secrets, so only its owner may read it.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from controltower import VERSION
from controltower.embedded import dump
from controltower.embedded.postgres import SUPERUSER, Postgres
from controltower.embedded.process import write_private
from controltower.supervisor.home import REPOSITORY, Home, StartProblem, read_json

FORMAT = 1
DATABASE, MANIFEST = "database.dump", "manifest.json"
KEPT = ("secret.json", "sandbox.json", "demo-logins.json")
"""Files of a home without which its data is not whole. Database passwords are drawn anew."""
SCHEMA = "SELECT app || '.' || max(name) FROM django_migrations GROUP BY app ORDER BY app"
SIZE = "SELECT pg_size_pretty(pg_database_size(current_database()))"


def back_up(home: Home, target: Path) -> dict[str, Any]:
    """Write and verify a backup of the running tower; hands back its manifest.

    The file appears whole or not at all. Raises ``StartProblem`` or ``ServerProblem``.
    """
    url = _own_database(home)
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    try:
        if target.parent == home.backups:
            home.backups.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            with zipfile.ZipFile(file, "w") as archive:
                manifest = _write(archive, home, url)
            file.flush()
            os.fsync(file.fileno())
        verify(partial)
        partial.replace(target)
        _settle(target.parent)
    except OSError as refused:
        raise StartProblem(_not_written(target, refused)) from refused
    finally:
        partial.unlink(missing_ok=True)
    return manifest


def verify(file: Path) -> dict[str, Any]:
    """The manifest of a backup whose every byte is as it was written, and whose dump PostgreSQL
    can read. Raises ``StartProblem`` or ``ServerProblem``."""
    with opened(file) as (archive, manifest):
        for name, digest in manifest["sha256"].items():
            with archive.open(name) as member:
                if _digest_of(member) != digest:
                    raise StartProblem(f"{file} is damaged: {name} is not what was written.")
        with archive.open(DATABASE) as member:
            if not dump.tables_in(member):
                raise StartProblem(f"{file} holds no table: it is not a backup of a tower.")
        return manifest


def restore(file: Path, home: Home, *, force: bool) -> dict[str, Any]:
    """Make a home from a backup; hands back the manifest.

    A home that has data is refused, or with ``force`` its data is put aside, never deleted.
    Raises ``StartProblem`` or ``ServerProblem``; the home is then as it was.
    """
    manifest = verify(file)
    _refuse_newer(manifest)
    if (pid := home.holder()) is not None:
        raise StartProblem(
            f"A tower runs from {home.path} (process {pid}); stop it with bin/down first."
        )
    data = home.path / "postgres"
    if not force and (data.exists() or (home.path / "secret.json").exists()):
        raise StartProblem(
            f"The home {home.path} has data already. Choose an empty one with --home DIR, or "
            "--force: what is there is put aside then, not deleted."
        )
    home.prepare()
    home.lock()
    aside = _put_aside(home)
    try:
        with opened(file) as (archive, _manifest):
            _load(archive, Postgres(data))
            for name in set(KEPT) & set(manifest["sha256"]):
                write_private(home.path / name, archive.read(name).decode())
    except BaseException:
        _bring_back(home, aside)
        raise
    return manifest | {"aside": str(aside or "")}


@contextmanager
def opened(file: Path) -> Iterator[tuple[zipfile.ZipFile, dict[str, Any]]]:
    """A backup with its manifest. Raises ``StartProblem`` when it is none, or is cut short."""
    try:
        with zipfile.ZipFile(file) as archive:
            manifest: dict[str, Any] = json.loads(archive.read(MANIFEST))
            if manifest["format"] > FORMAT:
                raise StartProblem(f"{file} was written by a newer Control Tower than this one.")
            yield archive, manifest
    except (FileNotFoundError, PermissionError, IsADirectoryError) as refused:
        raise StartProblem(f"{file} cannot be read ({_reason(refused)}).") from refused
    except (zipfile.BadZipFile, zlib.error, KeyError, ValueError, EOFError) as broken:
        raise StartProblem(f"{file} is no backup of a tower, or is damaged ({broken}).") from broken


def _own_database(home: Home) -> str:
    """The running tower's database, as the role that owns it."""
    given = read_json(home.environment_file)
    if home.holder() is None or not given:
        raise StartProblem(
            f"No tower runs from {home.path}; a backup is taken from a running one: "
            f"bin/up --home {home.path}."
        )
    if not (home.path / "postgres" / "passwords.json").exists():
        raise StartProblem(
            "This tower uses a PostgreSQL server of the firm's own (DATABASE_URL), whose backups "
            "are that server's matter: docs/recovery.md says what they must hold."
        )
    return str(given["DATABASE_OWNER_URL"])


def _write(archive: zipfile.ZipFile, home: Home, url: str) -> dict[str, Any]:
    began = datetime.now(UTC)
    schema, size = dump.ask(url, SCHEMA).splitlines(), dump.ask(url, SIZE)
    digests = {}
    with archive.open(DATABASE, "w", force_zip64=True) as member:
        writer = _Digesting(member)
        dump.dump(url, writer)
        digests[DATABASE] = writer.digest.hexdigest()
    for name in KEPT:
        if (home.path / name).exists():
            content = (home.path / name).read_bytes()
            archive.writestr(name, content)
            digests[name] = hashlib.sha256(content).hexdigest()
    manifest = {
        "format": FORMAT,
        "taken_at": began.isoformat(timespec="seconds"),
        "version": VERSION,
        "schema": schema,
        "database_size": size,
        "sha256": digests,
    }
    archive.writestr(MANIFEST, json.dumps(manifest, indent=2))
    return manifest


def _load(archive: zipfile.ZipFile, server: Postgres) -> None:
    """A new cluster with the dump's content, and with figures to plan by: a dump holds none, and
    the first pages would read whole tables. What fails leaves no cluster behind."""
    server.start()
    try:
        with archive.open(DATABASE) as member:
            dump.load(server.url(SUPERUSER), member)
        dump.ask(server.url(SUPERUSER), "ANALYZE")
        server.stop()
    except BaseException:
        server.discard()
        raise


def _put_aside(home: Home) -> Path | None:
    """Move what a restore would overwrite into a directory of its own; None when there is
    nothing."""
    there = [home.path / name for name in ("postgres", *KEPT) if (home.path / name).exists()]
    if not there:
        return None
    aside = home.path / f"before-restore-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    aside.mkdir(mode=0o711)
    for path in there:
        path.rename(aside / path.name)
    return aside


def _bring_back(home: Home, aside: Path | None) -> None:
    for path in aside.iterdir() if aside else ():
        path.replace(home.path / path.name)
    if aside is not None:
        aside.rmdir()


def _refuse_newer(manifest: dict[str, Any]) -> None:
    """The schema may be older than this version, which migrates it at the start, but not newer."""
    for name in manifest["schema"]:
        app, _, migration = str(name).partition(".")
        known = REPOSITORY / "controltower" / app / "migrations"
        if known.is_dir() and not (known / f"{migration}.py").exists():
            raise StartProblem(
                f"The backup is of version {manifest['version']} and its database is newer than "
                f"this version {VERSION} ({name}): install that version first. Nothing was changed."
            )


class _Digesting:
    """Writes on, and digests what passes."""

    def __init__(self, into: IO[bytes]) -> None:
        self._into = into
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        """Write and count it in."""
        self.digest.update(data)
        return self._into.write(data)


def _digest_of(member: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while block := member.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()


def _settle(directory: Path) -> None:
    """Make a new name in a directory outlast a power cut."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _not_written(target: Path, refused: OSError) -> str:
    if refused.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"There is no room for the backup in {target.parent}; make some or choose another "
            "place with --to FILE. No part of it was left there."
        )
    return f"The backup cannot be written to {target} ({_reason(refused)}); choose another --to."


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
