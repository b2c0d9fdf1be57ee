"""Recognised revenue: journal entries under our reference as their external id, to be approved;
posting one is approving it. Each is over what neither the ledger nor other drafts show yet of the
month.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from controltower.canonical.verdicts import (
    Done,
    Exchange,
    Kind,
    Outcome,
    Rejected,
    Unknown,
    Verdict,
)
from integrations.connector import CallFailed
from integrations.netsuite import ledger, periods
from integrations.netsuite.account import UNREADABLE, Account, eid, path_of
from integrations.netsuite.codes import Codes, Subsidiary
from integrations.netsuite.invoices import APPROVED, PENDING
from integrations.netsuite.ledger import LINES, RECORD
from integrations.orders import Unfit
from integrations.revenue_entries import Entry, closed, nothing_left, unfit
from integrations.shape import Drift, Row, day, text

ENTRY, RECOGNISED = "revenue_entry", "revenue"
"""An entry, and what the ledger shows of a project's months altogether."""


async def get(account: Account, ref: str, outcome: Outcome = Outcome.READ) -> Verdict:
    """Read an entry by its id or `eid`. Raises CallFailed, Drift."""
    row, exchange = await account.client.record(path_of(RECORD, ref))
    return await ledger.done(account, row, outcome, exchange)


async def find(account: Account, key: Mapping[str, Any]) -> Verdict:
    """By our reference. Raises CallFailed, Drift."""
    reference = str(key.get("reference") or "").strip()
    ref = await ledger.known(account, reference) if reference else ""
    if not ref:
        words = f"NetSuite has no revenue entry with the reference {reference}."
        return Rejected(kind=Kind.NOT_FOUND, text=words)
    return await get(account, ref)


async def upsert(account: Account, record: Mapping[str, Any]) -> Verdict:
    """Write an entry over what is not shown yet of the month. A draft of ours is brought up to
    date; a posted entry is never touched. Raises CallFailed, Drift, Unfit."""
    entry = Entry.read(record)
    async with account.turn(f"revenue of {entry.project} in {entry.period}"):
        company = await account.subsidiaries.named(entry.company)
        ref = await ledger.known(account, entry.reference)
        if ref and (booked := await _booked(account, ref)):
            return booked
        shown = await ledger.shown(account, company, entry.project, entry.period, but=ref)
        due = entry.amount - shown
        if not due:
            return nothing_left(entry, "NetSuite")
        body = await _written(account, company, entry, due)
        if ref and (same := await _same(account, ref, entry, due)):
            return same
        place = eid(entry.reference)
        answer = await account.client.write("PUT", path_of(RECORD, place, LINES), body)
        outcome = Outcome.UPDATED if ref else Outcome.CREATED
        return await _read_back(account, place, outcome, answer.exchange)


async def check(account: Account, record: Mapping[str, Any]) -> Verdict | None:
    """Look up everything an entry refers to, its period included. Raises CallFailed, Unfit."""
    entry = Entry.read(record)
    company = await account.subsidiaries.named(entry.company)
    await _written(account, company, entry, entry.amount)
    return None


async def post(account: Account, ref: str, record: Mapping[str, Any]) -> Verdict:
    """Approve an entry. Twice is once. Raises CallFailed, Drift."""
    if booked := await _booked(account, ref):
        return booked
    try:
        body = {"approvalStatus": APPROVED}
        answer = await account.client.write("PATCH", path_of(RECORD, ref), body)
    except CallFailed as failure:
        refused = failure.verdict
        if isinstance(refused, Rejected) and refused.kind is Kind.PERIOD_CLOSED:
            return await _closed(account, ref, refused)
        return refused
    return await _read_back(account, ref, Outcome.UPDATED, answer.exchange)


async def _closed(account: Account, ref: str, refused: Rejected) -> Rejected:
    row, _ = await account.client.record(path_of(RECORD, ref))
    company, words = text(row, "subsidiary.refName"), f"NetSuite: {refused.text}"
    return closed(company, day(row, "tranDate"), words, refused.exchange)


async def _booked(account: Account, ref: str) -> Verdict | None:
    """What there is to say of an entry that is posted. Raises CallFailed, Drift."""
    row, exchange = await account.client.record(path_of(RECORD, ref))
    if ledger.state_of(row) != "posted":
        return None
    return await ledger.done(account, row, Outcome.ALREADY_DONE, exchange)


async def _same(account: Account, ref: str, entry: Entry, due: Decimal) -> Verdict | None:
    """What there is to say of a draft that says all of it already. Raises CallFailed, Drift."""
    row, exchange = await account.client.record(path_of(RECORD, ref))
    if not _says(row, entry, due):
        return None
    return await ledger.done(account, row, Outcome.UNCHANGED, exchange)


def _says(row: Row, entry: Entry, due: Decimal) -> bool:
    line = ledger.earned(row)
    said = (text(line, "memo"), ledger.worth(line), text(line, "account.refName"))
    return (*said, day(row, "tranDate")) == (entry.label, due, entry.revenue, entry.on)


async def _read_back(account: Account, ref: str, outcome: Outcome, written: Exchange) -> Verdict:
    """What became of a write that has happened, whatever reading it comes to."""
    try:
        return await get(account, ref, outcome)
    except (CallFailed, Drift):
        return Unknown(text=UNREADABLE, exchange=written)


async def _written(
    account: Account, company: Subsidiary, entry: Entry, due: Decimal
) -> dict[str, Any]:
    """The entry in the vendor's words. Raises CallFailed, Unfit with all that is missing."""
    currency = await ledger.currency(account, company)
    if entry.currency != currency:
        words = f"{company.title} keeps its books in {currency}, not in {entry.currency}."
        raise unfit("currency", words)
    codes = Codes(account.client)
    accounts = await codes.accounts({entry.revenue, entry.deferred})
    money = await codes.currency(entry.currency)
    codes.settle()
    period = await periods.find(account.client, entry.on)
    if not isinstance(period, Done) or period.values["state"] != "open":
        raise Unfit(closed(company.title, entry.on, "Its books are not open for that day."))
    sides = ("debit", "credit") if due > 0 else ("credit", "debit")
    said = ((entry.deferred, sides[0], entry.reference), (entry.revenue, sides[1], entry.label))
    lines = [
        {"account": {"id": accounts[number]}, side: abs(due), "memo": memo}
        for number, side, memo in said
    ]
    return {
        "subsidiary": {"id": company.id},
        "currency": {"id": money},
        "tranDate": entry.on.isoformat(),
        "memo": f"{entry.journal} {entry.reference}".strip(),
        "approvalStatus": PENDING,
        LINES: {"items": lines},
    }
