"""Interpretation gives way to steps: an event is safe in the inbox, while a step that is due has
been promised to somebody, and the two share the same processors and database.

It does so while a worker says that steps have fallen behind (`lines`), which no slow or dead system
causes, and never stops altogether: the events of others go on.
"""

from __future__ import annotations

from time import monotonic, sleep

from controltower.transactions.locks import BEHIND, Sign

RESTS = 4
"""How many times as long as it has worked it rests at most."""
GLANCE = 0.02
"""Seconds between two looks at whether the steps have caught up."""


def give_way(worked: float) -> None:
    """Rest after so many seconds of work, while steps have fallen behind."""
    behind, until = Sign(BEHIND), monotonic() + RESTS * worked
    while monotonic() < until and behind.is_shown_by_others():
        sleep(GLANCE)
