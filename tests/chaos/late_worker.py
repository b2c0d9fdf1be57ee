"""A worker whose clock is wrong: ``python -m tests.chaos.late_worker QUEUE SECONDS``.

Only the calendar clock is shifted; what measures durations goes on, as on a real machine whose
clock was set.
"""

from __future__ import annotations

import os
import sys
from datetime import timedelta

import django
import time_machine


def main(queue: str, seconds: int) -> None:
    """Work on one queue until told to stop."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controltower.settings")
    django.setup()
    from django.core.management import call_command

    with time_machine.travel(timedelta(seconds=seconds), tick=True):
        call_command("worker", queue)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
