"""Whether vendors still send us what they were told to send: their subscriptions, looked at.

A webhook that somebody deletes, that points elsewhere or runs out tells nothing, and its silence
looks like a quiet day. So the vendor is asked for it, from time to time. Where a connector makes
its subscriptions itself, those of the feeds we read are made and renewed before that.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
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
REFUSED = "It could not be made or renewed: {words}"
SOON = timedelta(days=1)
"""How long before its end it matters that a subscription could not be renewed."""
PATIENCE = 60.0
"""Seconds for which answers are awaited."""


@dataclass(frozen=True, slots=True)
class _Look:
    """A system to be asked, and what it has to tell us by itself as far as we read it."""

    system: System
    wanted: Collection[str]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a vendor showed. `is_ours` says whether its subscriptions are the tower's to make, and
    `refused` why it would not make them."""

    subscriptions: Sequence[calls.Subscription]
    is_ours: bool
    refused: str = ""


def address(system: System) -> str:
    """Where a system's messages reach us."""
    return f"{settings.ADDRESS}/inbound/{system.slug}/"


def watch(*, now: datetime) -> int:
    """Ask each vendor for its subscriptions, made or renewed where that is ours to do, and keep
    what it says; returns how many answered. Of those who do not answer nothing new is said."""
    Subscription.objects.filter(system__in=System.objects.filter(options__messages=False)).delete()
    asked = [one for one in System.objects.callable(now) if is_watched(one)]
    answered = 0
    with Switchboard(_ask) as board:
        board.place([(system, _Look(system, _wanted(system))) for system in asked])
        while board.in_flight and (replies := board.replies(PATIENCE)):
            for reply in replies:
                if reply.answer is not None:
                    _keep(reply.ticket, reply.answer, now)
                    answered += 1
    return answered


def is_watched(system: System) -> bool:
    """Whether the system tells by subscriptions, and nobody has said that it need not."""
    return bool(calls.descriptor(system).told) and system.options.get(MESSAGES) is not False


def _wanted(system: System) -> Collection[str]:
    if not system.options.get(MESSAGES):
        return ()
    read = set(system.feeds.values_list("entity", flat=True))
    return [entity for entity in calls.descriptor(system).told if entity in read]


async def _ask(door: Door, look: _Look) -> _Seen:
    refused, ours = "", address(look.system)
    if door.subscribes and look.wanted:
        try:
            await door.subscribe(ours, look.wanted)
        except calls.CallFailed as failure:
            refused = str(getattr(failure.verdict, "text", ""))
    return _Seen(await door.subscriptions(ours), door.subscribes, refused)


def _keep(look: _Look, seen: _Seen, now: datetime) -> None:
    system, has_to = look.system, bool(look.system.options.get(MESSAGES))
    known = {one.entity: one for one in system.subscriptions.all()}
    for entity in calls.descriptor(system).told:
        best = _best([one for one in seen.subscriptions if one.entity == entity])
        kept = known.get(entity)
        missed = has_to and (entity in look.wanted or not seen.is_ours)
        if best is None and kept is None and not missed:
            continue
        kept = kept or Subscription(system=system, entity=entity)
        kept.trouble = _trouble(kept, best, seen.refused, now)[:300]
        if best is not None:
            kept.ref, kept.expires_at = best.ref, best.expires_at
        kept.troubled_at = (kept.troubled_at or now) if kept.trouble else None
        kept.checked_at = now
        kept.save()


def _trouble(
    kept: Subscription, best: calls.Subscription | None, refused: str, now: datetime
) -> str:
    """What is wrong with what tells us of an entity, "" when nothing is."""
    if best is None:
        missing = GONE if kept.ref else MISSING.format(address=address(kept.system))
        return REFUSED.format(words=refused) if refused else missing
    if best.trouble or not refused:
        return best.trouble
    ends_soon = best.expires_at is not None and best.expires_at < now + SOON
    return REFUSED.format(words=refused) if ends_soon else ""


def _best(found: Sequence[calls.Subscription]) -> calls.Subscription | None:
    """Of several one that works, and of these the one that lasts longest."""

    def lasting(one: calls.Subscription) -> tuple[bool, float]:
        return not one.trouble, one.expires_at.timestamp() if one.expires_at else inf

    return max(found, key=lasting, default=None)
