"""How long a won deal waits for its project: the project's own step, of the latest deals."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from django.db.models import F

from controltower.measures import walks
from controltower.measures.kpis.measure import Reading, Window, series
from controltower.measures.kpis.span import since_their_clock
from controltower.transactions.models import Step
from controltower.transactions.protocol import FINISHED

PROJECT = "project"
"""The step by which a project stands in the PSA."""


def read(window: Window, process: str) -> Reading:
    """The median time from the closed deal to the project that was read back."""
    latest = walks.latest(window.scope, process).order_by().values("pk")
    steps = Step.objects.filter(transaction__in=latest, name=PROJECT, state__in=FINISHED)
    took: dict[int, list[float]] = {}
    rows = steps.order_by().values_list(
        "done_at",
        F("transaction__happened_at"),
        F("transaction__clock_from"),
        F("transaction__started_at"),
    )
    records = undated = 0
    for done, happened, clock_from, started in rows:
        records += 1
        if done is not None:
            undated += happened is None
            ago = window.ago(done.astimezone(window.here).date())
            length = (done - (happened or clock_from or started)).total_seconds()
            took.setdefault(ago, []).append(max(length, 0.0))
    return Reading(
        value=_median([one for day in took.values() for one in day]),
        days=series({ago: _median(lengths) for ago, lengths in took.items()}),
        records=records,
        note=since_their_clock(undated),
    )


def _median(lengths: Sequence[float]) -> float | None:
    return median(lengths) if lengths else None
