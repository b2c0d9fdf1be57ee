"""Promises kept, from the rollup of what arrived."""

from __future__ import annotations

from collections.abc import Iterable

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


def spared(window: Window, process: str, by: str) -> Reading:
    """One, less how many of another process there were for each of one: what it has spared."""
    whole = {ago: n for ago, (_kept, n) in window.ended(process, promised=True).items()}
    undone = {ago: n for ago, (_kept, n) in window.ended(by, promised=True).items()}

    def of(agos: Iterable[int]) -> float | None:
        days = list(agos)
        lost = share(sum(undone.get(d, 0) for d in days), sum(whole.get(d, 0) for d in days))
        return None if lost is None else max(0.0, 1 - lost)

    return Reading(
        value=of(range(DAYS)),
        before=of(range(DAYS, 2 * DAYS)),
        days=series({ago: of([ago]) for ago in whole}),
        records=ended(window, by),
    )


def ended(window: Window, process: str) -> int:
    """How many of a process ended with a promise in the last 30 days."""
    days = window.ended(process, promised=True)
    return sum(ended for ago, (_kept, ended) in days.items() if ago < DAYS)


def _share(pairs: list[tuple[int, int]]) -> float | None:
    return share(sum(kept for kept, _ended in pairs), sum(ended for _kept, ended in pairs))
