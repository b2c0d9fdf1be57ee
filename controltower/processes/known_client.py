"""What is known of a client while the customer master sync runs: by our books, and as read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from controltower.processes import survivorship
from controltower.processes.definition import Facts

NOBODY = "No client is meant, so nobody has to hear of it."
HANDED_ON = "The client has changed since; the newer change is carried through."


def book(facts: Facts) -> Mapping[str, Any]:
    """What the tower's own books say: who is meant, where they are, and who owns which field."""
    return facts.result("books").values


def places(facts: Facts) -> Sequence[Mapping[str, Any]]:
    """The ERPs that have the customer, and under which reference."""
    found: Sequence[Mapping[str, Any]] = book(facts).get("places", ())
    return found


def client(facts: Facts) -> dict[str, Any]:
    """The client as the CRM has it, with what a data owner has decided."""
    read = facts.result("client").values
    merged = facts.result("duplicates").values.get("merged_into")
    return {**read, "merged_into": merged or read["merged_into"]}


def line(facts: Facts) -> list[Mapping[str, Any]]:
    """Who is above the client, and whom it was merged into just now."""
    into = facts.result("duplicates").values.get("into")
    known = [{**into, "billed_by_parent": False, "merged_into": ""}] if into else []
    return [*facts.result("client").values["line"], *known]


def master(facts: Facts) -> Mapping[str, Any]:
    """The customer as the ERP has it that answers for the ERP's fields: the one that owns them,
    else the one that told, else the first."""
    having = places(facts)
    owners = {one["system"] for one in book(facts)["owners"].values()}
    teller = book(facts)["teller"]["system"]
    ranked = sorted(
        range(len(having)),
        key=lambda n: (having[n]["system"] not in owners, having[n]["system"] != teller, n),
    )
    return facts.result(f"there-{ranked[0] + 1}").values if ranked else {}


def there(facts: Facts) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Each ERP that has the customer, with the customer as it is there."""
    return [
        (place, facts.result(f"there-{number + 1}").values)
        for number, place in enumerate(places(facts))
    ]


def told(facts: Facts) -> Mapping[str, Any]:
    """The customer as the ERP has it that told of the change; nothing when no ERP did."""
    teller = book(facts)["teller"]["system"]
    return next((found for place, found in there(facts) if place["system"] == teller), {})


def overruled(facts: Facts, client: Mapping[str, Any], master: Mapping[str, Any]) -> list[str]:
    """What whoever told shows otherwise, and what any other ERP shows that one of them owns: only
    people can put that right, in the ERP itself."""
    said = survivorship.overruled(book(facts), client, told(facts) or master, master)
    if not facts.subject["erp_code"] and (number := master.get("erp_code")):
        said.append(f"The client's number was erased in the CRM; {number} stands.")
    return said + [
        words
        for place, shown in there(facts)
        if shown is not master
        for words in survivorship.apart(book(facts), place, shown, master)
        if words not in said
    ]


def hinders(facts: Facts) -> str:
    """Why nothing is written anywhere, or ""."""
    if not facts.result("choose").values:
        return NOBODY
    return "" if facts.items else HANDED_ON
