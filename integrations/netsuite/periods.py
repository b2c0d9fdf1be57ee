"""Accounting periods: is the month open? Reads only."""

from __future__ import annotations

from datetime import date

from controltower.canonical.verdicts import Done, Kind, Outcome, Rejected, Verdict
from integrations.netsuite.client import SuiteClient, select
from integrations.shape import choice, required


async def find(client: SuiteClient, on: date) -> Verdict:
    """The month that holds a day; its `state` is open or closed. Raises CallFailed, Drift."""
    day = f"TO_DATE('{on.isoformat()}', 'YYYY-MM-DD')"
    month, within = "isyear = 'F' AND isquarter = 'F'", f"startdate <= {day} AND enddate >= {day}"
    query = select("id, periodname, closed", "accountingperiod", month, within)
    rows, exchange = await client.rows(query)
    if not rows:
        words = f"NetSuite has no accounting period for {on}."
        return Rejected(kind=Kind.NOT_FOUND, text=words, exchange=exchange)
    state = choice(rows[0], "closed", {"T": "closed", "F": "open"})
    values = {"name": required(rows[0], "periodname"), "state": state}
    ref = required(rows[0], "id")
    return Done(ref=ref, outcome=Outcome.READ, values=values, exchange=exchange)
