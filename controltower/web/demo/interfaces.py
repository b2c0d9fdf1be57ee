"""Who answers for each interface of the sandbox firm."""

from __future__ import annotations

from datetime import datetime

from controltower.firm.models import Person, Role
from controltower.systems import registry
from controltower.systems.models import Interface

OWNERS = {
    "CRM": Role.STEWARD,
    "PSA": Role.PMO_LEAD,
    "HRIS": Role.STEWARD,
    "ERP": Role.CONTROLLER,
    "Spend": Role.CONTROLLER,
    "Payroll": Role.CONTROLLER,
    "Analytics": Role.CONTROLLER,
}
"""By the domain of its system; everything else is the integration operator's."""
UNOWNED = {"legacy_erp"}
"""Left without an owner on purpose: the registry counts them."""


def own_interfaces(now: datetime) -> None:
    """Enter what the systems' connectors declare, and name an owner where there is none."""
    registry.enter(now=now)
    people = {
        role: Person.objects.filter(duties__role=role).order_by("pk")[0]
        for role in {*OWNERS.values(), Role.OPERATOR}
    }
    for one in Interface.objects.filter(owner=None).select_related("system"):
        if one.system.slug not in UNOWNED:
            one.owner = people[OWNERS.get(one.system.domain, Role.OPERATOR)]
            one.save(update_fields=["owner"])
