"""Run one RQ worker on one queue."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from controltower import queues


class Command(BaseCommand):
    """`manage.py worker intake|feeds|engine`: works until told to stop."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("queue", choices=queues.QUEUES)

    def handle(self, *args: Any, **options: Any) -> None:
        """Block on the queue; one worker, one queue."""
        queues.worker(options["queue"]).work(logging_level="WARNING")
