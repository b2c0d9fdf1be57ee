"""What the general ledger and the journals show of recognised revenue.

Our reference to an entry is its document number, by which the ledger knows it for ever; the journal
that it was drafted in is empty once it is posted. A month of a project is told by the mark at the
end of the text of its line of revenue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from controltower.canonical.verdicts import Done, Exchange, Outcome, Verdict
from integrations import revenue_entries
from integrations.business_central.client import CentralClient, literal
from integrations.business_central.codes import Company
from integrations.business_central.wire import version_of
from integrations.revenue_entries import SEPARATOR, mark_of, parts_of
from integrations.shape import Drift, Row, amount, day, listed, required, text

LONGEST_CODE = 10


@dataclass(frozen=True, slots=True)
class Known:
    """What there is of a reference: its lines, posted or drafted, and the journal of the draft."""

    number: str
    lines: Sequence[Row]
    is_posted: bool
    journal: Row | None
    exchange: Exchange


async def recognised(client: CentralClient, company: Company, project: str) -> Verdict:
    """What is posted as revenue of a project, by the month in which it was earned, whenever it was
    booked. Raises CallFailed, Drift."""
    marked = f"contains(description,{literal(f'{SEPARATOR}{project}{SEPARATOR}')})"
    rows, exchange = await _rows(client, company, "generalLedgerEntries", marked)
    booked = ((text(row, "description"), _worth(row)) for row in rows)
    money = await currency(client, company)
    return revenue_entries.recognised(project, company.code, money, booked, exchange)


async def known(client: CentralClient, company: Company, number: str) -> Known:
    """What there is of a reference. Raises CallFailed, Drift."""
    number = number.upper()
    by_number = f"documentNumber eq {literal(number)}"
    rows, exchange = await _rows(client, company, "generalLedgerEntries", by_number)
    if rows:
        return Known(number, rows, True, None, exchange)
    journal, exchange = await drafted(client, company, number)
    lines = listed(journal, "journalLines") if journal else ()
    ours = [line for line in lines if text(line, "documentNumber") == number]
    return Known(number, ours, False, journal, exchange)


async def drafted(
    client: CentralClient, company: Company, number: str
) -> tuple[Row | None, Exchange]:
    """The journal of a reference, with its lines."""
    query = {"$filter": f"code eq {literal(number[-LONGEST_CODE:])}", "$expand": "journalLines"}
    rows, exchange = await client.rows(f"{company.path}/journals", query)
    return (rows[0] if rows else None), exchange


async def done(client: CentralClient, company: Company, entry: Known, outcome: Outcome) -> Done:
    """What the company has of the entry, and of its month altogether. Raises CallFailed, Drift."""
    earned = next((row for row in entry.lines if SEPARATOR in text(row, "description")), None)
    if earned is None:
        raise Drift(f"no line of {entry.number} is of revenue")
    name, project, period = parts_of(text(earned, "description"))
    on = day(earned, "postingDate")
    values = {
        "reference": entry.number,
        "number": entry.number if entry.is_posted else "",
        "state": "posted" if entry.is_posted else "draft",
        "company": company.code,
        "date": on,
        "booked_in": f"{on:%Y-%m}" if on else "",
        "name": name,
        "project": project,
        "period": period,
        "currency": await currency(client, company),
        "amount": _worth(earned),
        "recognised": await shown(client, company, project, period),
    }
    ref, version = f"{company.code}/{entry.number}", version_of(earned)
    return Done(ref=ref, outcome=outcome, version=version, values=values, exchange=entry.exchange)


async def shown(
    client: CentralClient, company: Company, project: str, period: str, but: str = ""
) -> Decimal:
    """What ledger and drafts show of one month, `but` for one entry."""
    marked = f"endswith(description,{literal(mark_of(project, period))})"
    found = [
        row
        for collection in ("generalLedgerEntries", "journalLines")
        for row in (await _rows(client, company, collection, marked))[0]
    ]
    others = [row for row in found if text(row, "documentNumber") != but]
    return sum(map(_worth, others), Decimal(0))


def _worth(line: Row) -> Decimal:
    """What a line is of revenue: the ledger tells its sides apart, a journal signs its amount."""
    if "amount" in line:
        return -amount(line, "amount")
    return amount(line, "creditAmount") - amount(line, "debitAmount")


async def currency(client: CentralClient, company: Company) -> str:
    """In which a company keeps its books. Raises CallFailed, Drift."""
    rows, _ = await client.rows(f"{company.path}/companyInformation", {})
    if not rows:
        raise Drift("the company says nothing of itself")
    return required(rows[0], "currencyCode")


async def _rows(
    client: CentralClient, company: Company, collection: str, test: str
) -> tuple[Sequence[Row], Exchange]:
    return await client.rows(f"{company.path}/{collection}", {"$filter": test})
