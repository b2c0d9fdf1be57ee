"""How much of what fixed-price projects were planned with is used up, as the PSA measures it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from controltower.firm.rates import rates
from controltower.measures import walks
from controltower.measures.kpis.measure import Reading, Window, share
from controltower.processes.delivered_work import COST, HOURS


def read(window: Window, process: str) -> Reading:
    """The part of the planned hours or cost that is done, in the newest of each project's latest
    months; projects weigh what their contracts are worth in the reporting currency. Over 1 where
    more is done than was planned."""
    told = list(walks.latest(window.scope, process).values_list("subject", flat=True))
    known = rates()
    used, whole = Decimal(0), Decimal(0)
    for month in _newest(told):
        worth = Decimal(str(month["value"])) * known.get(str(month["currency"]), Decimal(0))
        used += worth * Decimal(str(month["done"])) / Decimal(str(month["budget"]))
        whole += worth
    return Reading(value=share(float(used), float(whole)), records=len(told))


def _newest(told: Iterable[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
    """The newest month of each project that is measured against hours or cost planned."""
    planned = (one for one in told if one.get("method") in (HOURS, COST))
    found: dict[str, Mapping[str, Any]] = {}
    for month in sorted(planned, key=lambda one: str(one["period"])):
        if Decimal(str(month.get("budget") or 0)) > 0:
            found[str(month["project_id"])] = month
    return found.values()
