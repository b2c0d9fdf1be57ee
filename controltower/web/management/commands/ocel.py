"""Write the firm's event log for process mining (OCEL 2.0): what began in a time."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from controltower.measures import event_log
from controltower.transactions.models import Transaction


class Command(BaseCommand):
    """`manage.py ocel --since DAY [--until DAY] [--process NAME] --out FILE`."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        """Days are UTC's; the last one is in it."""
        parser.add_argument("--since", type=date.fromisoformat, required=True)
        parser.add_argument("--until", type=date.fromisoformat)
        parser.add_argument("--process", default="")
        parser.add_argument("--out", type=Path, required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        """Write it piece by piece: a log of any length needs little memory."""
        until = options["until"]
        end = datetime.combine(until, time.max, tzinfo=UTC) if until else timezone.now()
        begin = datetime.combine(options["since"], time.min, tzinfo=UTC)
        rows = event_log.begun(Transaction.objects.all(), begin, end)
        if options["process"]:
            rows = rows.filter(process=options["process"])
        with options["out"].open("wb") as file:
            for piece in event_log.pieces(rows):
                file.write(piece)
        self.stdout.write(f"{options['out']}: {options['out'].stat().st_size:,} bytes")
