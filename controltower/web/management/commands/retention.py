"""For administrators: how long logs and bodies of events are kept; --apply keeps to it now."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from controltower.transactions import bodies, retention


class Command(BaseCommand):
    """`manage.py retention [--apply]`."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        """Whether to act; the dispatcher does it every hour by itself."""
        parser.add_argument("--apply", action="store_true", help="make ahead and put away now")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the policy and what is there."""
        now = timezone.now()
        if options["apply"]:
            for name in retention.keep(now=now):
                self.stdout.write(f"put away: {name}")
            self.stdout.write(f"bodies removed: {bodies.remove(now=now):,}")
        for log in retention.in_force():
            kept = f"{log.kept.days} days" if log.kept else "for ever"
            then = "destroyed" if log.destroyed else "archived"
            self.stdout.write(f"{log.table}, by the {log.unit}: kept {kept}, then {then}")
            for part in retention.parts(log):
                self.stdout.write(f"  {part.name:44}{part.rows:14,} rows{part.bytes >> 20:9,} MB")
        self._bodies(now)

    def _bodies(self, now: datetime) -> None:
        by, found = bodies.kept(), bodies.standing(now)
        kept = f"{by.length.days} days, then removed" if by else "for ever"
        self.stdout.write(f"bodies of received events: kept {kept}")
        self.stdout.write(
            f"  {found.removed:,} removed; older: {found.under_way:,} wait for what rests on them "
            f"or for the next round, {found.set_aside:,} were set aside"
        )
