"""Accounting periods: is the month open? Reads only."""

from __future__ import annotations

from datetime import date

from controltower.canonical.verdicts import Done, Kind, Outcome, Rejected, Verdict
from integrations.answers import as_agreed
from integrations.business_central.client import PERIODS_VERSION, CentralClient
from integrations.business_central.codes import Company
from integrations.shape import Row, day, flag, required


async def find(client: CentralClient, company: Company, on: date) -> Verdict:
    """The period that begins last before a day; its `state` is open or closed."""
    query = {"$filter": f"startingDate le {on.isoformat()}"}
    rows, exchange = await client.rows(f"{company.path}/accountingPeriods", query, PERIODS_VERSION)
    if not rows:
        words = f"{company.title} has no accounting period for {on}."
        return Rejected(kind=Kind.NOT_FOUND, text=words, exchange=exchange)

    def latest() -> dict[str, object]:
        row = max(rows, key=_start)
        state = "closed" if flag(row, "closed") else "open"
        start = day(row, "startingDate")
        return {"company": company.code, "name": _name(row), "state": state, "start_date": start}

    values = as_agreed(latest, exchange)
    ref = f"{company.code}/{values['start_date']}"
    return Done(ref=ref, outcome=Outcome.READ, values=values, exchange=exchange)


def _start(row: Row) -> str:
    return required(row, "startingDate")


def _name(row: Row) -> str:
    return f"{required(row, 'startingDate')[:7]}"
