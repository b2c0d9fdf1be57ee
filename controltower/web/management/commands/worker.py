"""Run one RQ worker on one queue."""

from __future__ import annotations

import gc
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils.module_loading import import_string

from controltower import queues


class Command(BaseCommand):
    """`manage.py worker intake|feeds|engine`: works until told to stop."""

    help = __doc__
    requires_system_checks = ()
    """`migrate` has made them before anything runs; they would load every page, and none is drawn
    here."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("queue", choices=queues.QUEUES)

    def handle(self, *args: Any, **options: Any) -> None:
        """Block on the queue; one worker, one queue."""
        _warm_up()
        queues.worker(options["queue"]).work(logging_level="WARNING")


def _warm_up() -> None:
    """Load what jobs run before the first comes. What is loaded is never looked at for garbage
    again, and a set of rows, which lives as long as its job's turn, is seldom searched through."""
    for path in queues.ALLOWED.values():
        import_string(path)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)
