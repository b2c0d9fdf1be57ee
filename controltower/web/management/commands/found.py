"""`manage.py found FILE`: a real firm founds its tower (docs/founding.md)."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.transaction import atomic
from django.utils import timezone

from controltower.firm import founding, founding_file
from controltower.firm.founding_file import Plan
from controltower.web import logins

LOGINS = "first-logins.json"


class Command(BaseCommand):
    """Creates the companies, rates, people and duties of a file, all of it or nothing."""

    help = "Found a firm by the file that describes it (docs/founding.md)."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which file."""
        parser.add_argument("file", help="the firm as docs/founding.md describes it, in TOML")

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Once: the same file again changes nothing, another one is refused."""
        plan, path = _read(str(options["file"])), Path(settings.HOME) / LOGINS
        try:
            with atomic():
                made = founding.found(plan=plan, account=getpass.getuser(), now=timezone.now())
                if made:
                    logins.keep(path, made)
        except founding.NotPossible as refused:
            raise CommandError(str(refused)) from None
        if made is None:
            self.stdout.write(f"{plan.firm} is founded by this file already; nothing was changed.")
            return
        for line in _told(plan, path):
            self.stdout.write(line)


def _read(name: str) -> Plan:
    """The file's plan; relative to where the command was called, which is not where it runs."""
    path = Path(os.environ.get("CALLED_FROM", ""), name)
    try:
        return founding_file.read(path.read_text())
    except (OSError, UnicodeDecodeError) as wrong:
        raise CommandError(f"{path} cannot be read: {wrong}") from None
    except founding_file.BadFile as wrong:
        many = f"{len(wrong.mistakes)} mistakes" if len(wrong.mistakes) > 1 else "A mistake"
        listed = "".join(f"\n  - {one}" for one in wrong.mistakes)
        raise CommandError(f"{many} in {path}; nothing was founded.{listed}") from None


def _told(plan: Plan, path: Path) -> list[str]:
    """What there is now, who begins, and what cannot be done yet."""
    rated = set(plan.rates) | {settings.REPORTING_CURRENCY}
    unrated = sorted({one["currency"] for one in plan.companies.values()} - rated)
    return [
        f"{plan.firm} is founded: {len(plan.companies)} companies, {len(plan.people)} people.",
        f"Their first passwords are in {path}; hand them over and delete the file.",
        *(f"{code} has no rate yet: propose one on Admin, Rates." for code in unrated),
        *(f"Not yet: {words.removeprefix('[[person]]: ')}" for words in plan.not_yet),
        f"Sign in at {os.environ.get('CONTROLTOWER_URL', 'the tower')}: the Tower says what next.",
    ]
