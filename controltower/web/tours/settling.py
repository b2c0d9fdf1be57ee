"""Waiting until all that was done has gone through every system."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

from django.db import OperationalError, connection
from django.db.models import Q, QuerySet
from django.utils import timezone

from controltower.systems.models import Feed
from controltower.transactions.models import EventState, InboundEvent, Step, Transaction
from controltower.transactions.protocol import State
from controltower.web.tours.walk import TourFailed, Walk

MOST_NAMED = 12


def settled(walk: Walk, what: str) -> dict[str, Any]:
    """Wait until every feed was read to its end once more, nothing is unread, and nothing is live
    but what waits for a person or for its month's end. Raises TourFailed when nothing has moved for
    as long as the walk is patient."""
    calm, heard, done = timezone.now(), time.monotonic(), -1
    while not _is_quiet(calm):
        if (now := Step.objects.filter(state=State.VERIFIED).count()) != done:
            heard, done = time.monotonic(), now
        if time.monotonic() - heard > walk.patience:
            waits = [
                f"{one.title} ({one.reference}) {one.state} {one.wait_text}"
                for one in _under_way()[:MOST_NAMED]
            ]
            raise TourFailed(f"{what}: nothing moves any more. Under way: {'; '.join(waits)}")
        time.sleep(1)
    return walk.tell("Tower", f"{what}: all through")


def _is_quiet(calm: datetime) -> bool:
    try:
        feeds = Feed.objects.filter(system__active=True)
        behind = feeds.filter(Q(ended_at=None) | Q(ended_at__lt=calm)).exists()
        unread = InboundEvent.objects.filter(state=EventState.RECEIVED).exists()
        return not (behind or unread or _under_way().exists())
    except OperationalError:
        connection.close()
        return False


def _under_way() -> QuerySet[Transaction]:
    stuck = Transaction.objects.stuck().values("pk")
    later = Q(gathering=True, wait_until__gt=timezone.now() + timedelta(hours=1))
    return Transaction.objects.live().exclude(pk__in=stuck).exclude(later)
