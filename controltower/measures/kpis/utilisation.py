"""How much of what people could have worked was approved as worked, of the last four weeks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.utils.translation import ngettext

from controltower.measures import utilised
from controltower.measures.exposure import Scope, transactions
from controltower.measures.kpis.margin import FEWEST
from controltower.measures.kpis.measure import Reading, Window, share
from controltower.measures.promises import DAYS
from controltower.measures.utilised import A_DAY, LENGTH
from controltower.transactions.models.journey import TransactionQuerySet


def read(window: Window) -> Reading:
    """The share of the last four weeks; of each earlier day that of the four weeks until then, as
    far back as any time is known. Of fewer than five people nothing is told: it would be how
    somebody works."""
    scope, today = window.scope, _today(window.scope, window.now)
    people = utilised.people(scope, today)
    note = _note(len(people.counted), people.left_out)
    if len(people.counted) < FEWEST:
        return Reading(records=_behind(window).count(), note=note)
    first = today - DAYS * A_DAY - LENGTH
    worked = utilised.approved(scope, people.names, first, today)
    could = utilised.capacity(people.counted, first, today)
    known = min(worked, default=today)
    every = [today - ago * A_DAY for ago in range(DAYS, -1, -1)]
    days = [_until(worked, could, day, since=first) if day >= known else None for day in every]
    return Reading(days[-1], days[0], days[1:], _behind(window).count(), note)


def _until(
    worked: Mapping[date, Decimal], could: Mapping[date, Decimal], day: date, since: date
) -> float | None:
    first = max(day - LENGTH + A_DAY, since)
    every = [first + timedelta(days=number) for number in range((day - first).days + 1)]
    hours = sum((worked.get(one, Decimal(0)) for one in every), Decimal(0))
    return share(float(hours), float(sum((could[one] for one in every), Decimal(0))))


def _today(scope: Scope, now: datetime) -> date:
    return now.astimezone(ZoneInfo(scope.person.zone)).date()


def _behind(window: Window) -> TransactionQuerySet:
    return behind(transactions(window.scope), window.scope, window.now)


def behind(rows: TransactionQuerySet, scope: Scope, now: datetime) -> TransactionQuerySet:
    """Those of the rows that hold the approved time of the last four weeks."""
    today = _today(scope, now)
    names = utilised.people(scope, today).names
    return utilised.holding(rows, names, today - LENGTH + A_DAY, today)


def _note(counted: int, left_out: int) -> str:
    if counted < FEWEST:
        words = ngettext(
            "Of %(n)d person nothing is told: it would be how somebody works.",
            "Of %(n)d people nothing is told: it would be how somebody works.",
            counted,
        )
        return words % {"n": counted}
    if not left_out:
        return ""
    words = ngettext(
        "Without %(n)d person of whom no HR system says how many hours a week they are employed "
        "for, or who shares a name.",
        "Without %(n)d people of whom no HR system says how many hours a week they are employed "
        "for, or who share a name.",
        left_out,
    )
    return words % {"n": left_out}
