"""Knock at connections that refuse our sign-in: once one accepts it again, what waited goes out."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from controltower.canonical.verdicts import Done, Kind, Verdict
from controltower.systems import holding
from controltower.systems.calls import Door
from controltower.systems.models import System
from controltower.systems.switchboard import Switchboard
from controltower.transactions import bell
from controltower.transactions.models import Step
from controltower.transactions.protocol import CLAIMABLE

log = logging.getLogger(__name__)
PATIENCE = 30.0
"""Seconds for which answers are awaited."""


def knock(*, now: datetime) -> list[str]:
    """Ask each held connection whether it accepts our sign-in; returns those that do."""
    held = holding.refused()
    with Switchboard(_ask) as board:
        board.place([(systems[0], slug) for slug, systems in held.items()])
        opened = []
        while board.in_flight and (replies := board.replies(PATIENCE)):
            opened += [reply.ticket for reply in replies if isinstance(reply.answer, Done)]
    for slug in opened:
        _open(slug, held[slug], now)
    return opened


async def _ask(door: Door, _slug: str) -> Verdict:
    return await door.health()


def _open(slug: str, systems: Sequence[System], now: datetime) -> None:
    holding.release(slug)
    waiting = Step.objects.filter(system__connection=slug, state__in=CLAIMABLE, kind=Kind.AUTH)
    waiting.update(due_at=now)
    bell.ring("systems", "incidents", "tower")
    log.info("sign-in accepted again", extra={"system": systems[0].slug})
