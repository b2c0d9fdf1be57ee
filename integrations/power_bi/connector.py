"""Power BI's door: a dataset is brought up to date, and says which figures it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
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
    TryLater,
    Verdict,
)
from integrations.answers import as_agreed, not_offered
from integrations.connector import (
    CallFailed,
    ChangePage,
    Connection,
    Descriptor,
    Key,
    Operation,
    Verification,
)
from integrations.http import LONGEST_REST
from integrations.power_bi import refreshes
from integrations.power_bi.client import PowerBiClient
from integrations.power_bi.needs import NEEDS
from integrations.power_bi.refreshes import Refresh

DATASET, REFRESH = "dataset", "refresh"
A_DAY = 8
"""Refreshes that a shared capacity takes in a day."""
_SOONEST, _LATEST = timedelta(seconds=2), timedelta(minutes=10)


class PowerBiConnector:
    """One workspace. Secrets: `client_id`, `client_secret`. Options: those of the client;
    `dataset`, the one that is meant where none is named; `refreshes_a_day` (8 on a shared capacity,
    48 on a premium one), over which they are spread."""

    descriptor = Descriptor(
        name="power_bi",
        title="Power BI",
        domain="Analytics",
        api_version="v1.0",
        feeds={},
        operations=(
            Operation(DATASET, "get", Effect.READ),
            Operation(DATASET, REFRESH, Effect.IDEMPOTENT),
        ),
        verification=Verification.CONTRACT,
        concurrency=2,
        needs=NEEDS,
    )

    def __init__(self, connection: Connection) -> None:
        self._client = PowerBiClient(connection)
        self._dataset = str(connection.options.get("dataset") or "")
        self._a_day = max(int(connection.options.get("refreshes_a_day", A_DAY)), 1)
        self._quota = Quota()

    async def close(self) -> None:
        """Give sockets back."""
        await self._client.close()

    async def health(self) -> Verdict:
        """Ask for the workspace's datasets."""
        try:
            exchange = await self._client.datasets()
        except CallFailed as failure:
            return failure.verdict
        return Done(ref="", outcome=Outcome.READ, exchange=exchange)

    def rate_limit(self) -> Quota:
        """Refreshes of a day, as the last dataset's history counts them."""
        return self._quota

    async def read_changes(self, entity: str, cursor: str, limit: int) -> ChangePage:
        """Dashboards tell nothing. Raises CallFailed."""
        raise CallFailed(not_offered("Power BI", f"feed of {entity}"))

    def retell(self, entity: str, raw: bytes) -> Record | None:
        """There is no feed."""
        return None

    async def ack(self, refs: Sequence[str]) -> None:
        """There is no feed."""

    async def get(self, entity: str, ref: str, company: str = "") -> Verdict:
        """A dataset: which figures it shows. While a refresh is under way nobody can say."""
        if entity != DATASET:
            return not_offered("Power BI", entity)
        try:
            known, exchange = await self._history(ref)
        except CallFailed as failure:
            return failure.verdict
        if under_way := refreshes.running(known):
            return _still_running(under_way, exchange)
        return _told(ref, known, Outcome.READ, exchange)

    async def find(self, entity: str, business_key: Mapping[str, Any]) -> Verdict:
        """A `dataset` that shows, or will show, the figures of a moment (`since`, ISO 8601)."""
        if entity != DATASET:
            return not_offered("Power BI", entity)
        ref = str(business_key.get(DATASET) or self._dataset)
        since = _moment(business_key.get("since"))
        if since is None:
            unclear = "No dataset can be looked up without the time whose figures it should show."
            return Misconfigured(kind=Kind.CONTRACT, text=unclear)
        try:
            known, exchange = await self._history(ref)
        except CallFailed as failure:
            return failure.verdict
        if refreshes.covers(known, since):
            return _told(ref, known, Outcome.READ, exchange)
        text = "No refresh since then is done or under way."
        return Rejected(kind=Kind.NOT_FOUND, text=text, exchange=exchange)

    async def check(self, entity: str, record: Mapping[str, Any]) -> Verdict | None:
        """Nothing speaks against a refresh that only Power BI itself could know."""
        return None if entity == DATASET else not_offered("Power BI", entity)

    async def upsert(self, entity: str, record: Mapping[str, Any], idempotency_key: str) -> Verdict:
        """Datasets are made by people."""
        return not_offered("Power BI", f"upsert of {entity}")

    async def act(
        self, entity: str, ref: str, action: str, record: Mapping[str, Any], idempotency_key: str
    ) -> Verdict:
        """``refresh``: have a dataset show what the warehouse held at `since`. A refresh that began
        later, and has not failed, is as good as another; one that began before is waited for."""
        if (entity, action) != (DATASET, REFRESH):
            return not_offered("Power BI", f"“{action}” on {entity}")
        since = _moment(record.get("since"))
        if since is None:
            text = "A refresh was ordered without the time whose figures are wanted."
            return Misconfigured(kind=Kind.CONTRACT, text=text)
        ref = ref or self._dataset
        try:
            known, exchange = await self._history(ref)
            if refreshes.covers(known, since):
                return _told(ref, known, Outcome.ALREADY_DONE, exchange)
            if busy := self._busy(known, exchange):
                return busy
            exchange = await self._client.refresh(ref)
        except CallFailed as failure:
            return failure.verdict
        return Done(ref=ref, outcome=Outcome.UPDATED, exchange=exchange)

    async def keys(self, entity: str, since: datetime, until: datetime) -> Sequence[Key]:
        """A dataset has no key of ours. Raises CallFailed."""
        raise CallFailed(not_offered("Power BI", f"list of {entity}"))

    async def _history(self, dataset: str) -> tuple[list[Refresh], Exchange]:
        """The refreshes of a dataset, the newest first. Raises CallFailed."""
        if not dataset:
            absent = Rejected(kind=Kind.NOT_FOUND, text="A dataset without an id is none.")
            raise CallFailed(absent)
        rows, exchange = await self._client.history(dataset)
        known = as_agreed(lambda: refreshes.history(rows), exchange)
        self._quota = Quota(used=refreshes.used(known, datetime.now(UTC)), limit=self._a_day)
        return known, exchange

    def _busy(self, known: Sequence[Refresh], exchange: Exchange) -> Verdict | None:
        """Why no refresh may begin now: one runs, or the day's refreshes are to last the day."""
        if under_way := refreshes.running(known):
            return _still_running(under_way, exchange, Kind.RATE_LIMITED)
        rest = refreshes.rest(known, datetime.now(UTC), self._a_day)
        if not rest:
            return None
        text = (
            f"Power BI takes {self._a_day} refreshes a day; the next may begin in {_words(rest)}."
        )
        return TryLater(
            kind=Kind.RATE_LIMITED, text=text, after=min(rest, LONGEST_REST), exchange=exchange
        )


def _still_running(refresh: Refresh, exchange: Exchange, kind: Kind = Kind.TRANSIENT) -> TryLater:
    """Looked at again after as long as it has run already."""
    runs = datetime.now(UTC) - refresh.began_at
    text = f"Power BI has been refreshing since {refresh.began_at:%H:%M} UTC."
    after = min(max(runs, _SOONEST), _LATEST)
    return TryLater(kind=kind, text=text, after=after, exchange=exchange)


def _told(ref: str, known: Sequence[Refresh], outcome: Outcome, exchange: Exchange) -> Done:
    values = refreshes.shown(ref, known)
    version = known[0].began_at.isoformat() if known else ""
    return Done(ref=ref, outcome=outcome, version=version, values=values, exchange=exchange)


def _moment(written: object) -> datetime | None:
    """A time with its zone; None when it is none."""
    try:
        found = datetime.fromisoformat(str(written))
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else None


def _words(rest: timedelta) -> str:
    minutes = round(rest.total_seconds() / 60)
    return f"{minutes} min" if minutes else "less than a minute"
