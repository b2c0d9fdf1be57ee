"""Customers: each company has its own, numbered as we number them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from controltower.canonical.records import Customer
from controltower.canonical.verdicts import Done, Exchange, Kind, Outcome, Rejected, Verdict
from integrations.answers import as_agreed
from integrations.business_central.client import CentralClient, decoded, literal
from integrations.business_central.codes import Codes, Company, fitting
from integrations.business_central.wire import etag_of, version_of
from integrations.connector import CallFailed
from integrations.known_twice import known_twice
from integrations.shape import Drift, Row, choice, required, text

_LONGEST = {"number": 20, "displayName": 100, "email": 80, "taxRegistrationNumber": 20}
_BLOCKED = {" ": False, "_x0020_": False, "Ship": False, "Invoice": True, "All": True}
"""Whether a customer who is blocked in this way may still be invoiced; a space is nobody's block,
written so by the vendor, or as it stands."""
_ELSEWHERE = {"contact_name", "payment_term"}
"""A contact is another record there, and a term has an id on this one."""
_FIELDS = {"number": "code", "displayName": "name", "taxRegistrationNumber": "vat_number"}


async def find(client: CentralClient, company: Company, key: Mapping[str, Any]) -> Verdict:
    """By our code; else by VAT number; else, only when the key has none, by exact name."""
    rows, exchange = await _matches(client, company, key)
    if not rows:
        words = f"{company.title} has no customer {key.get('name') or key.get('code')}."
        return Rejected(kind=Kind.NOT_FOUND, text=words, exchange=exchange)
    if len(rows) > 1:
        return _twice(rows, key, exchange)
    return as_agreed(lambda: done(rows[0], company, Outcome.READ, exchange), exchange)


async def get(client: CentralClient, company: Company, number: str) -> Verdict:
    """Read one customer by the vendor's id."""
    row, exchange = await client.one(f"{company.path}/customers({number})")
    return as_agreed(lambda: done(row, company, Outcome.READ, exchange), exchange)


async def upsert(client: CentralClient, company: Company, record: Mapping[str, Any]) -> Verdict:
    """Create the customer under our code, or bring the one that exists up to date.

    A customer that the company already had under a number of its own keeps what it says.
    """
    wanted = _wanted(record)
    rows, exchange = await _matches(client, company, record)
    if len(rows) > 1:
        return _twice(rows, record, exchange)
    term = await _term(client, company, record)
    if not rows:
        return await _create(client, company, {**wanted, **term})
    known = rows[0]
    mine = as_agreed(lambda: required(known, "number") == wanted["number"], exchange)
    changes = {name: value for name, value in wanted.items() if mine and known.get(name) != value}
    if not changes:
        return as_agreed(lambda: done(known, company, Outcome.UNCHANGED, exchange), exchange)
    return await _change(client, company, known, changes, exchange)


async def update(
    client: CentralClient, company: Company, number: str, record: Mapping[str, Any]
) -> Verdict:
    """Bring what others own of a customer up to date: its name, and the address for its invoices.

    What the record leaves empty stays as it is; a contact's name the vendor keeps elsewhere. The
    same call leaves the same state. Raises CallFailed, Unfit.
    """
    said = {"displayName": record.get("name"), "email": record.get("email")}
    wanted = {name: str(value) for name, value in said.items() if value}
    for name, value in wanted.items():
        _fit(name, value)
    known, exchange = await client.one(f"{company.path}/customers({number})")
    changes = {name: value for name, value in wanted.items() if known.get(name) != value}
    if not changes:
        return as_agreed(lambda: done(known, company, Outcome.UPDATED, exchange), exchange)
    return await _change(client, company, known, changes, exchange)


async def check(
    client: CentralClient, company: Company, record: Mapping[str, Any]
) -> Verdict | None:
    """Look up what a customer refers to, and whether several answer to it already."""
    _wanted(record)
    rows, exchange = await _matches(client, company, record)
    if len(rows) > 1:
        return _twice(rows, record, exchange)
    await _term(client, company, record)
    return None


async def _create(client: CentralClient, company: Company, body: Mapping[str, Any]) -> Verdict:
    try:
        answer = await client.write("POST", f"{company.path}/customers", body)
    except CallFailed as failure:
        refused = failure.verdict
        if not (isinstance(refused, Rejected) and refused.kind is Kind.DUPLICATE):
            raise
        # somebody was faster with the same number
        rows, exchange = await _matches(client, company, {"code": body["number"]})
        if len(rows) != 1:
            raise
        return as_agreed(lambda: done(rows[0], company, Outcome.ALREADY_DONE, exchange), exchange)
    return _written(answer.exchange, lambda: decoded(answer), company, Outcome.CREATED)


async def _change(
    client: CentralClient,
    company: Company,
    known: Row,
    changes: Mapping[str, Any],
    exchange: Exchange,
) -> Verdict:
    """Change the version that was read, and no other."""
    path = as_agreed(lambda: f"{company.path}/customers({required(known, 'id')})", exchange)
    tag = as_agreed(lambda: etag_of(known), exchange)
    answer = await client.write("PATCH", path, changes, tag)
    return _written(answer.exchange, lambda: decoded(answer), company, Outcome.UPDATED)


def _written(exchange: Exchange, row: Any, company: Company, outcome: Outcome) -> Verdict:
    try:
        return done(row(), company, outcome, exchange)
    except Drift as drift:
        return drift.doubt(exchange)


async def _term(
    client: CentralClient, company: Company, record: Mapping[str, Any]
) -> dict[str, str]:
    code = str(record.get("payment_term") or "")
    if not code:
        return {}
    codes = Codes(client, company)
    found = await codes.payment_term(code)
    codes.settle()
    return {"paymentTermsId": found}


async def _matches(
    client: CentralClient, company: Company, key: Mapping[str, Any]
) -> tuple[Sequence[Row], Exchange]:
    """Customers that are, or may be, this one; the surest criterion that finds any decides."""
    tries = [("number", str(key["code"]))] if key.get("code") else []
    if key.get("vat_number"):
        tries.append(("taxRegistrationNumber", str(key["vat_number"])))
    elif key.get("name"):
        tries.append(("displayName", str(key["name"])))
    rows: Sequence[Row] = ()
    exchange = Exchange()
    for member, value in tries:
        query = {"$filter": f"{member} eq {literal(value)}"}
        rows, exchange = await client.rows(f"{company.path}/customers", query)
        if rows:
            break
    return rows, exchange


def _wanted(record: Mapping[str, Any]) -> dict[str, Any]:
    """The customer in the vendor's words. Raises Unfit."""
    given = {
        "number": str(record.get("code") or ""),
        "displayName": str(record.get("name") or ""),
        "email": str(record.get("email") or ""),
        "taxRegistrationNumber": str(record.get("vat_number") or ""),
    }
    for name, value in given.items():
        _fit(name, value)
    address = {
        "street": str(record.get("street") or ""),
        "city": str(record.get("city") or ""),
        "state": "",
        "countryLetterCode": str(record.get("country") or ""),
        "postalCode": str(record.get("postal_code") or ""),
    }
    return {**given, "type": "Company", "address": address}


def _fit(name: str, value: str) -> None:
    """Raises Unfit for what the vendor's field cannot hold."""
    fitting(value, _LONGEST[name], _FIELDS.get(name, name), f"The customer's {name}")


def _twice(rows: Sequence[Row], key: Mapping[str, Any], exchange: Exchange) -> Rejected:
    numbered = as_agreed(
        lambda: [(text(row, "number"), text(row, "displayName")) for row in rows], exchange
    )
    return known_twice(key.get("name"), "Business Central", numbered, exchange)


def customer(row: Row, company: Company) -> Customer:
    """The canonical customer. Raises Drift."""
    return Customer(
        source_id=company.ref(row),
        name=text(row, "displayName"),
        entity=company.code,
        street=text(row, "address.street"),
        city=text(row, "address.city"),
        postal_code=text(row, "address.postalCode"),
        country=text(row, "address.countryLetterCode"),
        vat_number=text(row, "taxRegistrationNumber"),
        currency=text(row, "currencyCode"),
        contact_email=text(row, "email"),
        erp_code=required(row, "number"),
        credit_hold=choice(row, "blocked", _BLOCKED),
    )


def done(row: Row, company: Company, outcome: Outcome, exchange: Exchange) -> Done:
    """What the company has of the customer, without the fields that it does not keep. Raises
    Drift."""
    found = customer(row, company)
    kept = {name: value for name, value in found.as_dict().items() if name not in _ELSEWHERE}
    return Done(
        ref=found.source_id,
        outcome=outcome,
        version=version_of(row),
        values=kept | {"code": found.erp_code},
        exchange=exchange,
    )
