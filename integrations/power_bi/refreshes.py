"""What a dataset's history says: which figures it shows, and whether new ones are on their way.

An entry's status is "Unknown" while it runs. A refresh shows what the warehouse held when it began.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from integrations import exact_json
from integrations.shape import Row, choice, moment, text

RUNS, DONE, FAILED = "running", "done", "failed"
_STATUS = {
    "Unknown": RUNS,
    "Completed": DONE,
    **dict.fromkeys(("Failed", "Disabled", "Cancelled"), FAILED),
}


@dataclass(frozen=True, slots=True)
class Refresh:
    """One refresh; `words` say why it failed."""

    began_at: datetime
    status: str
    words: str


def history(rows: Sequence[Row]) -> list[Refresh]:
    """The refreshes, the newest first. Raises Drift."""
    return sorted(map(_refresh, rows), key=lambda one: one.began_at, reverse=True)


def _refresh(row: Row) -> Refresh:
    status = choice(row, "status", _STATUS)
    return Refresh(moment(row, "startTime"), status, _words(row) if status == FAILED else "")


def _words(row: Row) -> str:
    """Why a refresh failed: an error's description or code, in JSON inside the JSON."""
    written = text(row, "serviceExceptionJson") if "serviceExceptionJson" in row else ""
    try:
        told = exact_json.decode(written)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        return "Power BI gives no reason"
    return str(told.get("errorDescription") or told.get("errorCode") or "Power BI gives no reason")


def running(known: Sequence[Refresh]) -> Refresh | None:
    """The refresh that is under way; there is at most one."""
    return next((one for one in known if one.status == RUNS), None)


def covers(known: Sequence[Refresh], since: datetime) -> bool:
    """Whether a refresh that began at that time or later is done, or under way."""
    return any(one.began_at >= since and one.status != FAILED for one in known)


def rest(known: Sequence[Refresh], now: datetime, a_day: int) -> timedelta:
    """How long no refresh may begin, for `a_day` of them to last the whole day; failed ones count
    as well."""
    if not known:
        return timedelta(0)
    return max(known[0].began_at + timedelta(days=1) / a_day - now, timedelta(0))


def used(known: Sequence[Refresh], now: datetime) -> int:
    """How many began within a day."""
    return sum(one.began_at > now - timedelta(days=1) for one in known)


def shown(dataset: str, known: Sequence[Refresh]) -> dict[str, str]:
    """A dataset in our words: the moment whose figures it shows ("" before its first refresh), and
    why the newest refresh failed, if it did."""
    done = next((one for one in known if one.status == DONE), None)
    failed = known[0] if known and known[0].status == FAILED else None
    return {
        "dataset": dataset,
        "figures_of": done.began_at.isoformat() if done else "",
        "failed_at": failed.began_at.isoformat() if failed else "",
        "words": failed.words if failed else "",
    }
