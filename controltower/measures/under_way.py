"""What is under way, stuck or moving: asked once for a page and cut by each of its regions."""

from __future__ import annotations

from datetime import datetime

from controltower.measures import closing, flow, held_up
from controltower.measures.exposure import (
    MOVING,
    Parts,
    Scope,
    lateness_of_stuck,
    priced,
    stakes,
    transactions,
)
from controltower.measures.held_up import HeldUp
from controltower.measures.paths import stands_at


def under_way(scope: Scope, now: datetime) -> Parts:
    """What is not at its end, as far as this person sees it, by all that the regions ask for."""
    keys = tuple(dict.fromkeys((*flow.PLACE, *held_up.KEYS, *closing.MONTH)))
    rows = priced(transactions(scope).live()).annotate(
        stands_at=stands_at(),
        lateness=lateness_of_stuck(now, scope.person.zone),
        age=held_up.age(now),
        moved_by=closing.MOVED_BY,
    )
    return Parts(keys, stakes(rows, *keys))


def stuck_of(live: Parts) -> HeldUp:
    """What of it waits for a person."""
    place = live.keys.index("lateness")
    stuck = {key: one for key, one in live.stakes.items() if key[place] != MOVING}
    return HeldUp(held_up.KEYS, Parts(live.keys, stuck).by(*held_up.KEYS))
