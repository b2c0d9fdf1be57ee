"""Where somebody begins who signs in: where they chose to, else where their role has its work."""

from __future__ import annotations

from collections.abc import Mapping

from django.urls import reverse

from controltower.firm.models import Landing, Person, Role
from controltower.systems.models import System

BY_ROLE: Mapping[str, Landing] = {
    Role.CONTROLLER: Landing.TOWER,
    Role.PMO_LEAD: Landing.DEALS,
    Role.OPERATOR: Landing.EXCEPTIONS,
    Role.STEWARD: Landing.MAPPINGS,
    Role.AUDITOR: Landing.AUDIT,
    Role.ADMINISTRATOR: Landing.ADMIN,
}
"""In this order for whoever has several roles."""
FIRM_WIDE = frozenset({Landing.AUDIT, Landing.ADMIN})
"""Pages for those alone who answer for the whole firm."""


def address(person: Person) -> str:
    """The page's address. Until a first system is connected the Tower says what comes first, to
    whoever has chosen no other page."""
    if not (person.lands_on or System.objects.exists()):
        return reverse("tower")
    match Landing(person.lands_on) or _by_role(person):
        case Landing.DEALS:
            return reverse("process", args=["opportunity-to-project"])
        case Landing.EXCEPTIONS | Landing.MAPPINGS | Landing.MEASURES as page:
            return reverse(page.value)
        case Landing.AUDIT:
            return reverse("manage_audit")
        case Landing.ADMIN:
            return reverse("manage")
    return reverse("tower")


def _by_role(person: Person) -> Landing:
    held = {duty.role: duty.entity_id is None for duty in person.duties.all()}
    for role, page in BY_ROLE.items():
        if held.get(role) is not None and (held[role] or page not in FIRM_WIDE):
            return page
    return Landing.TOWER
