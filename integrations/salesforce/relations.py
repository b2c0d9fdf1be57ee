"""How clients of the CRM belong together: who is above one, and who may be the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integrations.salesforce_platform.changes import quoted

MOST_LEVELS = 10
"""How far up a hierarchy is followed; a longer one goes in a circle."""
MOST_ALIKE = 50


def above(client: Mapping[str, Any]) -> str:
    """The id of the client that speaks for this one, else of the one above it."""
    return str(client["merged_into"] or client["parent_id"])


def is_paid_for(client: Mapping[str, Any]) -> bool:
    """Whether another client gets the invoices."""
    return bool(client["merged_into"] or (client["billed_by_parent"] and client["parent_id"]))


def is_gone(client: Mapping[str, Any]) -> bool:
    """Whether a client was deleted, and no other one is left in its place."""
    return bool(client["deleted"] and not client["merged_into"])


def perhaps_the_same(client: Mapping[str, Any]) -> str:
    """The condition for other clients with the same tax number, with an address of the same mail
    domain, or in the same place under a name that begins alike. Which of them count is for a rule
    to say."""
    likeness = []
    if number := "".join(filter(str.isalnum, client["vat_number"])):
        given = {number, str(client["vat_number"])}
        likeness.append(f"VAT_Number__c IN ({', '.join(map(quoted, sorted(given)))})")
    if domain := str(client["contact_email"]).partition("@")[2]:
        likeness.append(f"Billing_Contact_Email__c LIKE {_pattern('%@', domain, '')}")
    if client["city"] and (words := str(client["name"]).split()):
        place = f"BillingCity = {quoted(client['city'])}"
        likeness.append(f"({place} AND Name LIKE {_pattern('', words[0], '%')})")
    if not likeness:
        return "Id = null"
    others = f"Id != {quoted(client['source_id'])} AND " if client["source_id"] else ""
    return f"{others}({' OR '.join(likeness)})"


def _pattern(before: str, text: str, after: str) -> str:
    """A LIKE pattern in which the text stands for itself."""
    literal = quoted(text)[1:-1].replace("%", r"\%").replace("_", r"\_")
    return f"'{before}{literal}{after}'"
