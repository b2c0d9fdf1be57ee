"""Recognised revenue: entries of the general ledger that move what was delivered to revenue.

Each entry is drafted in a journal of its own, for posting a journal posts all that stands in it. It
is drafted over what neither the ledger nor other drafts show yet of the month.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
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
from integrations.business_central import ledger, periods
from integrations.business_central.client import CentralClient
from integrations.business_central.codes import Codes, Company, fitting
from integrations.business_central.ledger import LONGEST_CODE
from integrations.business_central.wire import LONGEST_TEXT, etag_of
from integrations.connector import CallFailed
from integrations.orders import Unfit
from integrations.revenue_entries import (
    Entry,
    closed,
    nothing_left,
    unfit,
)
from integrations.shape import Drift, Row, amount, day, listed, required, text

ENTRY, RECOGNISED = "revenue_entry", "revenue"
"""An entry, and what the ledger shows of a project's months altogether."""
LONGEST_NUMBER = 20
_UNREADABLE = "Business Central has done it, but what came of it could not be read back."


async def get(client: CentralClient, company: Company, number: str) -> Verdict:
    """Read an entry by its document number. Raises CallFailed, Drift."""
    known = await ledger.known(client, company, number)
    if not known.lines:
        words = f"{company.title} has no revenue entry with the reference {number}."
        return Rejected(kind=Kind.NOT_FOUND, text=words, exchange=known.exchange)
    return await ledger.done(client, company, known, Outcome.READ)


async def find(client: CentralClient, company: Company, key: Mapping[str, Any]) -> Verdict:
    """By our reference. Raises CallFailed, Drift."""
    return await get(client, company, str(key.get("reference") or "").strip())


async def upsert(client: CentralClient, company: Company, record: Mapping[str, Any]) -> Verdict:
    """Draft an entry over what is not shown yet of the month. A draft of ours is brought up to
    date, all of it or nothing; a posted entry is never touched. Raises CallFailed, Unfit."""
    entry = _fitting(Entry.read(record))
    known = await ledger.known(client, company, entry.reference)
    if known.is_posted:
        return await ledger.done(client, company, known, Outcome.ALREADY_DONE)
    shown = await ledger.shown(client, company, entry.project, entry.period, but=known.number)
    due = entry.amount - shown
    if not due:
        return nothing_left(entry, "Business Central")
    lines = await _written(client, company, entry, due)
    if known.lines and [_said(line) for line in known.lines] == [_said(line) for line in lines]:
        return await ledger.done(client, company, known, Outcome.UNCHANGED)
    journal = known.journal or await _journal(client, company, entry)
    path = f"{company.path}/journals({required(journal, 'id')})/journalLines"
    renewed = {"displayName": _title(entry)}
    changes: list[tuple[str, str, Any, str]] = [
        ("PATCH", path.removesuffix("/journalLines"), renewed, etag_of(journal))
    ]
    changes += [("DELETE", f"{path}({required(line, 'id')})", None, "") for line in known.lines]
    changes += [("POST", path, line, "") for line in lines]
    answer = await client.batch(changes)
    outcome = Outcome.UPDATED if known.lines else Outcome.CREATED
    return await _read_back(client, company, known.number, outcome, answer.exchange)


async def check(
    client: CentralClient, company: Company, record: Mapping[str, Any]
) -> Verdict | None:
    """Look up everything an entry refers to, its period included. Raises CallFailed, Unfit."""
    entry = _fitting(Entry.read(record))
    await _written(client, company, entry, entry.amount)
    return None


async def post(
    client: CentralClient, company: Company, number: str, record: Mapping[str, Any]
) -> Verdict:
    """Post a draft. Twice is once. Raises CallFailed, Drift."""
    known = await ledger.known(client, company, number)
    if known.is_posted:
        return await ledger.done(client, company, known, Outcome.ALREADY_DONE)
    if not known.lines or known.journal is None:
        words = f"{company.title} has no draft of the revenue entry {number}."
        return Rejected(kind=Kind.NOT_FOUND, text=words, exchange=known.exchange)
    if len(listed(known.journal, "journalLines")) != len(known.lines):
        words = (
            f"The journal {required(known.journal, 'code')} of {company.title} holds other "
            "documents too, which would be posted with it. Move them away, then replay."
        )
        return Rejected(kind=Kind.CONFLICT, text=words, exchange=known.exchange)
    path = f"{company.path}/journals({required(known.journal, 'id')})"
    try:
        answer = await client.write("POST", f"{path}/Microsoft.NAV.post")
    except CallFailed as failure:
        return await _not_posted(client, company, known, failure.verdict)
    return await _read_back(client, company, known.number, Outcome.UPDATED, answer.exchange)


async def _not_posted(
    client: CentralClient, company: Company, known: ledger.Known, refused: Verdict
) -> Verdict:
    """A refusal because somebody else has posted it meanwhile is none."""
    if not isinstance(refused, Rejected):
        return refused
    now = await ledger.known(client, company, known.number)
    if now.is_posted:
        return await ledger.done(client, company, now, Outcome.ALREADY_DONE)
    if refused.kind is Kind.PERIOD_CLOSED:
        on = day(known.lines[0], "postingDate")
        return closed(company.title, on, refused.text, refused.exchange)
    return refused


async def _read_back(
    client: CentralClient, company: Company, number: str, outcome: Outcome, written: Exchange
) -> Verdict:
    """What became of a write that has happened, whatever reading it comes to."""
    try:
        return await ledger.done(
            client, company, await ledger.known(client, company, number), outcome
        )
    except (CallFailed, Drift):
        return Unknown(text=_UNREADABLE, exchange=written)


def _fitting(entry: Entry) -> Entry:
    """As the vendor's fields hold it: the name of what was delivered is cut, nothing else. Raises
    Unfit."""
    number = entry.reference.upper()
    reference = fitting(number, LONGEST_NUMBER, "reference", "The reference")
    fitting(entry.mark, LONGEST_TEXT, "project", "The project")
    room = LONGEST_TEXT - len(entry.mark)
    return replace(entry, reference=reference, description=entry.description[:room])


def _title(entry: Entry) -> str:
    return f"{entry.journal} {entry.reference}".strip()


async def _journal(client: CentralClient, company: Company, entry: Entry) -> Row:
    """The empty journal of an entry, made when there is none. Raises CallFailed, Drift, Unfit."""
    code = entry.reference[-LONGEST_CODE:]
    body = {"code": code, "displayName": _title(entry)}
    try:
        await client.write("POST", f"{company.path}/journals", body)
    except CallFailed as failure:
        refused = failure.verdict
        if not (isinstance(refused, Rejected) and refused.kind is Kind.DUPLICATE):
            raise
    journal, _ = await ledger.drafted(client, company, entry.reference)
    if journal is None or listed(journal, "journalLines"):
        words = f"The journal {code} of {company.title} is used for something else."
        raise unfit("reference", words)
    return journal


async def _written(
    client: CentralClient, company: Company, entry: Entry, due: Decimal
) -> list[dict[str, Any]]:
    """Both lines in the vendor's words, debits above zero. Raises CallFailed, Unfit."""
    currency = await ledger.currency(client, company)
    if entry.currency != currency:
        words = f"{company.title} keeps its books in {currency}, not in {entry.currency}."
        raise unfit("currency", words)
    codes = Codes(client, company)
    accounts = await codes.accounts({entry.revenue, entry.deferred})
    codes.settle()
    period = await periods.find(client, company, entry.on)
    if not isinstance(period, Done) or period.values["state"] != "open":
        raise Unfit(closed(company.title, entry.on, "Its books are not open for that day."))
    sides = ((entry.deferred, due, entry.reference), (entry.revenue, -due, entry.label))
    return [
        {
            "accountId": accounts[account],
            "accountNumber": account,
            "postingDate": entry.on.isoformat(),
            "documentNumber": entry.reference,
            "externalDocumentNumber": entry.reference,
            "amount": worth,
            "description": said,
        }
        for account, worth, said in sides
    ]


def _said(line: Row) -> tuple[str, str, str, Decimal]:
    names = ("accountNumber", "postingDate", "description")
    account, on, said = (text(line, name) for name in names)
    return account, on, said, amount(line, "amount")
