"""The Tower's months: by when each must be complete, what it waits for, and what moves that."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from controltower.canonical.money import Money
from controltower.measures import closing
from controltower.measures.closing import DOOR, OWN, PERSON, RUN, MonthLine
from controltower.measures.exposure import Scope, Stake, reporting_currency
from controltower.processes.month_end_close import Standing
from controltower.systems.models import System


def region(scope: Scope, now: datetime) -> dict[str, Any]:
    """What tower/_close.html draws."""
    titles = dict(System.objects.values_list("slug", "title"))
    return {"months": [_row(line, titles, now) for line in closing.lines(scope, now)]}


def _row(line: MonthLine, titles: dict[str, str], now: datetime) -> dict[str, Any]:
    return {
        "id": f"{line.entity.code}-{line.close.month}",
        "entity": line.entity.code,
        "name": line.entity.name,
        "month": line.close.month,
        "standing": _standing(line),
        "cut_off": line.close.cut_off,
        "told_by": titles.get(line.told_by, line.told_by),
        "told_at": line.told_at,
        "untold": line.is_untold(now),
        "held": line.held.count,
        "value": _money(line.held),
        "url": _listing(line, state="open"),
        "moves": _moves(line),
        "surge": line.surge,
    }


def _standing(line: MonthLine) -> str:
    """Past its cut-off with nothing left to do, a month is complete."""
    complete = line.standing is Standing.OVERDUE and not line.held.count
    return "complete" if complete else line.standing


def _moves(line: MonthLine) -> Sequence[dict[str, Any]]:
    """What must happen to what is not done, most money first."""
    words = {
        PERSON: (_("needs someone"), "br", _listing(line, state="stuck")),
        DOOR: (_("waits for a system"), "rk", reverse("systems")),
        RUN: (_("waits for its billing run"), "nt", ""),
        OWN: (_("on its way"), "mv", ""),
    }
    found = sorted(line.moved_by.items(), key=lambda pair: (-pair[1].amount, pair[0]))
    return [
        {
            "words": words[by][0],
            "token": words[by][1],
            "url": words[by][2],
            "count": stake.count,
            "value": _money(stake),
        }
        for by, stake in found
    ]


def _listing(line: MonthLine, *, state: str) -> str:
    query = {"state": state, "entity": line.entity.code, "month": line.close.month}
    return f"{reverse('transactions')}?{urlencode(query)}"


def _money(stake: Stake) -> Money:
    return Money.of(stake.amount, reporting_currency())
