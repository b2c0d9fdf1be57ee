"""Month-end close signals: by when a company's month must be complete, and what is not.

Scheduled: the cut-off is a working day of the following month, and the days around it a surge, in
which feeds are read more often and the month's work is played first. Polled: the ERP alone says
whether a month is open, and is asked every few seconds. Synchronous: what is sent into a closed
month is refused by the ERP at once and waits for its owner (`transactions/periods.py`). Whatever
was accepted before the cut-off and is not done by then needs the controller, with its money.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from controltower.canonical.calendar import A_DAY, MIDNIGHT
from controltower.processes.definition import (
    Entity,
    Facts,
    Hold,
    Learn,
    Milestone,
    Prepared,
    StepDefinition,
    Watch,
)
from controltower.processes.quote_to_cash import MISSING

SURGE_DAYS = 3
"""Working days before and after a cut-off on which its month goes first."""
SURGE_PACE = 3
"""How many times as often feeds are read in a surge."""
LONGEST_SURGE = timedelta(days=5)
"""A surge that a person has begun ends by itself after so long at the latest."""


class Standing(StrEnum):
    """Where a month is: work comes in, its cut-off is near, it has passed, or the ERP is shut."""

    OPEN = "open"
    CLOSING = "closing"
    OVERDUE = "overdue"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Close:
    """The close of a month ("2026-11"): its cut-off, and the surge around it from its first to
    after its last moment. Times UTC."""

    month: str
    cut_off: datetime
    surges_from: datetime
    surges_until: datetime

    def standing(self, *, closed: bool, now: datetime) -> Standing:
        """`closed` is what the ERP says."""
        if closed:
            return Standing.CLOSED
        if now >= self.cut_off:
            return Standing.OVERDUE
        return Standing.CLOSING if now >= self.surges_from else Standing.OPEN


def close_of(entity: Entity, month: str) -> Close:
    """By the entity's own calendar. Raises ValueError when `month` is none, NeverOpen."""
    days = entity.calendar
    last = days.month_end(date.fromisoformat(f"{month}-01"))
    first, after = days.moved(last, -SURGE_DAYS), days.moved(last, SURGE_DAYS) + A_DAY
    return Close(
        month, days.at(last, days.month_time), days.at(first, MIDNIGHT), days.at(after, MIDNIGHT)
    )


def recent_months(entity: Entity, now: datetime, back: int) -> list[str]:
    """The entity's present month and so many before it, newest first."""
    found, first = [], entity.today(now).replace(day=1)
    for _ in range(back + 1):
        found.append(f"{first:%Y-%m}")
        first = (first - timedelta(days=1)).replace(day=1)
    return found


def look(facts: Facts) -> Prepared:
    """It is done meanwhile, or the controller must see to it."""
    if arrived := facts.subject.get("arrived"):
        return Learn({"arrived": arrived})
    return Hold(
        MISSING,
        f"{BEFORE_CUT_OFF.missing}: “{facts.subject['name']}”. Post it while the ERP still has the "
        "month open, or take it into the next one.",
    )


def steps(_facts: Facts) -> tuple[StepDefinition, ...]:
    """One step: what was not done in time."""
    return (
        StepDefinition(
            name=BEFORE_CUT_OFF.name,
            title=BEFORE_CUT_OFF.title,
            prepare=look,
            owner_role=BEFORE_CUT_OFF.owner_role,
        ),
    )


BEFORE_CUT_OFF = Milestone(
    name="before-cut-off",
    title="Done before the cut-off",
    missing="It belongs to a month whose cut-off has passed, and it is not done",
    owner_role="controller",
    exposure="",
    each=True,
)
"""Expected of whatever belongs to a month; worth what it stands for, in its own kind of money."""

WATCH = Watch(
    name="month-end-close",
    title="Month-end close",
    owner_role="controller",
    steps=steps,
    milestones=(BEFORE_CUT_OFF,),
)
