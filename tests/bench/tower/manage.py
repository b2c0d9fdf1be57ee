"""`manage.py` with the benchmark's process and connector on the product's lists: its workers, its
dispatcher and its engine are the real ones."""

from __future__ import annotations

import os
import sys

from django.core.management import execute_from_command_line

from controltower.processes import catalogue as processes
from integrations import catalogue as integrations
from tests.bench.tower.connector import StubConnector
from tests.bench.tower.process import PROCESS


def register() -> None:
    """Put them on the lists of this process."""
    integrations.CONNECTORS["stub"] = StubConnector
    processes.PROCESSES = (PROCESS,)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controltower.settings")
    register()
    execute_from_command_line(sys.argv)
