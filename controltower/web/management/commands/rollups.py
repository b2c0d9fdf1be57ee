"""For administrators: compare the kept figures with a recount of all transactions, or correct them.

A recount reads every transaction: a minute for ten million. Work goes on meanwhile.
"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from controltower.measures import rollups
from controltower.measures.models import Delta, Rollup


class Command(BaseCommand):
    """`manage.py rollups check|rebuild`."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        """What to do."""
        parser.add_argument("what", choices=["check", "rebuild"])

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit 1 when a check finds a figure wrong, naming each."""
        if options["what"] == "rebuild":
            self.stdout.write(f"{_sums(rollups.rebuild())} corrected; no transaction was touched.")
            return
        found = rollups.differences()
        for *keys, items, amount in found:
            named = " · ".join(str(key) for key in keys if key not in ("", 0))
            self.stdout.write(f"{named}: short by {items}, worth {amount}")
        if found:
            raise CommandError(
                f"{_sums(len(found))} differ from the transactions, which are right:"
                " run rollups rebuild, and say that it happened."
            )
        kept, waiting = Rollup.objects.count(), Delta.objects.count()
        self.stdout.write(f"All {kept:,} sums agree; {waiting:,} changes wait to be folded.")


def _sums(count: int) -> str:
    return f"{count:,} sum{'' if count == 1 else 's'}"
