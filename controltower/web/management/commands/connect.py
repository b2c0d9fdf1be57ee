"""`manage.py connect FILE --by PERSON`: propose a system's connection from a file, and test it. A
second person puts it in force, in the room."""

from __future__ import annotations

import os
import sys
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from controltower.mappings import describing
from controltower.systems import connected
from controltower.systems.described import BadDescription
from controltower.web import setup_words
from controltower.web.management import giving


class Command(BaseCommand):
    """The same acts as on the pages, with the same rights, for a set-up under version control."""

    help = "Propose the connection that a file describes (docs/connecting.md), and test it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which file, and who."""
        parser.add_argument("file", help="the set-up as TOML; - reads what is piped in")
        parser.add_argument("--by", required=True, help="sign-in name of an administrator")

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Propose and test; nothing is put in force."""
        document = _read(options["file"])
        by = giving.person(options["by"])
        try:
            version = describing.propose(document=document, by=by, now=timezone.now())
        except BadDescription as bad:
            raise CommandError("\n".join([*bad.faults, "Nothing was kept."])) from None
        except describing.NotAllowed as refused:
            raise CommandError(f"{refused} Nothing was kept.") from None
        self.stdout.write(f"{version} is kept.")
        rehearsal = describing.rehearse(version=version, by=by, now=timezone.now())
        for one in rehearsal.findings:
            good = "good" if one["is_good"] else "bad"
            self.stdout.write(f"{good}: {one['question']}: {one['text']}")
        self.stdout.write(f"Somebody else puts it in force: {setup_words.url_of(version)}")
        if not rehearsal.went_well:
            raise CommandError("When the system was asked, not all was good.")


def _read(file: str) -> dict[str, Any]:
    """What the file says, days as text. Raises CommandError."""
    try:
        text = sys.stdin.read() if file == "-" else _path(file).read_text(encoding="utf-8")
        found: dict[str, Any] = _plain(tomllib.loads(text))
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise CommandError(f"{file} is no TOML: {fault}. Nothing was kept.") from None
    if not connected.is_setup(found):
        raise CommandError("connector: it is missing. Nothing was kept.")
    return found


def _path(file: str) -> Path:
    return Path(os.environ.get("CALLED_FROM", ""), file)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(held) for name, held in value.items()}
    if isinstance(value, list):
        return [_plain(held) for held in value]
    return value.isoformat() if isinstance(value, date) else value
