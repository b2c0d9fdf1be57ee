"""Promises kept, from the rollup of what arrived."""

from __future__ import annotations

from controltower.measures.kpis.measure import Reading, Window, series, share
from controltower.measures.promises import DAYS


def read(window: Window) -> Reading:
    """The share of what ended with a promise that kept it."""
    days = window.ended(promised=True)
    lately = [pair for ago, pair in days.items() if ago < DAYS]
    earlier = [pair for ago, pair in days.items() if ago >= DAYS]
    return Reading(
        value=_share(lately),
        before=_share(earlier),
        days=series({ago: share(*pair) for ago, pair in days.items()}),
        records=sum(kept for kept, _ended in lately),
    )


def ended(window: Window, process: str) -> int:
    """How many of a process ended with a promise in the last 30 days."""
    days = window.ended(process, promised=True)
    return sum(ended for ago, (_kept, ended) in days.items() if ago < DAYS)


def _share(pairs: list[tuple[int, int]]) -> float | None:
    return share(sum(kept for kept, _ended in pairs), sum(ended for _kept, ended in pairs))
