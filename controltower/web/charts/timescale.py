"""A broken time axis: moments to pixels, in order, with long waits folded.

1. The distinct moments are sorted; the spaces between them are the intervals.
2. While one interval is many times the others, it is folded to a break of fixed width.
3. Every other interval gets a least width, and the rest is shared by length.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

BREAK = 15.0
PAD = 26.0
LEAST = 34.0
DOMINANT = 8
MOST_BREAKS = 4


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the axis without a break."""

    start: datetime
    end: datetime
    left: float
    right: float


@dataclass(frozen=True, slots=True)
class TimeScale:
    """Where each moment stands, and the spans between the breaks."""

    spans: tuple[Span, ...]
    at: dict[datetime, float]


def build(moments: Iterable[datetime], left: float, right: float) -> TimeScale:
    """Lay the moments out between two edges. Raises ValueError without any moment."""
    times = sorted(set(moments))
    if not times:
        raise ValueError("a time axis needs at least one moment")
    gaps = [later - earlier for earlier, later in pairwise(times)]
    folded = _folded(gaps)
    widths = _widths(gaps, folded, right - left)
    return _place(times, gaps, folded, widths, left, right)


def _folded(gaps: list[timedelta]) -> set[int]:
    """Which intervals are folded: the dominant ones, as long as more than one remains."""
    folded: set[int] = set()
    while len(folded) < min(MOST_BREAKS, len(gaps) - 1):
        rest = [i for i in range(len(gaps)) if i not in folded]
        longest = max(rest, key=lambda i: gaps[i])
        others = sum((gaps[i] for i in rest if i != longest), timedelta(0)) / (len(rest) - 1)
        if gaps[longest] < timedelta(minutes=1) or gaps[longest] < others * DOMINANT:
            break
        folded.add(longest)
    return folded


def _widths(gaps: list[timedelta], folded: set[int], room: float) -> list[float]:
    """Pixel width of every interval; the whole with pads and breaks fills the room."""
    open_gaps = [i for i in range(len(gaps)) if i not in folded]
    free = room - len(folded) * BREAK - (len(folded) + 1) * 2 * PAD
    least = min(LEAST, max(free, 0.0) / max(len(open_gaps), 1))
    spare = max(free - least * len(open_gaps), 0.0)
    total = sum((gaps[i] for i in open_gaps), timedelta(0)).total_seconds() or 1.0
    widths = [BREAK + 2 * PAD] * len(gaps)
    for i in open_gaps:
        widths[i] = least + spare * gaps[i].total_seconds() / total
    return widths


def _place(
    times: list[datetime],
    gaps: list[timedelta],
    folded: set[int],
    widths: list[float],
    left: float,
    right: float,
) -> TimeScale:
    at = {times[0]: left + PAD}
    spans: list[Span] = []
    span_start, span_left = times[0], left
    for index in range(len(gaps)):
        before, after = times[index], times[index + 1]
        at[after] = at[before] + widths[index]
        if index in folded:
            edge = at[before] + PAD
            spans.append(Span(span_start, before, span_left, edge))
            span_start, span_left = after, edge + BREAK
    spans.append(Span(span_start, times[-1], span_left, right))
    return TimeScale(tuple(spans), at)
