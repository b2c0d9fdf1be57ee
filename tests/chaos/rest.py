"""Whether the tower has come to rest, by its own books; they may be away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection
from django.db.models import Q

from controltower.systems.models import Feed
from controltower.transactions.models import EventState, InboundEvent, Transaction

Answer = TypeVar("Answer")


def is_there(calm: datetime) -> bool:
    """Every feed read to its end since the calm began, nothing unread, nothing live but what waits
    for a person; False while the books are away."""
    behind = Feed.objects.filter(Q(ended_at=None) | Q(ended_at__lt=calm))
    return _unless_away(behind.exists) is False and under_way() == 0


def under_way() -> int | None:
    """How many events are unread and transactions live, save for what waits for a person; None
    while the books are away."""
    unread = InboundEvent.objects.filter(state=EventState.RECEIVED)
    stuck = Transaction.objects.stuck().values("pk")
    live = Transaction.objects.live().exclude(pk__in=stuck)
    return _unless_away(lambda: unread.count() + live.count())


def _unless_away(read: Callable[[], Answer]) -> Answer | None:
    try:
        return read()
    except (OperationalError, InterfaceError):
        connection.close()
        return None
