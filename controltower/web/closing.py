"""The Tower's months: by when each must be complete, what it waits for, and what moves that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from controltower.canonical.money import Money
from controltower.measures import closing
from controltower.measures.closing import DOOR, OWN, PERSON, RUN, Blocker, MonthLine
from controltower.measures.exposure import Parts, Scope, Stake, reporting_currency
from controltower.measures.forecast import Forecast, forecast
from controltower.processes.month_end_close import Standing
from controltower.systems.models import System
from controltower.web import formats
from controltower.web.privacy import masked_text

MOST_BLOCKERS = 3

TOKENS = {PERSON: "br", DOOR: "rk", RUN: "nt", OWN: "mv"}


class Foretold(NamedTuple):
    """A forecast in words, with the token of how good it is."""

    token: str
    words: str


def region(
    scope: Scope, now: datetime, live: Parts | None = None, letters: Parts | None = None
) -> dict[str, Any]:
    """What tower/_close.html draws; what the page has asked for already is not asked again."""
    titles = dict(System.objects.values_list("slug", "title"))
    lines = closing.lines(scope, now, live)
    ahead = [line for line in lines if line.close.cut_off > now and not line.is_closed]
    soonest = min(ahead, key=lambda line: (line.close.cut_off, line.entity.code), default=None)
    return {
        "sentence": _sentence(lines),
        "months": [_row(line, titles, now) for line in lines],
        "next": soonest and _next(soonest, ahead, now),
        "blockers": [_blocker(one) for one in closing.blockers(scope, MOST_BLOCKERS, letters)],
    }


def _sentence(lines: Sequence[MonthLine]) -> str:
    """What stands between these months and their end."""
    undone = sum(line.held.count for line in lines)
    needs = [line.moved_by[PERSON] for line in lines if PERSON in line.moved_by]
    people, amount = sum(one.count for one in needs), sum(one.amount for one in needs)
    words = {
        "n": formats.number(people),
        "undone": formats.number(undone),
        "value": formats.compact(Money.of(amount, reporting_currency())),
    }
    if not lines:
        return ""
    if not undone:
        return _("All that belongs to these months is done.")
    if not people:
        return _("Not done yet: %(undone)s, none of which needs someone.") % words
    said = ngettext(
        "Not done yet: %(undone)s, of which %(n)s needs someone, %(value)s.",
        "Not done yet: %(undone)s, of which %(n)s need someone, %(value)s.",
        people,
    )
    return said % words


def foretold(scope: Scope, following: Mapping[str, Any] | None, now: datetime) -> Foretold | None:
    """Whether what needs someone will be done by the cut-off that comes first (the region's
    `next`), in words; nothing where nobody is needed."""
    if following is None:
        return None
    found = forecast(scope, following["entities"], following["month"], now)
    if found is None:
        return None
    if found.takes is None or found.done_by is None:
        return Foretold("nt", _("Too little was solved in 30 days to say when it will be done."))
    token, words = _judged(found, following["cut_off"], now)
    length, when = formats.duration(found.takes), formats.when(found.done_by, now)
    return Foretold(token, words % {"length": length, "when": when})


def _judged(found: Forecast, cut_off: datetime, now: datetime) -> Foretold:
    if found.is_overdue(now):
        return Foretold("rk", _(
            "Nine tenths of what was solved in 30 days took at most %(length)s; what needs someone "
            "now has taken longer."
        ))  # fmt: skip
    if found.done_by and found.done_by > cut_off:
        return Foretold("br", _(
            "As nine tenths were solved in 30 days (within %(length)s), what needs someone is done "
            "%(when)s: after the cut-off."
        ))  # fmt: skip
    return Foretold("ok", _(
        "As nine tenths were solved in 30 days (within %(length)s), what needs someone is done "
        "%(when)s, before the cut-off."
    ))  # fmt: skip


def calendar(scope: Scope, now: datetime) -> Sequence[dict[str, Any]]:
    """Each month's cut-off, the days around it on which its work goes first, and its books."""
    return [
        {
            "entity": line.entity.code,
            "month": line.close.month,
            "cut_off": line.close.cut_off,
            "from": line.close.surges_from,
            "until": line.close.surges_until,
            "before": papers.before,
            "after": papers.after,
        }
        for line, papers in closing.booked(closing.lines(scope, now))
    ]


def _next(soonest: MonthLine, ahead: Sequence[MonthLine], now: datetime) -> dict[str, Any]:
    """The cut-off that comes first, and whose it is: companies may share it."""
    cut_off = soonest.close.cut_off
    return {
        "cut_off": cut_off,
        "left": cut_off - now,
        "entities": [line.entity.code for line in ahead if line.close.cut_off == cut_off],
        "month": soonest.close.month,
    }


def _blocker(one: Blocker) -> dict[str, Any]:
    filters = {"cause": one.cause.pk, "entity": one.entity, "month": one.month}
    return {
        "title": masked_text(one.cause.title),
        "entity": one.entity,
        "month": one.month,
        "count": one.stake.count,
        "value": _money(one.stake),
        "group_url": reverse("exception", args=[one.cause.pk]),
        "url": f"{reverse('transactions')}?{urlencode(filters)}",
    }


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
    found = sorted(line.moved_by.items(), key=lambda pair: (-pair[1].amount, pair[0]))
    return [
        {
            "words": _moved(by, stake.count),
            "token": TOKENS[by],
            "url": _listing(line, moved_by=by),
            "count": stake.count,
            "value": _money(stake),
        }
        for by, stake in found
    ]


def _moved(by: str, count: int) -> str:
    """How many wait for what, in words."""
    words = {
        PERSON: ngettext("%(n)s needs someone", "%(n)s need someone", count),
        DOOR: ngettext("%(n)s waits for a system", "%(n)s wait for a system", count),
        RUN: ngettext("%(n)s waits for its billing run", "%(n)s wait for their billing run", count),
        OWN: ngettext("%(n)s is on its way", "%(n)s are on their way", count),
    }
    return words[by] % {"n": formats.number(count)}


def _listing(line: MonthLine, **filters: str) -> str:
    query = {**filters, "entity": line.entity.code, "month": line.close.month}
    return f"{reverse('transactions')}?{urlencode(query)}"


def _money(stake: Stake) -> Money:
    return Money.of(stake.amount, reporting_currency())
