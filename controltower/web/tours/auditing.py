"""What an auditor asks at the end of a month: every total across systems, and the ten rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.utils import timezone

from controltower.incidents.models import Incident
from controltower.measures import invariants
from controltower.web.tours.comparing import Comparison
from controltower.web.tours.cost_totals import CostTotals
from controltower.web.tours.sales_totals import SalesTotals
from controltower.web.tours.settling import settled
from controltower.web.tours.stage import Lines
from controltower.web.tours.walk import Door, TourFailed, Walk

LOOKS = 6
"""So often both sides are read at most: a client may pay while they are, and is told a moment
later. What differs alike in two looks counts at once."""
MOST_SHOWN = 40


def audited(walk: Walk, doors: Mapping[str, Door]) -> Lines:
    """The totals, place by place, and what is open or wrong. Raises TourFailed with each difference
    that nobody knows of, each broken rule, and each incident about one since the walk began."""
    found, before = _compared(doors), set[str]()
    for _ in range(LOOKS - 1):
        differs = _unexplained(found)
        if differs <= before:
            break
        before = differs
        yield settled(walk, "What has happened meanwhile")
        found = _compared(doors)
    for one in found:
        yield from _shown(walk, one)
    wrong = [*sorted(_unexplained(found)), *_broken(walk)]
    if wrong:
        more = [f"… and {len(wrong) - MOST_SHOWN} more"] if len(wrong) > MOST_SHOWN else []
        raise TourFailed("\n".join([*wrong[:MOST_SHOWN], *more]))
    records = sum(len(one.records()) for one in found)
    text = f"Every total agrees, to the cent, on {records:,} records, and the ten rules hold"
    yield walk.tell("Books", text)


def _compared(doors: Mapping[str, Door]) -> list[Comparison]:
    return [*SalesTotals(doors).comparisons(), *CostTotals(doors).comparisons()]


def _unexplained(found: Sequence[Comparison]) -> set[str]:
    return {f"{one.title}: {row}" for one in found for row in one.unexplained()}


def _broken(walk: Walk) -> list[str]:
    breaches = invariants.breaches(timezone.now())
    rules = [one.code for one in invariants.INVARIANTS]
    incidents = Incident.objects.filter(subject__in=rules, seen_at__gte=walk.started)
    return [
        *(f"{code} is broken: {row}" for code, rows in breaches.items() for row in rows),
        *(f"{incident}: {incident.title}" for incident in incidents),
    ]


def _shown(walk: Walk, one: Comparison) -> Lines:
    """A line for each company, currency and month; then what is known to be open."""
    yield walk.tell("", f"{one.title}: {one.sides[0]} | {one.sides[1]}")
    for place, here, there in one.rows():
        label = " ".join(filter(None, place))
        apart = "" if here == there else f"  {here - there:+,.2f}"
        yield walk.tell("Books", f"{label:<20} {here:>16,.2f} {there:>16,.2f}{apart}")
    for difference in one.differences():
        yield walk.tell("Open" if difference.because else "WRONG", str(difference))
