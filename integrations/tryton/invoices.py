"""Invoices of either side: drafted under our reference, posted, read back as Tryton has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from controltower.canonical.verdicts import (
    Done,
    FieldError,
    Kind,
    Outcome,
    Rejected,
    Verdict,
)
from integrations.orders import Order, date_of
from integrations.tryton import carriers, periods
from integrations.tryton.client import Talk, context
from integrations.tryton.codes import ARITHMETIC, Codes, Company, Directory
from integrations.tryton.read_invoice import FIELDS, MODEL, done, record_of
from integrations.tryton.refusals import PAST_DUE_WARNING, Refusal
from integrations.tryton.sides import SALE, Side
from integrations.tryton.wire import Quantity

BOOKED = frozenset({"posted", "paid"})


async def find(
    talk: Talk, directory: Directory, key: Mapping[str, Any], side: Side = SALE
) -> Verdict:
    """By our reference, in one company when the key names it. Cancelled invoices do not count.

    `facts` names all that the invoice is to carry, by what the origin of each line ends with: an
    invoice of another reference that carries exactly these is the one; several, or one that
    carries only some of them, are refused as duplicates. `fact` finds the invoice that carries it.
    """
    codes = Codes(talk, directory)
    company = await codes.company(str(key["company"])) if key.get("company") else None
    reference = str(key.get("reference") or "").strip()
    rows = await _by_reference(talk, reference, company, side) if reference else []
    facts = [str(fact) for fact in key.get("facts") or ()]
    if not rows and facts and (carrying := await carriers.of(talk, facts, company)):
        return carriers.judged(carrying, facts)
    if not rows and key.get("fact"):
        rows = await carriers.of(talk, [str(key["fact"])], company)
    if not rows:
        text = f"Tryton has no invoice with the reference {reference}."
        return Rejected(kind=Kind.NOT_FOUND, text=text)
    if len(rows) > 1:
        return _twice(rows, reference)
    return done(rows[0], Outcome.READ)


async def get(talk: Talk, ref: str) -> Verdict:
    """Read one invoice by its Tryton id."""
    return done(await _row(talk, int(ref)), Outcome.READ)


async def upsert(
    talk: Talk,
    directory: Directory,
    record: Mapping[str, Any],
    side: Side = SALE,
    origins: Sequence[int] = (),
) -> Verdict:
    """Draft the invoice, unless our reference is already there; `origins` are the invoiced lines
    that its lines take back.

    A draft of the same content is left alone, another is brought up to date; a posted invoice is
    never touched.
    """
    order = Order.read(record, ARITHMETIC)
    codes = Codes(talk, directory)
    company = await codes.company(order.company)
    known = await _by_reference(talk, order.reference, company, side)
    if len(known) > 1:
        return _twice(known, order.reference)
    if known and known[0]["state"] in BOOKED:
        return done(known[0], Outcome.ALREADY_DONE)
    if known and order.is_said_by(record_of(known[0])):
        return done(known[0], Outcome.UNCHANGED)
    values = await _values(talk, codes, company, order, side)
    ((_, rows),) = values["lines"]
    for row, origin in zip(rows, origins, strict=False):
        row["origin"] = f"account.invoice.line,{origin}"
    if known:
        values["lines"].insert(0, ["delete", [line["id"] for line in known[0]["lines."]]])
        await talk.do(f"model.{MODEL}.write", [known[0]["id"]], values, context(company.id))
        return done(await _row(talk, known[0]["id"]), Outcome.UPDATED)
    (ref,) = await talk.do(f"model.{MODEL}.create", [values], context(company.id))
    return done(await _row(talk, ref), Outcome.CREATED)


async def check(
    talk: Talk, directory: Directory, record: Mapping[str, Any], side: Side = SALE
) -> Verdict | None:
    """Look up everything an invoice refers to, its period included.

    Raises UnknownCodes with all that is missing.
    """
    order = Order.read(record, ARITHMETIC)
    codes = Codes(talk, directory)
    company = await codes.company(order.company)
    await _values(talk, codes, company, order, side)
    if order.on is None:
        return None
    asked = {"company": order.company, "date": order.on}
    period = await periods.find_period(talk, directory, asked)
    if isinstance(period, Done) and period.values["state"] == "open":
        return None
    return _period_closed(company.name, order.on, "its books are not open for that day.")


async def post(talk: Talk, ref: str, record: Mapping[str, Any]) -> Verdict:
    """Post a draft, first dating it `invoice_date` when the record says so. Twice is once."""
    row = await _row(talk, int(ref))
    if row["state"] in BOOKED:
        return done(row, Outcome.ALREADY_DONE)
    if row["state"] == "cancelled":
        return _cancelled(row)
    company = int(row["company."]["id"])
    wanted = date_of(record.get("invoice_date"))
    try:
        if wanted and wanted != row["invoice_date"]:
            dated = {"invoice_date": wanted}
            await talk.ask(f"model.{MODEL}.write", [int(ref)], dated, context(company))
        await _press_post(talk, int(ref), company)
    except Refusal as refusal:
        return await _not_posted(talk, row, refusal, wanted or row["invoice_date"])
    return done(await _row(talk, int(ref)), Outcome.UPDATED)


async def _press_post(talk: Talk, ref: int, company: int) -> None:
    """Post, agreeing to a due date in the past when Tryton asks. Nothing is written until then."""
    try:
        await talk.do(f"model.{MODEL}.post", [ref], context(company))
    except Refusal as refusal:
        if not refusal.warning.endswith(f".{PAST_DUE_WARNING}"):
            raise
        await talk.ask("model.res.user.warning.skip", refusal.warning, False, context(company))
        await talk.do(f"model.{MODEL}.post", [ref], context(company))


async def _not_posted(
    talk: Talk, row: dict[str, Any], refusal: Refusal, on: date | None
) -> Verdict:
    if refusal.kind is Kind.ALREADY_DONE:
        now = await _row(talk, row["id"])
        return done(now, Outcome.ALREADY_DONE) if now["state"] in BOOKED else _cancelled(now)
    if refusal.kind is Kind.PERIOD_CLOSED:
        return _period_closed(row["company."]["party."]["name"], on, refusal.message)
    return talk.told(refusal.verdict())


def _period_closed(company: str, on: date | None, words: str) -> Verdict:
    text = f"The accounting period of {on} is closed in {company}. Tryton: {words}"
    return Rejected(kind=Kind.PERIOD_CLOSED, text=text, fields=(FieldError("invoice_date", words),))


def _cancelled(row: dict[str, Any]) -> Verdict:
    text = f"Invoice {row['reference']} was cancelled in Tryton."
    return Rejected(kind=Kind.CONFLICT, text=text)


async def _values(
    talk: Talk, codes: Codes, company: Company, order: Order, side: Side
) -> dict[str, Any]:
    """The invoice in Tryton's ids. Raises UnknownCodes with everything that is missing."""
    party = await _party(talk, codes, company, order.party_code, side)
    currency = await codes.currency(order.currency)
    term = await codes.payment_term(order.payment_term) if order.payment_term else None
    taxes = await codes.taxes(company, {line.tax_code for line in order.lines})
    accounts = await codes.accounts(company, {line.account_code for line in order.lines})
    values: dict[str, Any] = {
        "type": side.type,
        "company": company.id,
        "party": party.get("id", 0),
        "invoice_address": next(iter(party.get("addresses", ())), None),
        "account": await codes.account_of(company, party, side) if party else 0,
        "journal": await codes.journal(side),
        "currency": currency,
        "payment_term": term,
        "invoice_date": order.on,
        "reference": order.reference,
        "description": order.description,
        "comment": order.comment,
    }
    rows = [
        {
            "type": "line", "company": company.id, "currency": currency,
            "description": line.description, "note": line.origin,
            "quantity": Quantity(line.quantity), "unit": await codes.unit(line.unit),
            "unit_price": line.unit_price, "account": accounts[line.account_code],
            "taxes": [["add", [taxes[line.tax_code]]]],
        }
        for line in order.lines
    ]  # fmt: skip
    codes.settle()
    return values | {"lines": [["create", rows]]}


async def _party(
    talk: Talk, codes: Codes, company: Company, code: str, side: Side
) -> dict[str, Any]:
    fields = ["code", "name", side.account, "addresses"]
    rows = await talk.rows("party.party", [["code", "=", code]], fields, company.id)
    if not rows:
        text = f"{side.party.title()} {code or '(none)'} is not known or is switched off in Tryton."
        codes.miss("party_code", text)
        return {}
    if not rows[0]["addresses"]:
        codes.miss("party_code", f"{rows[0]['name']} ({code}) has no address in Tryton.")
    return rows[0]


async def _by_reference(
    talk: Talk, reference: str, company: Company | None, side: Side
) -> list[dict[str, Any]]:
    domain: list[Any] = [
        ["type", "=", side.type], ["reference", "=", reference], ["state", "!=", "cancelled"],
    ]  # fmt: skip
    if company:
        domain.append(["company", "=", company.id])
    return await talk.rows(MODEL, domain, FIELDS, company.id if company else 0)


async def _row(talk: Talk, ref: int) -> dict[str, Any]:
    (row,) = await talk.read(MODEL, [ref], FIELDS)
    return row


def _twice(rows: Sequence[dict[str, Any]], reference: str) -> Verdict:
    names = ", ".join(str(row["number"] or f"draft {row['id']}") for row in rows)
    text = f"Tryton has {len(rows)} invoices with the reference {reference}: {names}."
    return Rejected(kind=Kind.DUPLICATE, text=text)
