"""Which invoices carry our facts: by the origin that stands below every line.

The vendor cannot search lines, so what has changed lately is looked through.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from controltower.canonical.verdicts import Exchange, Kind, Outcome, Rejected, Verdict
from integrations.answers import as_agreed
from integrations.business_central.client import CentralClient
from integrations.business_central.codes import Company
from integrations.business_central.papers import INVOICE
from integrations.business_central.read_invoice import done, state_of
from integrations.business_central.wire import stamp
from integrations.shape import Row, listed, text


async def of(
    client: CentralClient, company: Company, facts: Sequence[str], facts_for: timedelta
) -> tuple[list[Row], Exchange]:
    """Invoices changed within `facts_for` any of whose lines comes from one of these facts.
    Cancelled ones do not count. Raises CallFailed."""
    since = stamp(datetime.now(UTC) - facts_for)
    query = {"$filter": f"lastModifiedDateTime gt {since}", **INVOICE.expanded}
    rows, exchange = await client.rows(f"{company.path}/salesInvoices", query)

    def carries(row: Row) -> bool:
        return state_of(row) != "cancelled" and _facts_on(row, facts) > 0

    return as_agreed(lambda: [row for row in rows if carries(row)], exchange), exchange


def _facts_on(row: Row, facts: Sequence[str]) -> int:
    said = [text(line, "description") for line in listed(row, "salesInvoiceLines")]
    return sum(any(one.endswith(fact) for one in said) for fact in facts)


def judged(
    rows: Sequence[Row], facts: Sequence[str], company: Company, exchange: Exchange
) -> Verdict:
    """The one invoice that carries exactly these facts; anything else is for a person. Raises
    Drift."""
    found = done(rows[0], company, Outcome.READ, exchange)
    exactly = len(found.values["lines"]) == len(facts) == _facts_on(rows[0], facts)
    if len(rows) == 1 and exactly:
        return found
    shown = "; ".join(
        f"{text(row, 'number')} ({text(row, 'externalDocumentNumber')}) carries "
        f"{_facts_on(row, facts)} of {len(facts)}"
        for row in rows
    )
    words = f"Work of this invoice is on another one in Business Central already: {shown}."
    return Rejected(kind=Kind.DUPLICATE, text=words, exchange=exchange)
