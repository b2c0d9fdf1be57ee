"""For administrators: the logs' partitions and how long they are kept; --apply keeps to it now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from controltower.transactions import retention


class Command(BaseCommand):
    """`manage.py retention [--apply]`."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        """Whether to act; the dispatcher does it every hour by itself."""
        parser.add_argument("--apply", action="store_true", help="make ahead and put away now")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the policy and what is there."""
        if options["apply"]:
            for name in retention.keep(now=timezone.now()):
                self.stdout.write(f"put away: {name}")
        for log in retention.in_force():
            kept = f"{log.kept.days} days" if log.kept else "for ever"
            then = "destroyed" if log.destroyed else "archived"
            self.stdout.write(f"{log.table}, by the {log.unit}: kept {kept}, then {then}")
            for part in retention.parts(log):
                self.stdout.write(f"  {part.name:44}{part.rows:14,} rows{part.bytes >> 20:9,} MB")
