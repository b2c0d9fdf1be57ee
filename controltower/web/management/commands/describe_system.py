"""`manage.py describe_system FILE --by PERSON`: propose a described system, test it, or put it in
force with `--approved-by`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from controltower.canonical import strict_json
from controltower.firm.models import Person
from controltower.mappings import describing
from controltower.systems.described import BadDescription
from controltower.systems.models import Description
from controltower.web.management import giving


class Command(BaseCommand):
    """The same acts as on the pages, with the same rights, for what is to be repeatable."""

    help = "Describe a system: keep a new version, ask the system, and put it in force."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which file, and who."""
        parser.add_argument("file", help="the description as JSON; - reads what is piped in")
        parser.add_argument("--by", required=True, help="sign-in name of an administrator")
        parser.add_argument("--approved-by", help="sign-in name of who puts it in force")

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Propose, test, and put in force when a second person is named."""
        try:
            document = strict_json.decode(_bytes(options["file"]))
            version = describing.propose(
                document=document, by=giving.person(options["by"]), now=timezone.now()
            )
            self.stdout.write(f"{version} is kept.")
            self._ask(version, giving.person(options["by"]))
            if options["approved_by"]:
                approver = giving.person(options["approved_by"])
                describing.put_in_force(version=version, by=approver, now=timezone.now())
                self.stdout.write(f"{version} is in force.")
        except strict_json.NotStrictJson as fault:
            raise CommandError(f"{fault} Nothing was kept.") from None
        except BadDescription as bad:
            raise CommandError("\n".join([*bad.faults, "Nothing was kept."])) from None
        except (describing.NotAllowed, describing.WrongState) as refused:
            raise CommandError(str(refused)) from None

    def _ask(self, version: Description, by: Person) -> None:
        rehearsal = describing.rehearse(version=version, by=by, now=timezone.now())
        for one in rehearsal.findings:
            good = "good" if one["is_good"] else "bad"
            self.stdout.write(f"{good}: {one['question']}: {one['text']}")
        if not rehearsal.went_well:
            raise CommandError("The version is kept and not in force. Put it right and try again.")


def _bytes(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(os.environ.get("CALLED_FROM", ""), file).read_bytes()
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.") from None
