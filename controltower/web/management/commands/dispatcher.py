"""Play the schedule: sweep, poll, beat. Stateless; two of them do no harm."""

from __future__ import annotations

import logging
import signal
import time
from datetime import timedelta
from types import FrameType
from typing import Any

import redis
from django.core.management.base import BaseCommand
from django.db import OperationalError, close_old_connections, connection
from django.utils import timezone

from controltower import queues
from controltower.schedule import SCHEDULE
from controltower.transactions import clock

log = logging.getLogger(__name__)
BEAT = timedelta(seconds=0.5)


class Command(BaseCommand):
    """`manage.py dispatcher`: runs until told to stop."""

    help = __doc__
    requires_system_checks = ()
    """As a worker: `migrate` has made them, and no page is drawn here."""

    def handle(self, *args: Any, **options: Any) -> None:
        """One round every half second; a database that is away is waited for."""
        self.stopped = False
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        due = dict.fromkeys((periodic.name for periodic in SCHEDULE), time.monotonic())
        while not self.stopped:
            for periodic in SCHEDULE:
                now = time.monotonic()
                if due[periodic.name] <= now and not self.stopped:
                    due[periodic.name] = now + periodic.every.total_seconds()
                    self._play(periodic)
            self._heartbeat()
            time.sleep(BEAT.total_seconds())

    def _play(self, periodic: Any) -> None:
        try:
            periodic.run(clock.now())
        except OperationalError as error:
            log.warning("database away: %s", type(error).__name__, extra={"job": periodic.name})
            connection.close()
            close_old_connections()
        except Exception:
            log.exception("periodic job failed", extra={"job": periodic.name})

    def _heartbeat(self) -> None:
        """Say that the dispatcher lives (read by /readyz); Redis may be away."""
        try:
            queues.connection().set("controltower:dispatcher", timezone.now().isoformat(), ex=30)
        except redis.RedisError:
            log.warning("heartbeat not written")

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self.stopped = True
