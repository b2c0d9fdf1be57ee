"""What RQ may run of this room: shells that call one function each."""

from __future__ import annotations

from django.db import close_old_connections

from controltower import queues
from controltower.incidents import delivering, runbooks
from controltower.measures import alarms, assurance, probes
from controltower.transactions import clock


def assure() -> None:
    """Look at the invariants."""
    close_old_connections()
    queues.answered("assure")
    assurance.look(now=clock.now())


def deliver() -> None:
    """Send the messages that are due."""
    close_old_connections()
    queues.answered("deliver")
    delivering.deliver(now=clock.now())


def watch() -> None:
    """Open and keep incidents, and go on with the runbooks that wait."""
    close_old_connections()
    queues.answered("watch")
    now = clock.now()
    alarms.look(now=now)
    probes.beat(now=now)
    runbooks.expire(now=now)
