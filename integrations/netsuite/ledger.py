"""What the account's journal entries show of recognised revenue.

A month of a project is told by the mark at the end of the text of its line of revenue.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from controltower.canonical.verdicts import Done, Exchange, Outcome, Verdict
from integrations import revenue_entries
from integrations.netsuite.account import Account
from integrations.netsuite.carriers import literally
from integrations.netsuite.client import literal, select
from integrations.netsuite.codes import Subsidiary
from integrations.netsuite.translate import changed_at, version_of
from integrations.revenue_entries import SEPARATOR, mark_of, parts_of
from integrations.shape import Drift, Row, amount, amount_text, choice, day, listed, required, text

RECORD, LINES = "journalEntry", "line"
_STATES = {"1": "draft", "2": "posted"}
_SIDES = {"credit": 1, "debit": -1}
_TYPE = "t.type = 'Journal'"
_POSTED, _LIVING = "t.status = 'Journal:B'", "t.status IN ('Journal:A', 'Journal:B')"
_TABLE = "transaction t JOIN transactionline l ON l.transaction = t.id"
_COLUMNS = (
    "t.id, l.memo, NVL(l.debitforeignamount, 0) AS debit, NVL(l.creditforeignamount, 0) AS credit"
)


async def recognised(account: Account, project: str, company_code: str) -> Verdict:
    """What is posted as revenue of a project, by the month in which it was earned, whenever it was
    booked. Raises CallFailed, Drift, Unfit."""
    company = await account.subsidiaries.named(company_code)
    within = f"%{literally(f'{SEPARATOR}{project}{SEPARATOR}')}%"
    rows, exchange = await _lines(account, company, within, _POSTED)
    booked = ((text(row, "memo"), _booked(row)) for row in rows)
    money = await currency(account, company)
    return revenue_entries.recognised(project, company.code, money, booked, exchange)


async def known(account: Account, reference: str) -> str:
    """The id of the entry of that reference, "" when there is none. Raises CallFailed, Drift."""
    ours = f"t.externalid = {literal(reference)}"
    rows, _ = await account.client.rows(select("t.id", "transaction t", _TYPE, ours, _LIVING))
    return required(rows[0], "id") if rows else ""


async def shown(
    account: Account, company: Subsidiary, project: str, period: str, but: str = ""
) -> Decimal:
    """What the ledger and drafts show of one month, `but` for one entry. Raises CallFailed,
    Drift."""
    pattern = f"%{literally(mark_of(project, period))}"
    rows, _ = await _lines(account, company, pattern, _LIVING)
    return sum((_booked(row) for row in rows if required(row, "id") != but), Decimal(0))


async def currency(account: Account, company: Subsidiary) -> str:
    """In which a company keeps its books. Raises CallFailed, Drift."""
    own = f"externalid = {literal(company.code)}"
    query = select("BUILTIN.DF(currency) AS money", "subsidiary", own)
    rows, _ = await account.client.rows(query)
    return required(rows[0], "money") if rows else ""


async def done(account: Account, row: Row, outcome: Outcome, exchange: Exchange) -> Done:
    """What the account has of an entry, and of its month altogether. Raises CallFailed, Drift."""
    line, on = earned(row), day(row, "tranDate")
    name, project, period = parts_of(text(line, "memo"))
    owner = (await account.subsidiaries.codes()).get(required(row, "subsidiary.id"), "")
    company = await account.subsidiaries.named(owner)
    values = {
        "reference": text(row, "externalId"),
        "number": text(row, "tranId"),
        "state": state_of(row),
        "company": company.code,
        "date": on,
        "booked_in": f"{on:%Y-%m}" if on else "",
        "name": name,
        "project": project,
        "period": period,
        "currency": text(row, "currency.refName"),
        "amount": worth(line),
        "recognised": await shown(account, company, project, period),
    }
    ref, version = required(row, "id"), version_of(changed_at(row))
    return Done(ref=ref, outcome=outcome, version=version, values=values, exchange=exchange)


def state_of(row: Row) -> str:
    """An entry's state in our words. Raises Drift."""
    return choice(row, "approvalStatus.id", _STATES)


def earned(row: Row) -> Row:
    """An entry's line of revenue. Raises Drift."""
    for line in listed(row, "line.items"):
        if SEPARATOR in text(line, "memo"):
            return line
    raise Drift(f"no line of {text(row, 'externalId')} is of revenue")


def worth(line: Row) -> Decimal:
    """What a line of an entry is of revenue; it shows the one side that it stands on. Raises
    Drift."""
    sides = [sign * amount(line, side) for side, sign in _SIDES.items() if line.get(side)]
    if len(sides) != 1:
        raise Drift("a line stands on neither side, or on both")
    return sides[0]


def _booked(row: Row) -> Decimal:
    """The same of a row of SuiteQL, which writes numbers as text."""
    return amount_text(row, "credit") - amount_text(row, "debit")


async def _lines(
    account: Account, company: Subsidiary, pattern: str, state: str
) -> tuple[Sequence[Row], Exchange]:
    like = f"l.memo LIKE {literal(pattern)} ESCAPE '\\'"
    own = f"l.subsidiary = {company.id}"
    return await account.client.rows(select(_COLUMNS, _TABLE, _TYPE, state, own, like))
