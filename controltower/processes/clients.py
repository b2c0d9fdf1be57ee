"""Clients of the CRM: which of them is invoiced, and which may be one and the same. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from controltower.canonical.verdicts import Kind
from controltower.processes.definition import Refuse

Client = Mapping[str, Any]
_LEGAL_FORMS = frozenset(
    "ab ag bv co corp dac gmbh inc kg kgaa limited llc llp ltd nv oy plc sa sarl se sl spa".split()
)
_PUBLIC_MAIL = frozenset(
    "gmail.com gmx.de googlemail.com hotmail.com icloud.com outlook.com web.de yahoo.com".split()
)
"""Where anybody can have an address: sharing one of these says nothing."""


def invoiced(client: Client, line: Sequence[Client]) -> Client | Refuse:
    """The client who gets the invoices of `client`: the one it was merged into, else the one above
    where that pays for it, and so on. `line` holds those above it, next one first.

    Refuses where nobody can be found, such as in a hierarchy that goes in a circle.
    """
    known = {str(one["source_id"]): one for one in line}
    chosen, passed = client, {str(client.get("source_id"))}
    while following := _follows(chosen):
        if following in passed or following not in known:
            text = (
                f"{client['name']} is invoiced through another client, but the way from there leads"
                " in a circle or to nobody. Put the hierarchy in the CRM right."
            )
            return Refuse(Kind.CONFLICT, text, "parent_id")
        passed.add(following)
        chosen = known[following]
    return chosen


def _follows(client: Client) -> str:
    parent = client.get("parent_id") if client.get("billed_by_parent") else ""
    return str(client.get("merged_into") or parent or "")


def likeness(one: Client, other: Client) -> list[str]:
    """Why two clients may be the same, in words; nothing when they look different."""
    found = []
    if number(one) and number(one) == number(other):
        found.append("the same VAT number")
    if plain(one["name"]) == plain(other["name"]) and plain(one["city"]) == plain(other["city"]):
        found.append("the same name and city")
    domain = _domain(one)
    if domain and domain not in _PUBLIC_MAIL and domain == _domain(other):
        found.append("the same mail domain")
    return found


def lookalikes(client: Client, line: Sequence[Client], others: Sequence[Client]) -> list[Client]:
    """Who else may be this client. A group shares numbers and domains: who is above or below is
    not meant, nor who was merged into this one."""
    family = {str(one["source_id"]) for one in [client, *line]} - {""}
    return [
        {**other, "why": why}
        for other in others
        if other["source_id"] not in family
        and other["parent_id"] not in family
        and other["merged_into"] not in family
        and (why := likeness(client, other))
    ]


def number(client: Client) -> str:
    """A tax number as it compares: letters and digits alone."""
    return "".join(filter(str.isalnum, str(client["vat_number"]))).upper()


def plain(text: str) -> str:
    """A name as it compares: without accents, case, punctuation and legal form."""
    base = unicodedata.normalize("NFKD", str(text).replace("ß", "ss")).casefold()
    words = re.findall(r"\w+", "".join(c for c in base if not unicodedata.combining(c)))
    return " ".join(word for word in words if word not in _LEGAL_FORMS)


def _domain(client: Client) -> str:
    return str(client["contact_email"]).partition("@")[2].casefold()
