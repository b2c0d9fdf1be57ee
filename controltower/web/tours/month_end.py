"""The end of a month on a tour: a surge that is felt, and the ERP's word on a period."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from django.utils import timezone

from controltower.firm.models import LegalEntity, Period, Person
from controltower.measures import closing
from controltower.measures.exposure import Scope
from controltower.processes.month_end_close import SURGE_PACE, recent_months
from controltower.systems.models import Feed
from controltower.transactions import surging
from controltower.transactions.models import Transaction
from controltower.transactions.world import entities
from controltower.web.tours.walk import Door, TourFailed, Walk

CONTROLLER = "anna.lindqvist"
SOMEBODY_ELSE_S = "LF-US"
"""A company whose older months nothing of the tour belongs to."""


def play(walk: Walk, doors: Mapping[str, Door], billing: Transaction) -> Iterator[dict[str, Any]]:
    """The billed month is complete; it goes first while a controller says so; and a month that is
    closed in the ERP is closed here. All is left as it was. Raises TourFailed."""
    controller = Person.objects.get(username=CONTROLLER)
    assert billing.entity is not None
    left = closing.undone(Scope(controller, billing.entity.code)).filter(month=billing.month)
    if left.filter(pk=billing.pk).exists():
        raise TourFailed(f"{billing.title} is posted, but {billing.month} still waits for it.")
    said = f"{billing.month} waits for {left.count()} other matters, not for {billing.title}"
    yield walk.tell("Tower", said)
    yield from _surge(walk, billing.entity, billing.month, controller)
    yield from _period(walk, doors)


def _surge(walk: Walk, entity: LegalEntity, month: str, by: Person) -> Iterator[dict[str, Any]]:
    try:
        surge = surging.begin(
            entity=entity, month=month, lasts=timedelta(hours=1), reason="A tour of the tower",
            by=by, now=timezone.now(),
        )  # fmt: skip
    except surging.Impossible as refused:
        yield walk.tell("Tower", f"No surge is begun: {refused}")
        return
    try:
        walk.until(_is_felt, "Feeds that are read more often")
        said = f"{month} goes first: feeds are read {SURGE_PACE} times as often"
        yield walk.tell("Tower", said)
    finally:
        surging.end(surge=surge, reason="The tour is over", by=by, now=timezone.now())


def _is_felt() -> bool:
    return any(
        feed.polled_at
        and feed.due_at - feed.polled_at == timedelta(seconds=feed.every_seconds) / SURGE_PACE
        for feed in Feed.objects.filter(every_seconds__gt=0)
    )


def _period(walk: Walk, doors: Mapping[str, Door]) -> Iterator[dict[str, Any]]:
    """Turn an old month in the ERP that tells of it, see it turned here, and turn it back."""
    month = recent_months(entities()[SOMEBODY_ELSE_S], timezone.now(), 2)[-1]
    period = Period.objects.get(entity__code=SOMEBODY_ELSE_S, month=month)
    turns = (
        ("reopen_period", "close_period") if period.closed else ("close_period", "reopen_period")
    )
    for action in turns:
        doors[period.told_by].do(action, company=SOMEBODY_ELSE_S, period=month)
        wanted = Period.objects.filter(pk=period.pk, closed=action == "close_period")
        walk.until(wanted.exists, f"{month} in the tower as in the ERP")
        word = "closed" if action == "close_period" else "open"
        yield walk.tell("ERP", f"{month} of {SOMEBODY_ELSE_S} is {word} in the ERP, and so here")
