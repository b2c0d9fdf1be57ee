"""What the tower's own books say of a customer: who is meant, which ERPs have it, who owns which
field, and what was decided about possible duplicates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Q, QuerySet

from controltower.firm import rates
from controltower.mappings.models import FieldOwner, Likeness
from controltower.systems import calls
from controltower.systems.models import System
from controltower.transactions import (
    agreed_templates,
    booked_before,
    contracts,
    overwriting,
    resting,
)
from controltower.transactions.cases import Case
from controltower.transactions.models import Step
from controltower.transactions.protocol import State

CREATED = "customer"
"""The step that creates or finds a customer in an ERP."""
SET_UP = "project"
"""The step that sets a project up in a PSA."""


def consulted(name: str, case: Case) -> Mapping[str, Any]:
    """What a step asks of the books. Raises KeyError for what is not kept."""
    kept = {
        "customers": customers,
        "contracts": contracts.agreed,
        "covered": contracts.covered,
        "forecast": contracts.forecast,
        "deal": resting.on_deal,
        "booked": booked_before.of_purchase,
        "overwritten": overwriting.lately,
        "sold": sold,
    }
    return kept[name](case)


def sold(case: Case) -> Mapping[str, Any]:
    """What a won deal is checked by: the project templates, and the `currencies` traded in."""
    return {**agreed_templates.of_deal(case), "currencies": rates.traded()}


def customers(case: Case) -> Mapping[str, Any]:
    """The client a changed customer is, its places in ERPs, and the rules and decisions about it.

    An ERP that takes no changes of customers from us is no place: nothing could be told to it.
    """
    subject, teller = case.transaction.subject, _teller(case)
    known = placed(str(subject["erp_code"]))
    told_by_crm = teller is not None and teller.role == "crm"
    client = str(subject["source_id"]) if told_by_crm else _client_of(known)
    if told_by_crm:
        known = _own(placed_for(client), known)
    places = {
        (step.system.slug, step.ref): {
            "system": step.system.slug,
            "title": step.system.title,
            "ref": step.ref,
        }
        for step in known
        if step.system is not None and step.system.active and _takes(step.system, "customer")
    }
    return {
        "client": client,
        "places": list(places.values()),
        "psas": [one.slug for one in _keeping(client, case)],
        "teller": {
            "role": teller.role if teller else "",
            "system": teller.slug if teller else "",
            "title": teller.title if teller else "Somebody",
        },
        "owners": _owners(case.world.systems.values()),
        "decided": decided(client),
    }


def _keeping(client: str, case: Case) -> list[System]:
    """The PSAs that keep a client: one that shares the CRM's records always, another once a project
    of the client has been set up there."""
    shared = {system.connection for system in case.world.able("crm")}
    projects = Step.objects.filter(
        name=SET_UP,
        state=State.VERIFIED,
        transaction__keys__kind="client",
        transaction__keys__value=client,
    )
    having = set(projects.values_list("system_id", flat=True)) if client else set()
    able = [one for one in case.world.able("psa") if _takes(one, "client")]
    return [one for one in able if one.connection in shared or one.pk in having]


def placed(code: str) -> Sequence[Step]:
    """The steps by which customers of this number came into ERPs, oldest first."""
    return list(_created("customer", code))


def placed_for(client: str) -> Sequence[Step]:
    """The steps by which this client of the CRM came into ERPs, oldest first."""
    return [step for step in _created("client", client) if step.sent.get("source_id") == client]


def _created(kind: str, value: str) -> QuerySet[Step]:
    """The steps that made a customer of an ERP, of transactions that carry this key."""
    found = Step.objects.select_related("system").filter(
        name=CREATED,
        state=State.VERIFIED,
        transaction__keys__kind=kind,
        transaction__keys__value=value,
    )
    return found.order_by("done_at", "pk")


def _own(own: Sequence[Step], known: Sequence[Step]) -> Sequence[Step]:
    """Where a client of the CRM is: what it shows as its number may be erased, or another's."""
    is_theirs = {step.ref for step in own} & {step.ref for step in known}
    return known if is_theirs or not own else own


def decided(client: str) -> dict[str, dict[str, str]]:
    """What holds of this client and each other one that was compared with it: the newest word."""
    found: dict[str, dict[str, str]] = {}
    for one in Likeness.objects.filter(Q(one=client) | Q(other=client)).order_by("pk"):
        found[one.other if one.one == client else one.one] = {"survivor": one.survivor}
    return found


def _client_of(known: Sequence[Step]) -> str:
    """Whom the customer was made for: the first one that was not merged into another."""
    made_for = [str(step.sent.get("source_id") or "") for step in known]
    for client in made_for:
        if all(word["survivor"] in ("", client) for word in decided(client).values()):
            return client
    return next(iter(made_for), "")


def _teller(case: Case) -> System | None:
    """The system whose feed told of the change."""
    for item in case.items:
        connection, _, entity = item.source.partition("/")
        for system in case.world.systems.values():
            if system.connection == connection and (system.pk, entity) in case.world.feeds:
                return system
    return None


def _owners(systems: Any) -> dict[str, dict[str, Any]]:
    """Who owns the fields of a customer, and which part that system plays."""
    by_slug = {system.slug: system for system in systems}
    return {
        one.field: {
            "role": by_slug[one.system_of_record].role,
            "system": one.system_of_record,
            "title": by_slug[one.system_of_record].title,
            "person": str(one.owner) if one.owner else "",
            "personal": one.is_personal,
        }
        for one in FieldOwner.objects.select_related("owner").filter(record="customer")
        if one.system_of_record in by_slug
    }


def _takes(system: System, entity: str) -> bool:
    """Whether a system can be told of changes of its customers, or clients."""
    operations = calls.descriptor(system).operations
    return (entity, "update") in {(one.entity, one.verb) for one in operations}
