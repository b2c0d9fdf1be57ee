"""Which value of a shared field survives: its owner's. Pure.

`owners` says of each field which part ("crm", "erp") owns it, with the system's title, who answers
for it and whether it is personal. What an owner leaves empty erases nothing elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controltower.processes import clients

Side = Mapping[str, Any]
SHARED = (
    "name", "contact_name", "contact_email", "vat_number", "street", "city", "postal_code",
    "country", "payment_term", "credit_hold",
)  # fmt: skip
"""What more than one system keeps of a customer."""
WORDS = {
    "name": "the name",
    "contact_name": "the contact",
    "contact_email": "the contact's e-mail",
    "vat_number": "the VAT number",
    "street": "the street",
    "city": "the city",
    "postal_code": "the postal code",
    "country": "the country",
    "payment_term": "the payment term",
    "credit_hold": "the credit hold",
    "erp_code": "the customer number",
}

_EACH_ITS_OWN = frozenset({"payment_term", "erp_code"})
"""Codes of each ERP."""


def survivors(client: Side, master: Side, owners: Mapping[str, Any]) -> dict[str, Any]:
    """Of each field the owner's value, where it has one."""
    chosen = {}
    for name in SHARED:
        sides = [master, client] if _role(owners, name) == "erp" else [client, master]
        values = [side.get(name) for side in sides]
        chosen[name] = next((value for value in values if value not in (None, "")), "")
    return chosen


def owned(owners: Mapping[str, Any], role: str) -> list[str]:
    """The fields that a part owns."""
    return [name for name in SHARED if _role(owners, name) == role]


def differs(wanted: Side, there: Side, name: str) -> bool:
    """Whether a side shows something else than what survives; one that does not keep a field at
    all shows nothing else."""
    value = wanted.get(name, "")
    if value in (None, "") or name not in there:
        return False
    if name == "vat_number":
        return clients.number(wanted) != clients.number({"vat_number": there.get(name) or ""})
    return bool(value != there.get(name))


def overruled(books: Mapping[str, Any], client: Side, told_by: Side, master: Side) -> list[str]:
    """What the system that told shows otherwise without owning it: words for the owner. `told_by`
    is the customer as the ERP that told has it. Personal values are not repeated; what it does not
    have yet is filled in without a word."""
    teller, told = books["teller"], []
    sides = {"crm": (client, master), "erp": (told_by, client)}
    theirs, others = sides.get(teller["role"], ({}, {}))
    for name, owner in books["owners"].items():
        if name not in WORDS or owner["role"] == teller["role"] or theirs.get(name) in (None, ""):
            continue
        if differs(others, theirs, name):
            told.append(_in_words(name, owner, teller["title"], theirs[name], others[name]))
    return told


def apart(books: Mapping[str, Any], place: Side, there: Side, master: Side) -> list[str]:
    """What an ERP shows otherwise than the one that owns it."""
    return [
        _in_words(name, owner, place["title"], there[name], master[name])
        for name, owner in books["owners"].items()
        if name in WORDS
        and name not in _EACH_ITS_OWN
        and owner["role"] == "erp"
        and owner["system"] != place["system"]
        and there.get(name) not in (None, "")
        and differs(master, there, name)
    ]


def _role(owners: Mapping[str, Any], name: str) -> str:
    return str(owners.get(name, {}).get("role", ""))


def _in_words(name: str, owner: Mapping[str, Any], teller: str, theirs: Any, holds: Any) -> str:
    values = "" if owner["personal"] else f" (“{_shown(theirs)}”; “{_shown(holds)}” stands)"
    person = f", and {owner['person']} answers for it" if owner["person"] else ""
    return (
        f"{teller} shows another value for {WORDS[name]}{values}: {owner['title']} owns it{person}."
    )


def _shown(value: Any) -> str:
    return {True: "yes", False: "no"}.get(value, str(value))
