"""One process against its promise, as the Tower and the list of processes show it."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from controltower.firm.models import Role
from controltower.measures import promises, today
from controltower.web import policy_words, wording
from controltower.web.charts import small
from controltower.web.stakes import listing, money


def promise_row(line: promises.PromiseLine) -> dict[str, Any]:
    """One process against its promise as rows show it."""
    mark = wording.promise_mark(line.slowest_tenth, line.promise)
    return {
        "process": line.title,
        "url": reverse("process", args=[line.name]),
        "token": mark.token,
        "word": mark.word,
        "team": Role(line.owner_role).label,
        "promise": policy_words.short(line.agreed),
        "slowest": line.slowest_tenth,
        "strip": small.strip([_day(share) for share in line.days]),
        "slack": None if line.slack is None else small.slack(line.slack, mark.token),
        "stuck": line.stuck.count,
        "value": money(line.stuck),
        "at_risk": line.at_risk,
        "at_risk_url": listing(process=line.name, lateness="at_risk"),
    }


def _day(share: float | None) -> small.StripDay:
    if share is None:
        return small.StripDay(0.0, "nt")
    if share >= today.PROMISED:
        return small.StripDay(share, "nt")
    return small.StripDay(share, "rk" if share >= today.PROMISED - 0.1 else "br")
