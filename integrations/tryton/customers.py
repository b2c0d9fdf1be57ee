"""Customers and suppliers: parties of Tryton, shared by all companies, with an account in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from controltower.canonical.records import Customer
from controltower.canonical.verdicts import Done, Kind, Outcome, Rejected, Verdict
from integrations.known_twice import known_twice
from integrations.shape import Row, listed, text
from integrations.tryton.client import Talk, context
from integrations.tryton.codes import Codes, Company, Directory
from integrations.tryton.read_invoice import ref_of, version_of
from integrations.tryton.refusals import Refusal
from integrations.tryton.sides import SALE, Side

FIELDS = [
    "code", "name", "active", "email", "account_receivable", "customer_payment_term",
    "customer_payment_term.name", "account_payable", "supplier_payment_term",
    "supplier_payment_term.name", "write_date", "create_date",
    "addresses.street", "addresses.city", "addresses.postal_code", "addresses.country.code",
    "identifiers.type", "identifiers.code_compact", "categories.name",
    "contact_mechanisms.type", "contact_mechanisms.name",
]  # fmt: skip
ON_HOLD = "Credit hold"
"""The category of parties to whom nothing more is sold."""
_NOWHERE: Row = dict.fromkeys(("street", "city", "postal_code", "country."))
_IDENTIFIER_TYPES = {"AT": "at_vat", "US": "us_ein", "CA": "ca_bn"}
"""Where Tryton's name for the tax number is not the country followed by `_vat`."""


async def find(
    talk: Talk, directory: Directory, key: Mapping[str, Any], side: Side = SALE
) -> Verdict:
    """By our code; else by VAT number; else, only when the key has none, by exact name."""
    company = await _company(talk, directory, key)
    matches = await _matches(talk, company, key)
    if not matches:
        text = f"Tryton knows no {side.party} {key.get('name') or key.get('code')}."
        return Rejected(kind=Kind.NOT_FOUND, text=text)
    if len(matches) > 1:
        return _twice(matches, key)
    return _done(matches[0], Outcome.READ, company, side)


async def get(
    talk: Talk, directory: Directory, ref: str, company_code: str, side: Side = SALE
) -> Verdict:
    """Read one party by its Tryton id."""
    company = await _company(talk, directory, {"company": company_code})
    (row,) = await talk.read("party.party", [int(ref)], FIELDS, company.id if company else 0)
    return _done(row, Outcome.READ, company, side)


async def upsert(
    talk: Talk, directory: Directory, record: Mapping[str, Any], side: Side = SALE
) -> Verdict:
    """Create the customer under our code, or bring the one that exists up to date.

    A customer that the ERP already had under a number of its own keeps name, address and number:
    only a missing payment term and its account in this company are filled in.
    """
    codes = Codes(talk, directory)
    company = await codes.company(str(record.get("company") or ""))
    matches = await _matches(talk, company, record)
    if len(matches) > 1:
        return _twice(matches, record)
    wanted = str(record.get("payment_term") or "")
    term = await codes.payment_term(wanted) if wanted else 0
    if not matches:
        return await _create(talk, codes, company, record, term, side)
    account = await codes.account_of(company, matches[0], side)
    codes.settle()
    changes = _changes(matches[0], record, {side.account: account, side.term: term})
    return await _update(talk, company, matches[0], changes, side)


async def update(talk: Talk, ref: str, record: Mapping[str, Any]) -> Verdict:
    """Bring what others own of a customer up to date: its name, and the contact for its invoices.

    What the record leaves empty stays as it is. The same call leaves the same state.
    """
    party = int(ref)
    changes: dict[str, Any] = {"name": record["name"]} if record.get("name") else {}
    if record.get("email"):
        mail = {"value": record["email"], "name": record.get("contact_name")}
        domain = [["party", "=", party], ["type", "=", "email"]]
        known = await talk.rows("party.contact_mechanism", domain, ["id"], limit=1)
        kept = (
            ["write", [known[0]["id"]], mail] if known else ["create", [{"type": "email"} | mail]]
        )
        changes["contact_mechanisms"] = [kept]
    if changes:
        await talk.do("model.party.party.write", [party], changes, context())
    (row,) = await talk.read("party.party", [party], FIELDS)
    return _done(row, Outcome.UPDATED, None, SALE)


async def check(talk: Talk, directory: Directory, record: Mapping[str, Any]) -> Verdict | None:
    """Look up what a customer refers to, and whether several answer to it already."""
    codes = Codes(talk, directory)
    company = await codes.company(str(record.get("company") or ""))
    matches = await _matches(talk, company, record)
    if len(matches) > 1:
        return _twice(matches, record)
    if not matches:
        await codes.country(str(record.get("country") or ""))
    if record.get("payment_term"):
        await codes.payment_term(str(record["payment_term"]))
    codes.settle()
    return None


async def _create(
    talk: Talk, codes: Codes, company: Company, record: Mapping[str, Any], term: int, side: Side
) -> Verdict:
    country = await codes.country(str(record.get("country") or ""))
    account = await codes.account_of(company, {"name": record.get("name")}, side)
    codes.settle()
    values: dict[str, Any] = {
        "name": record["name"],
        "code": record["code"],
        side.account: account,
        "addresses": [["create", [_address(record, country)]]],
    }
    if term:
        values[side.term] = term
    if record.get("vat_number"):
        identifier = {"code": record["vat_number"], "type": _identifier_type(record)}
        values["identifiers"] = [["create", [identifier]]]
    if record.get("email"):
        mail = {"type": "email", "value": record["email"], "name": record.get("contact_name")}
        values["contact_mechanisms"] = [["create", [mail]]]
    try:
        (ref,) = await talk.do("model.party.party.create", [values], context(company.id))
    except Refusal as refusal:
        if refusal.kind is not Kind.DUPLICATE:
            raise
        return await _taken(talk, company, str(record["code"]), side)
    (row,) = await talk.read("party.party", [ref], FIELDS, company.id)
    return _done(row, Outcome.CREATED, company, side)


async def _taken(talk: Talk, company: Company, code: str, side: Side) -> Verdict:
    """Our code is there already: somebody was faster, or the customer is switched off."""
    domain = [["code", "=", code], ["active", "in", [True, False]]]
    (row,) = await talk.rows("party.party", domain, FIELDS, company.id)
    if row["active"]:
        return _done(row, Outcome.ALREADY_DONE, company, side)
    text = f"{side.party.title()} {code} ({row['name']}) is switched off in Tryton."
    return Rejected(kind=Kind.CONFLICT, text=text)


def _changes(
    row: dict[str, Any], record: Mapping[str, Any], wanted: Mapping[str, int]
) -> dict[str, Any]:
    changes: dict[str, Any] = {n: value for n, value in wanted.items() if value and not row[n]}
    if row["code"] == record.get("code") and row["name"] != record.get("name"):
        changes["name"] = record["name"]
    return changes


async def _update(
    talk: Talk, company: Company, row: dict[str, Any], changes: dict[str, Any], side: Side
) -> Verdict:
    if not changes:
        return _done(row, Outcome.UNCHANGED, company, side)
    await talk.do("model.party.party.write", [row["id"]], changes, context(company.id))
    (row,) = await talk.read("party.party", [row["id"]], FIELDS, company.id)
    return _done(row, Outcome.UPDATED, company, side)


async def _matches(
    talk: Talk, company: Company | None, key: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Parties that are, or may be, this customer; the surest criterion that finds any decides."""
    tries = [[["code", "=", key["code"]]]] if key.get("code") else []
    if key.get("vat_number"):
        number = "".join(filter(str.isalnum, str(key["vat_number"]))).upper()
        tries.append([["identifiers.code_compact", "in", sorted({number, number[2:]})]])
    elif key.get("name"):
        tries.append([["name", "=", key["name"]]])
    for domain in tries:
        found = await talk.rows("party.party", domain, FIELDS, company.id if company else 0)
        if found:
            return found
    return []


async def _company(talk: Talk, directory: Directory, key: Mapping[str, Any]) -> Company | None:
    code = str(key.get("company") or "")
    return await Codes(talk, directory).company(code) if code else None


def _twice(matches: list[dict[str, Any]], key: Mapping[str, Any]) -> Verdict:
    numbered = ((row["code"], row["name"]) for row in matches)
    return known_twice(key.get("name"), "Tryton", numbered)


def _address(record: Mapping[str, Any], country: int) -> dict[str, Any]:
    return {
        "street": record.get("street") or "",
        "city": record.get("city") or "",
        "postal_code": record.get("postal_code") or "",
        "country": country,
    }


def _identifier_type(record: Mapping[str, Any]) -> str:
    country = str(record.get("country") or "")
    return _IDENTIFIER_TYPES.get(country, f"{country.lower()}_vat")


def record_of(row: Row, company: Company | None, side: Side = SALE) -> Customer:
    """What Tryton has of the customer. Raises Drift."""
    address = next(iter(listed(row, ("addresses.",))), _NOWHERE)
    mails = (one for one in listed(row, ("contact_mechanisms.",)) if text(one, "type") == "email")
    return Customer(
        source_id=ref_of(row),
        name=text(row, "name"),
        entity=company.code if company else "",
        street=text(address, "street"),
        city=text(address, "city"),
        postal_code=text(address, "postal_code"),
        country=text(address, ("country.", "code")),
        vat_number=_vat_number(listed(row, ("identifiers.",))),
        contact_name=text(next(mails, {"name": None}), "name"),
        contact_email=text(row, "email"),
        erp_code=text(row, "code"),
        payment_term=text(row, (f"{side.term}.", "name")),
        credit_hold=ON_HOLD in {text(one, "name") for one in listed(row, ("categories.",))},
    )


def _done(row: Row, outcome: Outcome, company: Company | None, side: Side) -> Done:
    """The same as a verdict. Raises Drift."""
    customer = record_of(row, company, side)
    values = customer.as_dict() | {"code": customer.erp_code}
    return Done(ref=customer.source_id, outcome=outcome, version=version_of(row), values=values)


def _vat_number(identifiers: Sequence[Row]) -> str:
    """The first tax number; Tryton drops the country from some, the CRM keeps it."""
    if not identifiers:
        return ""
    kind, code = text(identifiers[0], "type"), text(identifiers[0], "code_compact")
    country = kind[:2].upper() if kind.endswith("_vat") else ""
    return code if code.startswith(country) else f"{country}{code}"
