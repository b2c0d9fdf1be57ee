"""Whether vendors still send us what they were told to send: their subscriptions, looked at.

A webhook that somebody deletes, that points elsewhere or runs out tells nothing, and its silence
looks like a quiet day. So the vendor is asked for it, from time to time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from math import inf

from django.conf import settings

from controltower.systems import calls
from controltower.systems.calls import Door
from controltower.systems.models import Subscription, System
from controltower.systems.switchboard import Switchboard

MESSAGES = "messages"
"""A system's option: true where it has to send us messages, false where it need not. Without it,
what was once seen to point at us is to stay."""
GONE = "It is not there any more, or points elsewhere."
MISSING = "There is none that points at {address}."
PATIENCE = 60.0
"""Seconds for which answers are awaited."""


def address(system: System) -> str:
    """Where a system's messages reach us."""
    return f"{settings.ADDRESS}/inbound/{system.slug}/"


def watch(*, now: datetime) -> int:
    """Ask each vendor for its subscriptions, and keep what it says; returns how many answered.
    Of those who do not answer nothing new is said."""
    Subscription.objects.filter(system__in=System.objects.filter(options__messages=False)).delete()
    asked = [one for one in System.objects.callable(now) if is_watched(one)]
    answered = 0
    with Switchboard(_ask) as board:
        board.place([(system, system) for system in asked])
        while board.in_flight and (replies := board.replies(PATIENCE)):
            for reply in replies:
                if reply.answer is not None:
                    _keep(reply.ticket, reply.answer, now)
                    answered += 1
    return answered


def is_watched(system: System) -> bool:
    """Whether the system tells by subscriptions, and nobody has said that it need not."""
    return bool(calls.descriptor(system).told) and system.options.get(MESSAGES) is not False


async def _ask(door: Door, system: System) -> Sequence[calls.Subscription]:
    return await door.subscriptions(address(system))


def _keep(system: System, seen: Sequence[calls.Subscription], now: datetime) -> None:
    known = {one.entity: one for one in system.subscriptions.all()}
    for entity in calls.descriptor(system).told:
        best = _best([one for one in seen if one.entity == entity])
        kept = known.get(entity)
        if best is None and kept is None and not system.options.get(MESSAGES):
            continue
        missing = GONE if kept and kept.ref else MISSING.format(address=address(system))
        kept = kept or Subscription(system=system, entity=entity)
        if best is not None:
            kept.ref, kept.expires_at = best.ref, best.expires_at
        kept.trouble = (missing if best is None else best.trouble)[:300]
        kept.troubled_at = (kept.troubled_at or now) if kept.trouble else None
        kept.checked_at = now
        kept.save()


def _best(found: Sequence[calls.Subscription]) -> calls.Subscription | None:
    """Of several one that works, and of these the one that lasts longest."""

    def lasting(one: calls.Subscription) -> tuple[bool, float]:
        return not one.trouble, one.expires_at.timestamp() if one.expires_at else inf

    return max(found, key=lasting, default=None)
