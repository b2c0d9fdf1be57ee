"""What RQ may run of this room: shells that call one function each."""

from __future__ import annotations

from django.db import close_old_connections

from controltower import queues
from controltower.measures import assurance
from controltower.transactions import clock


def assure() -> None:
    """Look at the invariants."""
    close_old_connections()
    queues.answered("assure")
    assurance.look(now=clock.now())
