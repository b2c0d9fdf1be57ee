"""Which value of each field survives, what is written where by that, and what is left to stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from controltower.processes import clients, deleted_client, known_client, overwritten, survivorship
from controltower.processes.definition import Facts, Learn, Prepared, Refuse, Skip
from controltower.processes.known_client import NOBODY, book
from controltower.processes.overwritten import Writing

DUE, LEFT = "due", "left"
"""Under which a choice keeps what is to be written, by step, and what is left as it stands."""
Due = Mapping[str, Sequence[Writing]]


def choose(facts: Facts) -> Prepared:
    """Each field's surviving value, where it differs, and whose change does not hold. What a
    system sets back each time is stopped before it is written once more."""
    if not facts.result("client").values:
        return Skip(NOBODY)
    client = known_client.client(facts)
    payer = clients.invoiced(client, known_client.line(facts))
    if isinstance(payer, Refuse):
        return payer
    own = payer["source_id"] == client["source_id"]
    master = known_client.master(facts) if own else {}
    chosen = survivorship.survivors(client, master, book(facts)["owners"])
    chosen["erp_code"] = str(master.get("erp_code") or payer["erp_code"])
    if deleted_client.is_deleted(client):
        chosen["erp_code"] = str(payer["erp_code"] or client["erp_code"])
    due = _due(facts, chosen) if own else {}
    left = _left(facts, due)
    if isinstance(left, Refuse):
        return left
    overruled = known_client.overruled(facts, client, master) if own else []
    return Learn(
        {
            "chosen": chosen,
            "invoiced": {name: payer[name] for name in ("source_id", "name", "erp_code")},
            "own": own,
            "overruled": overruled,
            DUE: {step: [one.mark(_key(facts)) for one in told] for step, told in due.items()},
            LEFT: [one.mark(_key(facts)) for one in left],
        },
        text=" ".join(overruled),
    )


def of_role(facts: Facts, role: str, system: str, *further: str) -> list[str]:
    """The fields of a part that are written into a system: all but those left to stand there."""
    left = {name for place, name, *_ in facts.result("choose").values.get(LEFT, ())
            if place == system}  # fmt: skip
    owned = [*survivorship.owned(book(facts)["owners"], role), *further]
    return [name for name in owned if name not in left]


def crm(facts: Facts) -> Mapping[str, Any]:
    """The CRM's name and title, as the owner of its fields."""
    owners = book(facts)["owners"].values()
    nobody = {"system": "crm", "title": "The CRM"}
    return next((one for one in owners if one["role"] == "crm"), nobody)


def _due(facts: Facts, chosen: Mapping[str, Any]) -> Due:
    """By step, what is to be written into each ERP and into the CRM."""
    owners, client = book(facts)["owners"], facts.result("client").values
    due = {
        f"erp-{number}": overwritten.writings(
            place["system"], there, chosen, survivorship.owned(owners, "crm")
        )
        for number, (place, there) in enumerate(known_client.there(facts), start=1)
    }
    told = [*survivorship.owned(owners, "erp"), "erp_code"]
    due["crm"] = overwritten.writings(crm(facts)["system"], client, chosen, told)
    return due


def _left(facts: Facts, due: Due) -> list[Writing] | Refuse:
    """What is not written, by a person's word; or who overwrites what, where none is there yet."""
    every = [one for told in due.values() for one in told]
    key = _key(facts)
    left = [one for one in every if overwritten.still_stands(one, facts.books["let_stand"], key)]
    due_still = [one for one in every if one not in left]
    fought = overwritten.fought_over(due_still, facts.books["writings"], key)
    word = facts.decisions.get(overwritten.OVERWRITTEN)
    if fought and word is None:
        return overwritten.stopped(fought[0], _title(facts, fought[0]), _owner(facts, fought[0]))
    return [*left, *fought] if word == overwritten.LET_STAND else left


def _key(facts: Facts) -> bytes:
    """With what values are signed: the tower's own, never kept beside them."""
    key: bytes = facts.books["key"]
    return key


def _title(facts: Facts, one: Writing) -> str:
    known = {place["system"]: str(place["title"]) for place in known_client.places(facts)}
    return known.get(one.system) or str(crm(facts)["title"])


def _owner(facts: Facts, one: Writing) -> Mapping[str, Any]:
    owners: Mapping[str, Mapping[str, Any]] = book(facts)["owners"]
    return owners.get(one.field, {"title": "another system", "personal": False})
