"""Customers: upserted under our code as their external id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from controltower.canonical.verdicts import Exchange, Kind, Outcome, Rejected, Verdict
from integrations.known_twice import known_twice
from integrations.netsuite.account import Account, eid
from integrations.netsuite.client import literal, select
from integrations.netsuite.codes import Codes
from integrations.shape import Row, required, text


async def find(account: Account, key: Mapping[str, Any]) -> Verdict:
    """By our code; else by VAT number; else, only when the key has none, by exact name."""
    rows, exchange = await _matches(account, key)
    if not rows:
        words = f"NetSuite knows no customer {key.get('name') or key.get('code')}."
        return Rejected(kind=Kind.NOT_FOUND, text=words, exchange=exchange)
    if len(rows) > 1:
        return _twice(rows, key, exchange)
    return await account.shown("customer", required(rows[0], "id"))


async def upsert(account: Account, record: Mapping[str, Any]) -> Verdict:
    """Create the customer under our code, or bring ours up to date.

    A customer that the account already had under a number of its own keeps what it says.
    """
    code = str(record.get("code") or "")
    async with account.turn(f"customer {code}"):
        wanted = await _wanted(account, record)
        rows, exchange = await _matches(account, record)
        if len(rows) > 1:
            return _twice(rows, record, exchange)
        if not rows:
            return await account.write("PUT", "customer", eid(code), wanted, Outcome.CREATED)
        known = await account.shown("customer", required(rows[0], "id"), Outcome.UNCHANGED)
        said = (known.values["name"], known.values["contact_email"], known.values["vat_number"])
        given = (wanted["companyName"], wanted["email"], wanted["vatRegNumber"])
        if known.values["code"] != code or said == given:
            return known
        ref, changed = known.ref, Outcome.UPDATED
        return await account.write("PATCH", "customer", ref, wanted, changed, "addressBook")


async def update(account: Account, ref: str, record: Mapping[str, Any]) -> Verdict:
    """Bring what others own of a customer up to date: its name, and the address for its invoices.

    What the record leaves empty stays as it is; a contact is another record. The same call leaves
    the same state. Raises CallFailed, Drift.
    """
    said = {"companyName": record.get("name"), "email": record.get("email")}
    wanted = {name: str(value) for name, value in said.items() if value}
    async with account.turn(f"customer {ref}"):
        if not wanted:
            return await account.shown("customer", ref, Outcome.UPDATED)
        return await account.write("PATCH", "customer", ref, wanted, Outcome.UPDATED)


async def check(account: Account, record: Mapping[str, Any]) -> Verdict | None:
    """Look up what a customer refers to, and whether several answer to it already."""
    await _wanted(account, record)
    rows, exchange = await _matches(account, record)
    return _twice(rows, record, exchange) if len(rows) > 1 else None


async def _wanted(account: Account, record: Mapping[str, Any]) -> dict[str, Any]:
    """The customer in the vendor's words. Raises Unfit."""
    company = await account.subsidiaries.named(str(record.get("company") or ""))
    codes = Codes(account.client)
    term = str(record.get("payment_term") or "")
    terms = {"terms": {"id": await codes.payment_term(term)}} if term else {}
    codes.settle()
    address = {
        "addr1": str(record.get("street") or ""),
        "city": str(record.get("city") or ""),
        "zip": str(record.get("postal_code") or ""),
        "country": {"id": str(record.get("country") or "")},
    }
    return {
        "entityId": str(record.get("code") or ""),
        "companyName": str(record.get("name") or ""),
        "isPerson": False,
        "subsidiary": {"id": company.id},
        "email": str(record.get("email") or ""),
        "vatRegNumber": str(record.get("vat_number") or ""),
        "addressBook": {"items": [{"defaultBilling": True, "addressBookAddress": address}]},
        **terms,
    }


async def _matches(account: Account, key: Mapping[str, Any]) -> tuple[Sequence[Row], Exchange]:
    """Customers that are, or may be, this one; the surest criterion that finds any decides."""
    tries = [("entityid", str(key["code"]))] if key.get("code") else []
    if key.get("vat_number"):
        tries.append(("vatregnumber", str(key["vat_number"])))
    elif key.get("name"):
        tries.append(("companyname", str(key["name"])))
    rows: Sequence[Row] = ()
    exchange = Exchange()
    for column, value in tries:
        columns, test = "id, entityid, companyname", f"{column} = {literal(value)}"
        query = select(columns, "customer", test)
        rows, exchange = await account.client.rows(query)
        if rows:
            break
    return rows, exchange


def _twice(rows: Sequence[Row], key: Mapping[str, Any], exchange: Exchange) -> Rejected:
    numbered = ((text(row, "entityid"), text(row, "companyname")) for row in rows)
    return known_twice(key.get("name"), "NetSuite", numbered, exchange)
