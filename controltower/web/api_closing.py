"""The signals of each month's end over the API: the Tower's own lines, by the same function."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest
from django.utils import timezone
from ninja import Field, Router, Schema

from controltower.firm.models import Surge
from controltower.measures import closing
from controltower.measures.closing import MonthLine
from controltower.measures.exposure import Scope
from controltower.processes.month_end_close import Standing
from controltower.web.api_access import caller, require_entity
from controltower.web.api_processes import StakeOut
from controltower.web.api_words import Text

router = Router()


class SurgeOut(Schema):
    """Until when a month goes first, and why; `by` is empty where the calendar says so."""

    ends_at: datetime
    reason: str
    by: str


class MonthOut(Schema):
    """A company's month that is to be closed."""

    entity: str
    month: str = Field(examples=["2026-11"])
    standing: Standing
    cut_off: datetime
    told_by: str = Field(description="The ERP whose word the standing rests on; empty: none yet.")
    told_at: datetime | None
    open_work: StakeOut
    moved_by: dict[str, StakeOut] = Field(
        description="person: needs someone; door: a system must come back; run: waits for its "
        "billing run; own: on its way."
    )
    surge: SurgeOut | None


@router.get("/months", response=list[MonthOut], summary="Months to close, and what they wait for")
def months(request: HttpRequest, entity: Text | None = None) -> list[MonthOut]:
    """By company, oldest first."""
    person = caller(request)
    require_entity(person, entity)
    return [_month(line) for line in closing.lines(Scope(person, entity or ""), timezone.now())]


def _month(line: MonthLine) -> MonthOut:
    return MonthOut(
        entity=line.entity.code,
        month=line.close.month,
        standing=line.standing,
        cut_off=line.close.cut_off,
        told_by=line.told_by,
        told_at=line.told_at,
        open_work=StakeOut.of(line.held),
        moved_by={by: StakeOut.of(stake) for by, stake in line.moved_by.items()},
        surge=_surge(line.surge) if line.surge else None,
    )


def _surge(surge: Surge) -> SurgeOut:
    by = surge.by.username if surge.by else ""
    return SurgeOut(ends_at=surge.ends_at, reason=surge.reason, by=by)
