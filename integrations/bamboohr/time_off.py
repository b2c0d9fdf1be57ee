"""Requests for time off: when somebody is not there, and what became of the request.

The vendor lists requests by the days that they are about, and says of a change only on which day it
was. So everything about the days around now is read, what has changed since the cursor's day is
told, and the cursor stays a day behind: the same request, saying the same, keeps its event id.
Why somebody is away, and what they wrote about it, is not even asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

from controltower.canonical.events import ABSENCE_CHANGED, BusinessKey, CanonicalEvent
from controltower.canonical.records import Absence
from controltower.canonical.verdicts import Done, Kind, Outcome, Rejected, Verdict
from integrations import exact_json
from integrations.answers import as_agreed, each
from integrations.bamboohr.changes import Place
from integrations.bamboohr.client import BambooClient, content_of
from integrations.connector import CallFailed, Change, ChangePage
from integrations.http import Answer
from integrations.shape import (
    Drift,
    Row,
    amount,
    at,
    choice,
    day,
    object_of,
    objects,
    of_type,
    text,
)

BEFORE, AHEAD = timedelta(days=31), timedelta(days=400)
"""Around today, the days that requests are read about."""
_ENTITY = "customLegalEntity"
_APPROVED = {
    "approved": True, "denied": False, "superceded": False, "requested": False, "canceled": False,
}  # fmt: skip
_IN_HOURS = {"hours": True, "days": False}


class TimeOff:
    """The requests of one account; `source` is its slug."""

    def __init__(self, client: BambooClient, source: str) -> None:
        self._client = client
        self._source = source

    async def read_changes(
        self, cursor: str, limit: int, now: datetime, lookback: timedelta
    ) -> ChangePage:
        """Requests decided on since the cursor's day, each with its employee's company. Raises
        CallFailed."""
        known = Place.read(cursor)
        start = known or Place(now - lookback)
        rows = await self._requests(now.date() - BEFORE, now.date() + AHEAD)
        placed = sorted(as_agreed(lambda: [(_place(row), row) for row in rows]), key=_in_order)
        changed = [one for one in placed if one[0] > start]
        page = changed[:limit]
        has_more = len(changed) > len(page)
        companies = await self._companies([row for _, row in page])
        told = [{**row, **companies[_employee(row)]} for _, row in page]
        changes, aside = as_agreed(
            lambda: each((str(r["id"]), r, partial(changed_of, self._source, r)) for r in told)
        )
        settled = Place(_midnight(now.date() - timedelta(days=1)))
        return ChangePage(
            changes=changes,
            aside=aside,
            next_cursor=(page[-1][0] if has_more else settled).text(),
            has_more=has_more,
            gap=bool(cursor) and known is None,
        )

    async def get(self, entity: str, ref: str) -> Verdict:
        """One request by its id; or an employee's ``availability``, by their id and two days."""
        if entity == "availability":
            return await self._availability(*ref.split("\n"))
        nothing = Rejected(kind=Kind.NOT_FOUND, text=f"BambooHR has no absence “{ref}”.")
        if not (ref.isascii() and ref.isdecimal()):
            return nothing
        rows = await self._requests(date(1970, 1, 1), date(2199, 12, 31), id=ref)
        if not rows:
            return nothing
        companies = await self._companies(rows[:1])
        found = as_agreed(lambda: absence({**rows[0], **companies[_employee(rows[0])]}))
        return Done(ref=ref, outcome=Outcome.READ, values=found.as_dict())

    async def _availability(self, employee: str, since: str, until: str) -> Verdict:
        """Approved days off of an employee from a day to another."""
        first, last = date.fromisoformat(since), date.fromisoformat(until)
        rows = await self._requests(first, last, employeeId=employee, status="approved")
        days = as_agreed(lambda: [one for row in rows for one in _days(row)])
        inside = [one for one in days if since <= str(one["from_date"]) <= until]
        return Done(ref=employee, outcome=Outcome.READ, values={"absences": inside})

    async def _requests(self, first: date, last: date, **asked: str) -> list[dict[str, Any]]:
        """What is kept of them: neither names nor notes nor the kind. Raises CallFailed."""
        window = {"start": str(first), "end": str(last), "excludeNote": "1", **asked}
        answer = await self._answer(f"/time_off/requests?{urlencode(window)}")
        names = ("id", "employeeId", "start", "end", "status", "amount", "dates")

        def kept() -> list[dict[str, Any]]:
            return [{name: at(row, name) for name in names} for row in objects(content_of(answer))]

        return as_agreed(kept, answer.exchange)

    async def _companies(self, rows: Sequence[Row]) -> Mapping[str, Mapping[str, str]]:
        """By employee, the company that employs them; "" of somebody who is gone."""
        found: dict[str, Mapping[str, str]] = {}
        for number in {as_agreed(partial(_employee, row)) for row in rows}:
            path = f"/employees/{quote(number, safe='')}?{urlencode({'fields': _ENTITY})}"
            answer = await self._client.read(path)
            if isinstance(answer, Answer):
                read = partial(_company, answer)
                found[number] = {_ENTITY: as_agreed(read, answer.exchange)}
            elif isinstance(answer, Rejected) and answer.kind is Kind.NOT_FOUND:
                found[number] = {_ENTITY: ""}
            else:
                raise CallFailed(answer)
        return found

    async def _answer(self, path: str) -> Answer:
        answer = await self._client.read(path)
        if not isinstance(answer, Answer):
            raise CallFailed(answer)
        return answer


def absence(row: Row) -> Absence:
    """A request, with its employee's company beside it. Raises Drift."""
    in_hours = choice(row, "amount.unit", _IN_HOURS)
    return Absence(
        source_id=_number(row, "id"),
        entity=text(row, _ENTITY),
        resource_id=_employee(row),
        approved=choice(row, "status.status", _APPROVED),
        from_date=day(row, "start"),
        to_date=day(row, "end"),
        hours=amount(row, "amount.amount") if in_hours else Decimal(0),
    )


def changed_of(source: str, row: Row) -> Change:
    """The fact that a request tells; its id is made of what it says. Raises Drift."""
    found = absence(row)
    said = exact_json.encode(found.as_dict()).encode()
    event = CanonicalEvent(
        id=f"absence:{found.source_id}:{hashlib.blake2b(said, digest_size=8).hexdigest()}",
        type=ABSENCE_CHANGED,
        source=f"{source}/absence",
        subject=f"absence:{found.source_id}",
        time=_place(row).at,
        version=text(row, "status.lastChanged"),
        record=found,
        keys=(
            BusinessKey("absence", found.source_id),
            BusinessKey("resource", found.resource_id),
        ),
    )
    return Change(raw=exact_json.encode(row).encode(), event=event)


def retold(raw: bytes) -> Absence:
    """What the bytes of a change mean. Raises Drift."""
    return absence(object_of(exact_json.decode(raw)))


def _days(row: Row) -> list[dict[str, Any]]:
    """The days of a request on which somebody is off, as the vendor counts them. Raises Drift."""
    in_hours = choice(row, "amount.unit", _IN_HOURS)
    dates = object_of(at(row, "dates"))
    found = [(on, amount(dates, (on,))) for on in sorted(dates)]
    return [
        {"from_date": on, "to_date": on, "hours": off if in_hours else Decimal(0)}
        for on, off in found
        if off
    ]


def _place(row: Row) -> Place:
    on = day(row, "status.lastChanged")
    if on is None:
        raise Drift("“status.lastChanged” is not a day")
    return Place(_midnight(on), int(_number(row, "id")))


def _number(row: Row, path: str) -> str:
    return str(of_type(row, path, int) or 0)


def _employee(row: Row) -> str:
    return _number(row, "employeeId")


def _company(answer: Answer) -> str:
    return text(object_of(content_of(answer)), _ENTITY)


def _midnight(on: date) -> datetime:
    return datetime.combine(on, time(), UTC)


def _in_order(placed: tuple[Place, Mapping[str, Any]]) -> Place:
    return placed[0]
