"""For developers: fill the database with many plausible transactions, to measure pages."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from controltower.firm.models import LegalEntity
from controltower.incidents import letters
from controltower.measures import rollups
from controltower.transactions.models import Transaction
from controltower.web.demo import aftermath, plenty


class Command(BaseCommand):
    """`manage.py fill 100000`."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        """How many, and whether beside what is there."""
        parser.add_argument("count", type=int)
        parser.add_argument("--stuck", type=int, default=plenty.STUCK, help="how many are stuck")
        parser.add_argument(
            "--force", action="store_true", help="also when the database holds transactions"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Refuse where it could be mistaken for real data; else insert, 250,000 a commit."""
        count = options["count"]
        if not 1 <= count <= 20_000_000:
            raise CommandError("Between 1 and 20,000,000 transactions.")
        if not LegalEntity.objects.exists():
            raise CommandError("There is no firm yet: run seed_demo first.")
        filled = Transaction.objects.filter(reference__startswith="FILL-")
        if filled.exists():
            raise CommandError("This database has been filled already.")
        if not options["force"] and Transaction.objects.exists():
            raise CommandError("This database holds transactions. --force fills it all the same.")
        now = timezone.now()
        plenty.fill(count, now, self.stdout.write, stuck=options["stuck"])
        while letters.catch_up(now=now):
            pass
        decisions = aftermath.decide(count, now)
        self.stdout.write(f"decisions: {decisions:,}")
        rollups.fold()
        plenty.analyse()
        self.stdout.write(f"{count:,} transactions filled in.")
