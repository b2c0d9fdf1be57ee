"""Customer master sync: a client is the same in the CRM, in every ERP that has it, and in the PSA.

A change told by the CRM or an ERP → who is meant, by the tower's own books → the client as the CRM
has it now, with who is above it and who may be the same → the customer as each ERP has it now →
each field's value is its owner's → written wherever it differs.

Both directions are one: whoever told, owners decide. What somebody else changed is overwritten by
the owner's value and said; between two ERPs it is only said, for each keeps its fields in codes and
books of its own. An empty value of the owner never erases what others have. A client that the CRM
has merged into another one leaves it the customer; one that is deleted needs somebody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from controltower.canonical.events import CUSTOMER_CHANGED, BusinessKey, CanonicalEvent
from controltower.canonical.records import Customer
from controltower.canonical.verdicts import Kind
from controltower.processes import (
    agreement,
    chosen_values,
    clients,
    deleted_client,
    known_client,
    survivorship,
)
from controltower.processes.definition import (
    Entity,
    Facts,
    Learn,
    Opening,
    Prepared,
    Process,
    Refuse,
    Send,
    Skip,
    StepDefinition,
)
from controltower.processes.known_client import NOBODY, book, hinders, places


def accepts(event: CanonicalEvent) -> bool:
    return isinstance(event.record, Customer)


def open_change(event: CanonicalEvent, entities: Mapping[str, Entity], now: datetime) -> Opening:
    customer = event.record
    assert isinstance(customer, Customer)
    return Opening(
        title=f"Client {customer.name}",
        counterparty=customer.name,
        entity=customer.entity,
        amount="0",
        currency=customer.currency,
        keys=(BusinessKey("customer", customer.erp_code),) if customer.erp_code else (),
        due=now + PROCESS.promise,
    )


def look_up(facts: Facts) -> Prepared:
    """Who is meant, and who else has them."""
    if not facts.books["client"]:
        return Skip(f"No client of the CRM is known under {facts.subject['erp_code']}.")
    return Learn(dict(facts.books))


def read_client(facts: Facts) -> Prepared:
    client = book(facts).get("client")
    return Send(ref=str(client)) if client else Skip(NOBODY)


def compare(facts: Facts) -> Prepared:
    """Whoever may be the same is for a data owner to decide; what was decided holds."""
    client = facts.result("client").values
    if not client:
        return Skip(NOBODY)
    mine, decided = str(client["source_id"]), facts.books["decided"]
    if deleted_client.is_deleted(client):
        return deleted_client.judge(client, decided)
    open_ = []
    for other in clients.lookalikes(client, client["line"], client["alike"]):
        decision = decided.get(str(other["source_id"]))
        if decision is None:
            open_.append(other)
        elif decision["survivor"] and decision["survivor"] != mine:
            return Learn({"merged_into": decision["survivor"], "into": other})
    if not open_:
        return Learn({"merged_into": "", "into": None})
    shown = "; ".join(
        f"{one['name']}, {one['city']} ({', '.join(one['why'])})" for one in open_[:3]
    )
    text = (
        f"{client['name']} may be the same client as {shown}. Decide under Customers whether they"
        " are one or are kept apart. Nothing is merged by itself."
    )
    return Refuse(Kind.DUPLICATE, text, "vat_number")


def read_place(number: int) -> Callable[[Facts], Prepared]:
    """The preparation of reading the customer in the n-th ERP that has it."""

    def prepare(facts: Facts) -> Prepared:
        return Send(ref=str(places(facts)[number]["ref"]))

    return prepare


def write_place(number: int) -> Callable[[Facts], Prepared]:
    """The preparation of telling the n-th ERP what others own."""

    def prepare(facts: Facts) -> Prepared:
        found, place = facts.result("choose").values, places(facts)[number]
        if reason := hinders(facts):
            return Skip(reason)
        if not found["own"]:
            return Skip(f"{found['invoiced']['name']} is invoiced for the client.")
        owned = chosen_values.of_role(facts, "crm", str(place["system"]))
        there = facts.result(f"there-{number + 1}").values
        differing = [name for name in owned if survivorship.differs(found["chosen"], there, name)]
        if not differing:
            return Skip(f"{place['title']} has it already.")
        record = {**there, **{name: found["chosen"][name] for name in owned}, "owned": owned}
        return Send(record=record, ref=str(place["ref"]), ordering=f"customer:{place['ref']}")

    return prepare


def write_client(facts: Facts) -> Prepared:
    """Tell the CRM what others own, and what was decided about a twin."""
    found, client = facts.result("choose").values, facts.result("client").values
    if reason := hinders(facts):
        return Skip(reason)
    if deleted_client.is_deleted(client):
        return deleted_client.hand_over(client, found["chosen"]["erp_code"])
    system = str(chosen_values.crm(facts)["system"])
    owned = chosen_values.of_role(facts, "erp", system, "erp_code", "merged_into")
    chosen = {**found["chosen"], "merged_into": known_client.client(facts)["merged_into"]}
    differing = [name for name in owned if survivorship.differs(chosen, client, name)]
    if not differing:
        return Skip("The CRM has it already.")
    record = {**client, **{name: chosen[name] for name in owned}, "owned": owned}
    ref = str(client["source_id"])
    return Send(record=record, ref=ref, ordering=f"client:{ref}")


def write_psa(facts: Facts) -> Prepared:
    """The PSA owns nothing of a client; it is told who is invoiced, and who is on hold."""
    found = facts.result("choose").values
    if reason := hinders(facts):
        return Skip(reason)
    if deleted_client.is_deleted(facts.result("client").values):
        return Skip("The client is deleted: whoever is left in its place is told of.")
    payer = found["invoiced"]
    record = {
        "invoiced_as": f"{found['chosen']['erp_code']} {payer['name']}"[:160],
        "credit_hold": bool(found["chosen"]["credit_hold"]),
    }
    ref = str(book(facts)["client"])
    return Send(record=record, ref=ref, ordering=f"psa-client:{ref}")


def steps(facts: Facts) -> tuple[StepDefinition, ...]:
    """The route; each ERP that has the customer adds two steps. Asked in general, it has one."""
    having = places(facts) if facts.reference else [{"system": "erp", "title": "the ERP"}]
    return (
        BOOKS,
        CLIENT,
        DUPLICATES,
        *(_reading(number, place) for number, place in enumerate(having)),
        _choosing(len(having)),
        *(_writing(number, place) for number, place in enumerate(having)),
        WRITE_CLIENT,
        *(_psa(number, slug) for number, slug in enumerate(_psas(facts))),
    )


def _psas(facts: Facts) -> Sequence[str]:
    """The PSAs that keep the client. What began before there could be several knows of one."""
    if not facts.reference:
        return ("psa",)
    known = book(facts)
    kept: Sequence[str] = known.get("psas", [known["psa"]] if known.get("psa") else [])
    return kept


def _reading(number: int, place: Mapping[str, Any]) -> StepDefinition:
    return StepDefinition(
        name=f"there-{number + 1}",
        title=f"Read the customer in {place['title']}",
        role=place["system"],
        entity="customer",
        verb="get",
        needs=("duplicates",),
        prepare=read_place(number),
    )


def _choosing(places: int) -> StepDefinition:
    return StepDefinition(
        name="choose",
        title="Choose each field's value by its owner",
        needs=("client", "duplicates", *(f"there-{n + 1}" for n in range(places))),
        prepare=chosen_values.choose,
        owner_role="steward",
        consults="overwritten",
    )


def _writing(number: int, place: Mapping[str, Any]) -> StepDefinition:
    return StepDefinition(
        name=f"erp-{number + 1}",
        title=f"Keep the customer in {place['title']}",
        role=place["system"],
        entity="customer",
        verb="update",
        needs=("choose",),
        mapping="client-to-customer",
        prepare=write_place(number),
        differs=agreement.customer_differs,
        owner_role="steward",
    )


def _psa(number: int, system: str) -> StepDefinition:
    return StepDefinition(
        name=f"psa-{number + 1}" if number else "psa",
        title="Keep the client in the PSA",
        role=system,
        entity="client",
        verb="update",
        needs=("crm",),
        mapping="customer-to-psa",
        prepare=write_psa,
        differs=agreement.standing_differs,
        owner_role="pmo_lead",
    )


BOOKS = StepDefinition(
    name="books",
    title="Look the client up in the tower's own books",
    prepare=look_up,
    owner_role="steward",
    consults="customers",
)
CLIENT = StepDefinition(
    name="client",
    title="Read the client, who is above it and who is like it",
    role="crm",
    entity="relations",
    verb="get",
    needs=("books",),
    prepare=read_client,
)
DUPLICATES = StepDefinition(
    name="duplicates",
    title="Look for the same client under another record",
    needs=("client",),
    prepare=compare,
    owner_role="steward",
    consults="customers",
)
WRITE_CLIENT = StepDefinition(
    name="crm",
    title="Keep the client in the CRM",
    role="crm",
    entity="customer",
    verb="update",
    needs=("choose",),
    mapping="customer-to-client",
    prepare=write_client,
    differs=agreement.customer_differs,
    owner_role="steward",
)

PROCESS = Process(
    name="customer-master-sync",
    title="Customer master sync",
    starts_on=(CUSTOMER_CHANGED,),
    promise=timedelta(hours=4),
    exposure="unbilled",
    stage="Client changed",
    owner_role="steward",
    accepts=accepts,
    open=open_change,
    steps=steps,
    every_change=True,
)
