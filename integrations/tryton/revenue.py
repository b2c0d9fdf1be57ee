"""Recognised revenue: journal entries that move what was delivered of a contract to revenue.

A month of a project is told by the mark at the end of the text of its line of revenue. What is to
be recognised in it is said as a whole, and an entry is drafted over what the ledger does not show
yet: so a month that is said twice, or by two at once, comes to the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from controltower.canonical.verdicts import Done, Kind, Outcome, Rejected, Verdict
from integrations import revenue_entries
from integrations.orders import Unfit
from integrations.revenue_entries import (
    SEPARATOR,
    Entry,
    closed,
    mark_of,
    nothing_left,
    parts_of,
    unfit,
)
from integrations.shape import Row, amount, choice, listed, of_type, required, text
from integrations.tryton import periods
from integrations.tryton.carriers import literally
from integrations.tryton.client import Talk, context
from integrations.tryton.codes import Codes, Company, Directory
from integrations.tryton.read_invoice import ref_of, version_of
from integrations.tryton.refusals import Refusal

ENTRY, RECOGNISED = "revenue_entry", "revenue"
"""An entry, and what the ledger shows of a project's months altogether."""
MODEL = "account.move"
FIELDS = [
    "number", "state", "date", "description", "write_date", "create_date", "company.party.code",
    "company.currency.code", "period.name", "lines.debit", "lines.credit", "lines.description",
    "lines.account.code",
]  # fmt: skip
_LINE = ["description", "debit", "credit", "move.state"]
_NOT_OPEN = "Tryton: its books are not open for that day."
_STATES = {"draft": "draft", "posted": "posted"}


async def recognised(talk: Talk, directory: Directory, project: str, company_code: str) -> Verdict:
    """What is posted as revenue of a project, by the month in which it was earned, whenever it was
    booked."""
    company = await Codes(talk, directory).company(company_code)
    rows = await _lines(talk, company, f"%{SEPARATOR}{literally(project)}{SEPARATOR}%")
    posted = [
        (text(row, "description"), _worth(row))
        for row in rows
        if choice(row, ("move.", "state"), _STATES) == "posted"
    ]
    return revenue_entries.recognised(project, company.code, company.currency, posted)


async def get(talk: Talk, ref: str) -> Verdict:
    """Read one entry by its Tryton id."""
    return await _done(talk, await _row(talk, int(ref)), Outcome.READ)


async def find(talk: Talk, directory: Directory, key: Mapping[str, Any]) -> Verdict:
    """By our reference, in one company when the key names it."""
    company = None
    if key.get("company"):
        company = await Codes(talk, directory).company(str(key["company"]))
    reference = str(key.get("reference") or "").strip()
    rows = await _by_reference(talk, reference, company) if reference else []
    if not rows:
        words = f"Tryton has no revenue entry with the reference {reference}."
        return Rejected(kind=Kind.NOT_FOUND, text=words)
    return _twice(rows, reference) if len(rows) > 1 else await _done(talk, rows[0], Outcome.READ)


async def upsert(talk: Talk, directory: Directory, record: Mapping[str, Any]) -> Verdict:
    """Draft an entry over what the ledger does not show yet of the month. A draft under our
    reference is brought up to date; a posted entry is never touched."""
    entry = Entry.read(record)
    codes = Codes(talk, directory)
    company = await codes.company(entry.company)
    known = await _by_reference(talk, entry.reference, company)
    if len(known) > 1:
        return _twice(known, entry.reference)
    if known and known[0]["state"] == "posted":
        return await _done(talk, known[0], Outcome.ALREADY_DONE)
    own = known[0]["id"] if known else 0
    due = entry.amount - await _recognised_in(talk, company, entry.project, entry.period, but=own)
    if not due:
        return nothing_left(entry, "Tryton")
    values = await _values(talk, codes, directory, company, entry, due)
    if not known:
        (ref,) = await talk.do(f"model.{MODEL}.create", [values], context(company.id))
        return await _done(talk, await _row(talk, ref), Outcome.CREATED)
    if _says(known[0], entry, due):
        return await _done(talk, known[0], Outcome.UNCHANGED)
    values["lines"].insert(0, ["delete", [line["id"] for line in known[0]["lines."]]])
    await talk.do(f"model.{MODEL}.write", [own], values, context(company.id))
    return await _done(talk, await _row(talk, own), Outcome.UPDATED)


async def check(talk: Talk, directory: Directory, record: Mapping[str, Any]) -> Verdict | None:
    """Look up everything an entry refers to, its period included. Raises UnknownCodes."""
    entry = Entry.read(record)
    codes = Codes(talk, directory)
    company = await codes.company(entry.company)
    await _values(talk, codes, directory, company, entry, entry.amount)
    return None


async def post(talk: Talk, ref: str) -> Verdict:
    """Post a draft. Twice is once."""
    row = await _row(talk, int(ref))
    if row["state"] == "posted":
        return await _done(talk, row, Outcome.ALREADY_DONE)
    try:
        await talk.do(f"model.{MODEL}.post", [int(ref)], context(_company(row).id))
    except Refusal as refusal:
        if refusal.kind is not Kind.PERIOD_CLOSED:
            raise
        return closed(_company(row).code, row["date"], f"Tryton: {refusal.message}")
    return await _done(talk, await _row(talk, int(ref)), Outcome.UPDATED)


async def _values(
    talk: Talk, codes: Codes, directory: Directory, company: Company, entry: Entry, due: Decimal
) -> dict[str, Any]:
    """The entry in Tryton's ids. Raises UnknownCodes with all that is missing, and Unfit."""
    if entry.currency != company.currency:
        words = f"{company.name} keeps its books in {company.currency}, not in {entry.currency}."
        raise unfit("currency", words)
    accounts = await codes.accounts(company, {entry.revenue, entry.deferred})
    journal = await codes.journal_named(entry.journal)
    codes.settle()
    asked = {"company": company.code, "date": entry.on}
    period = await periods.find_period(talk, directory, asked)
    if not isinstance(period, Done) or period.values["state"] != "open":
        raise Unfit(closed(company.name, entry.on, _NOT_OPEN))
    debited, credited = entry.deferred, entry.revenue
    if due < 0:
        debited, credited = credited, debited
    worth, nothing = abs(due), Decimal(0)
    sides = ((debited, worth, nothing), (credited, nothing, worth))
    lines = [
        {
            "account": accounts[account], "debit": debit, "credit": credit,
            "description": entry.label if account == entry.revenue else None,
        }
        for account, debit, credit in sides
    ]  # fmt: skip
    return {
        "company": company.id,
        "period": int(period.ref),
        "journal": journal,
        "date": entry.on,
        "description": entry.reference,
        "lines": [["create", lines]],
    }


def _says(row: dict[str, Any], entry: Entry, due: Decimal) -> bool:
    """Whether a draft says all of it already."""
    lines = [line for line in row["lines."] if line["account."]["code"] == entry.revenue]
    said = [(line["description"], line["credit"] - line["debit"]) for line in lines]
    return (row["date"], said) == (entry.on, [(entry.label, due)])


async def _done(talk: Talk, row: dict[str, Any], outcome: Outcome) -> Done:
    """What Tryton has of the entry, and of its month altogether. Raises Drift."""
    earned = [line for line in listed(row, ("lines.",)) if text(line, "description")]
    label = text(earned[0], "description") if earned else ""
    name, project, period = parts_of(label)
    company = _company(row)
    values = {
        "reference": text(row, "description"),
        "number": text(row, "number"),
        "state": choice(row, "state", _STATES),
        "company": company.code,
        "date": of_type(row, "date", date),
        "booked_in": text(row, ("period.", "name")),
        "name": name,
        "project": project,
        "period": period,
        "currency": company.currency,
        "amount": sum(map(_worth, earned), Decimal(0)),
        "recognised": await _recognised_in(talk, company, project, period),
    }
    return Done(ref=ref_of(row), outcome=outcome, version=version_of(row), values=values)


def _company(row: Row) -> Company:
    return Company(
        of_type(row, ("company.", "id"), int) or 0,
        required(row, ("company.", "party.", "code")),
        "",
        required(row, ("company.", "currency.", "code")),
    )


def _worth(line: Row) -> Decimal:
    return amount(line, "credit") - amount(line, "debit")


async def _recognised_in(
    talk: Talk, company: Company, project: str, period: str, but: int = 0
) -> Decimal:
    """What the ledger shows of one month, drafts included, `but` for one entry."""
    mark = f"%{literally(mark_of(project, period))}"
    rows = await _lines(talk, company, mark)
    return sum((_worth(row) for row in rows if row["move."]["id"] != but), Decimal(0))


async def _lines(talk: Talk, company: Company, pattern: str) -> list[dict[str, Any]]:
    domain = [["move.company", "=", company.id], ["description", "like", pattern]]
    return await talk.rows("account.move.line", domain, _LINE, company.id)


async def _by_reference(
    talk: Talk, reference: str, company: Company | None
) -> list[dict[str, Any]]:
    domain: list[Any] = [["description", "=", reference]]
    if company:
        domain.append(["company", "=", company.id])
    return await talk.rows(MODEL, domain, FIELDS, company.id if company else 0)


async def _row(talk: Talk, ref: int) -> dict[str, Any]:
    (row,) = await talk.read(MODEL, [ref], FIELDS)
    return row


def _twice(rows: Sequence[dict[str, Any]], reference: str) -> Verdict:
    names = ", ".join(str(row["number"] or f"draft {row['id']}") for row in rows)
    words = f"Tryton has {len(rows)} revenue entries with the reference {reference}: {names}."
    return Rejected(kind=Kind.DUPLICATE, text=words)
