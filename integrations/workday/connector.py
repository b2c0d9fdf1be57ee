"""Workday's door: workers and days off are read; nothing is written to the HR system of record."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from controltower.canonical.records import Record
from controltower.canonical.verdicts import (
    Done,
    Effect,
    Exchange,
    Kind,
    Misconfigured,
    Outcome,
    Quota,
    Rejected,
    Verdict,
)
from integrations import exact_json
from integrations.answers import as_agreed, each, not_offered
from integrations.connector import (
    Auth,
    CallFailed,
    Change,
    ChangeFeed,
    ChangePage,
    Connection,
    Descriptor,
    Key,
    Operation,
    Unread,
    Verification,
)
from integrations.places import Place
from integrations.shape import Row, object_of, required, text
from integrations.workday import translate
from integrations.workday.client import ABSENCE, STAFFING, WorkdayClient
from integrations.workday.needs import NEEDS

MOST_PER_PAGE = 500
_ID = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Report:
    """A custom report that tells changes: its name, the columns that name a row's record, and how
    its rows are read."""

    name: str
    id: Sequence[str]
    read: Callable[[Row], Record]
    change: Callable[[str, Row], Change]

    def ref(self, row: Row) -> str:
        """The id of a row's record, as far as even a bad row says it."""
        return ":".join(str(row.get(column, "")) for column in self.id)


REPORTS = {
    "resource": Report(
        "Tower_Workers", ("Workday_ID",), translate.resource, translate.worker_changed
    ),
    "absence": Report(
        "Tower_Time_Off", ("Worker_ID", "Time_Off_ID"), translate.absence, translate.absence_changed
    ),
}


class WorkdayConnector:
    """One tenant. Secrets: `client_id`, `client_secret`, `refresh_token`. Options: `tenant` and
    `owner` (of the reports); `lookback_days` (30), where a feed without a cursor begins;
    `window_days` (30), the longest window asked for at once; `settle_seconds` (60), how far a feed
    stays behind the clock."""

    descriptor = Descriptor(
        name="workday",
        title="Workday",
        domain="HRIS",
        api_version="RaaS, REST v6",
        feeds=dict.fromkeys(REPORTS, ChangeFeed.POLL),
        operations=tuple(
            Operation(entity, "get", Effect.READ) for entity in (*REPORTS, "availability")
        ),
        verification=Verification.SANDBOX,
        auth=Auth.REFRESH,
        concurrency=4,
        needs=NEEDS,
    )

    def __init__(self, connection: Connection) -> None:
        self._source = connection.slug
        self._client = WorkdayClient(connection)
        options = connection.options
        self._lookback = timedelta(days=float(options.get("lookback_days", 30)))
        self._window = timedelta(days=float(options.get("window_days", 30)))
        self._settle = timedelta(seconds=max(float(options.get("settle_seconds", 60)), 1))

    async def close(self) -> None:
        """Give sockets back."""
        await self._client.close()

    async def health(self) -> Verdict:
        """Ask for one worker: signed in, and almost nothing to answer."""
        try:
            _, exchange = await self._client.page(f"{STAFFING}:/workers", limit=1, offset=0)
        except CallFailed as failure:
            return failure.verdict
        return Done(ref="", outcome=Outcome.READ, exchange=exchange)

    def rate_limit(self) -> Quota:
        """The vendor keeps its limits to itself."""
        return Quota()

    async def read_changes(self, entity: str, cursor: str, limit: int) -> ChangePage:
        """What was changed in a window of our choice, oldest first. Raises CallFailed.

        A report has no pages: the cursor is where the next window begins, or the last row taken
        when the window held more than `limit`.
        """
        report = _report(entity)
        now = datetime.now(UTC)
        known = Place.read(cursor)
        start = known or Place(now - self._lookback)
        until = min(start.at + self._window, now)
        rows, exchange = await self._changed(report, start.at, until)
        found, aside = as_agreed(partial(self._after, report, rows, start), exchange)
        page = found[: min(limit, MOST_PER_PAGE)]
        if len(page) < len(found):
            following = page[-1][0]
        else:
            following = Place(until if until < now else now - self._settle)
        return ChangePage(
            changes=[change for _, change in page],
            aside=aside,
            next_cursor=following.text(),
            has_more=len(page) < len(found) or until < now,
            gap=bool(cursor) and known is None,
        )

    def _after(
        self, report: Report, rows: Sequence[Row], start: Place
    ) -> tuple[list[tuple[Place, Change]], list[Unread]]:
        """The changes after a place, oldest first, and rows that cannot be read. Raises Drift."""
        changes, aside = each(
            (report.ref(row), row, partial(report.change, self._source, row)) for row in rows
        )
        placed = [(Place(one.event.time, one.event.record.source_id), one) for one in changes]
        return sorted((one for one in placed if one[0] > start), key=lambda one: one[0]), aside

    async def _changed(
        self, report: Report, since: datetime, until: datetime
    ) -> tuple[Sequence[Row], Exchange]:
        window = {"Updated_From": _prompt(since), "Updated_Through": _prompt(until)}
        return await self._client.report(report.name, window)

    async def reread(self, entity: str, row: Unread) -> Change | None:
        """From its bytes. Raises Drift."""
        return _report(entity).change(self._source, object_of(exact_json.decode(row.raw)))

    def retell(self, entity: str, raw: bytes) -> Record | None:
        """A change's bytes are the whole row of its report."""
        report = REPORTS.get(entity)
        return report.read(object_of(exact_json.decode(raw))) if report else None

    async def ack(self, refs: Sequence[str]) -> None:
        """Nothing to say: a report leaves the source as it is."""

    async def get(self, entity: str, ref: str, company: str = "") -> Verdict:
        """One worker by the vendor's id, or one day off by the worker's and its own; or the
        ``availability`` of a worker: approved days off from a day to another, a line each."""
        if entity == "availability":
            return await self._availability(*ref.split("\n"))
        _report(entity)
        if entity == "absence":
            return await self._day_off(ref)
        if not ref:
            return _absent(entity, ref)
        rows, exchange = await self._client.report(REPORTS["resource"].name, {"Worker!WID": ref})
        if not rows:
            return _absent(entity, ref, exchange)
        return as_agreed(lambda: _worker(rows[0], exchange), exchange)

    async def _day_off(self, ref: str) -> Verdict:
        parts = ref.split(":")
        if len(parts) != 2 or not all(map(_ID.fullmatch, parts)):
            return _absent("absence", ref)
        worker, number = parts
        rows, exchange = await self._details(worker)
        found = as_agreed(lambda: [r for r in rows if required(r, "id") == number], exchange)
        if not found:
            return _absent("absence", ref, exchange)
        employed = await self.get("resource", worker)
        company = str(employed.values["entity"]) if isinstance(employed, Done) else ""
        record = as_agreed(partial(translate.day_off, worker, company, found[0]), exchange)
        return Done(
            ref=record.source_id, outcome=Outcome.READ, values=record.as_dict(), exchange=exchange
        )

    async def _availability(self, worker: str, since: str, until: str) -> Verdict:
        if not _ID.fullmatch(worker):
            return _absent("resource", worker)
        rows, exchange = await self._details(worker)

        def absences() -> list[dict[str, Any]]:
            days = [translate.day_off(worker, "", row).as_dict() for row in rows]
            return [
                {name: day[name] for name in ("from_date", "to_date", "hours")}
                for day in days
                if day["approved"] and since <= str(day["from_date"]) <= until
            ]

        found = as_agreed(absences, exchange)
        return Done(ref=worker, outcome=Outcome.READ, values={"absences": found}, exchange=exchange)

    async def _details(self, worker: str) -> tuple[list[Row], Exchange]:
        return await self._client.collection(f"{ABSENCE}:/workers/{worker}/timeOffDetails")

    async def find(self, entity: str, business_key: Mapping[str, Any]) -> Verdict:
        """A worker by employee `number`, or anything by its `ref`."""
        _report(entity)
        if "ref" in business_key:
            return await self.get(entity, str(business_key["ref"]))
        number = str(business_key.get("number") or "")
        if entity != "resource" or not number:
            unclear = f"No {entity} can be looked up by “{', '.join(business_key)}”."
            return Misconfigured(kind=Kind.CONTRACT, text=unclear)
        rows, exchange = await self._client.collection(f"{STAFFING}:/workers", search=number)
        found = as_agreed(
            lambda: [required(r, "id") for r in rows if text(r, "workerId") == number], exchange
        )
        if len(found) > 1:
            several = f"{len(found)} workers have this number: {', '.join(found)}."
            return Rejected(kind=Kind.DUPLICATE, text=several, exchange=exchange)
        return await self.get(entity, found[0]) if found else _absent(entity, number, exchange)

    async def check(self, entity: str, record: Mapping[str, Any]) -> Verdict | None:
        """Nothing is written, so nothing can speak against it."""
        _report(entity)
        return None

    async def upsert(self, entity: str, record: Mapping[str, Any], idempotency_key: str) -> Verdict:
        """Not offered: people are hired in the HR system, not here."""
        return not_offered("Workday", f"upsert of {entity}")

    async def act(
        self, entity: str, ref: str, action: str, record: Mapping[str, Any], idempotency_key: str
    ) -> Verdict:
        """Not offered."""
        return not_offered("Workday", f"“{action}” on {entity}")

    async def keys(self, entity: str, since: datetime, until: datetime) -> Sequence[Key]:
        """Everything changed in the window; of workers with what an hour costs. Raises
        CallFailed."""
        report = _report(entity)
        rows, exchange = await self._changed(report, since, until)
        inside = as_agreed(
            lambda: [row for row in rows if since <= translate.stamp(row) < until], exchange
        )
        return as_agreed(lambda: [_key(report.read(row), row) for row in inside], exchange)


def _report(entity: str) -> Report:
    if entity not in REPORTS:
        raise CallFailed(not_offered("Workday", entity))
    return REPORTS[entity]


def _prompt(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def _absent(entity: str, ref: str, exchange: Exchange | None = None) -> Rejected:
    text = f"Workday has no {entity} “{ref}”."
    return Rejected(kind=Kind.NOT_FOUND, text=text, exchange=exchange)


def _worker(row: Row, exchange: Exchange) -> Done:
    found = translate.resource(row)
    return Done(
        ref=found.source_id,
        outcome=Outcome.READ,
        version=translate.version(row),
        values=found.as_dict(),
        exchange=exchange,
    )


def _key(record: Record, row: Row) -> Key:
    said = record.as_dict()
    amount = str(said["cost_rate"]) if "cost_rate" in said else ""
    return Key(
        ref=record.source_id,
        key=str(said.get("number") or record.source_id),
        version=translate.version(row),
        amount=amount,
        currency=str(said.get("currency", "")),
    )
