"""What a role may do, and which legal entities a person sees."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum

from django.db.models import Q, QuerySet

from controltower.firm.models import LegalEntity, Person, Role


class Right(StrEnum):
    """An act that needs permission."""

    SEE = "see"
    REPLAY = "replay"
    APPROVE_REPLAY = "approve_replay"
    ASSIGN = "assign"
    RESOLVE = "resolve"
    DECIDE_PERIOD = "decide_period"
    PAUSE_SYSTEM = "pause_system"
    PAUSE_PROMISE = "pause_promise"
    LEAD_INCIDENT = "lead_incident"
    EDIT_RUNBOOK = "edit_runbook"
    APPROVE_RUNBOOK = "approve_runbook"
    EDIT_MAPPING = "edit_mapping"
    APPROVE_MAPPING = "approve_mapping"
    DECIDE_DUPLICATE = "decide_duplicate"
    REVEAL_PERSONAL = "reveal_personal"
    SEE_AUDIT = "see_audit"
    ADMINISTER = "administer"
    APPROVE_POLICY = "approve_policy"
    SET_RATES = "set_rates"
    NAME_OWNERS = "name_owners"
    SHARE_VIEW = "share_view"


_EVERYONE = frozenset(Role)
WHO = {
    Right.SEE: _EVERYONE,
    Right.REPLAY: frozenset({Role.CONTROLLER, Role.PMO_LEAD, Role.OPERATOR}),
    Right.APPROVE_REPLAY: frozenset({Role.CONTROLLER}),
    Right.ASSIGN: frozenset({Role.CONTROLLER, Role.PMO_LEAD, Role.OPERATOR, Role.STEWARD}),
    Right.RESOLVE: frozenset({Role.CONTROLLER, Role.OPERATOR}),
    Right.DECIDE_PERIOD: frozenset({Role.CONTROLLER}),
    Right.PAUSE_SYSTEM: frozenset({Role.OPERATOR, Role.ADMINISTRATOR}),
    Right.PAUSE_PROMISE: frozenset({Role.CONTROLLER, Role.PMO_LEAD}),
    Right.LEAD_INCIDENT: frozenset(
        {Role.CONTROLLER, Role.PMO_LEAD, Role.OPERATOR, Role.ADMINISTRATOR}
    ),
    Right.EDIT_RUNBOOK: frozenset({Role.CONTROLLER, Role.PMO_LEAD, Role.OPERATOR, Role.STEWARD}),
    Right.APPROVE_RUNBOOK: frozenset({Role.CONTROLLER, Role.OPERATOR}),
    Right.EDIT_MAPPING: frozenset({Role.STEWARD, Role.OPERATOR}),
    Right.APPROVE_MAPPING: frozenset({Role.CONTROLLER, Role.STEWARD}),
    Right.DECIDE_DUPLICATE: frozenset({Role.CONTROLLER, Role.STEWARD}),
    Right.REVEAL_PERSONAL: frozenset({Role.CONTROLLER, Role.STEWARD, Role.AUDITOR}),
    Right.SEE_AUDIT: frozenset({Role.AUDITOR, Role.ADMINISTRATOR, Role.CONTROLLER}),
    Right.ADMINISTER: frozenset({Role.ADMINISTRATOR}),
    Right.APPROVE_POLICY: frozenset({Role.ADMINISTRATOR, Role.CONTROLLER}),
    Right.SET_RATES: frozenset({Role.CONTROLLER}),
    Right.NAME_OWNERS: frozenset({Role.STEWARD, Role.CONTROLLER}),
    Right.SHARE_VIEW: frozenset(
        {Role.CONTROLLER, Role.PMO_LEAD, Role.OPERATOR, Role.STEWARD, Role.ADMINISTRATOR}
    ),
}


FIRM_WIDE = frozenset(
    {
        Right.PAUSE_SYSTEM,
        Right.APPROVE_MAPPING,
        Right.APPROVE_RUNBOOK,
        Right.ADMINISTER,
        Right.APPROVE_POLICY,
        Right.SET_RATES,
        Right.NAME_OWNERS,
    }
)
"""What changes all companies' work at once: a duty in one of them does not reach so far."""

SECOND: Mapping[Right, tuple[Right, int]] = {
    Right.ADMINISTER: (Right.APPROVE_POLICY, 1),
    Right.SET_RATES: (Right.APPROVE_POLICY, 1),
    Right.NAME_OWNERS: (Right.APPROVE_POLICY, 1),
    Right.EDIT_MAPPING: (Right.APPROVE_MAPPING, 2),
    Right.EDIT_RUNBOOK: (Right.APPROVE_RUNBOOK, 1),
    Right.REPLAY: (Right.APPROVE_REPLAY, 1),
}
"""Four eyes: whose word is needed besides that of whoever proposes, and of how many people at most
(two where a mapping moves money)."""


def unpaired(right: Right, holders: Mapping[Right, Collection[str]]) -> Right | None:
    """Which right somebody more must have, so that what one person proposes by `right` finds its
    second word; None when it does. `holders`: who has each right, as far as it must reach."""
    second, needed = SECOND[right]
    if not holders[right]:
        return right
    if any(len(set(holders[second]) - {one}) >= needed for one in holders[right]):
        return None
    return second


def may(person: Person, right: Right, entity: str | None = None) -> bool:
    """Whether the person may do this, in the given entity or (None) in any.

    A superuser gets no special right here: rights come from duties alone.
    """
    if not person.is_active:
        return False
    roles, narrow = WHO[right], right not in FIRM_WIDE
    for duty in person.duties.all():
        own = narrow and (entity is None or _code(duty.entity) == entity)
        if duty.role in roles and (own or duty.entity_id is None):
            return True
    return False


def holders(right: Right) -> QuerySet[Person]:
    """Who has a right as far as it must reach: somewhere, or for the whole firm."""
    duty = Q(duties__role__in=WHO[right])
    if right in FIRM_WIDE:
        duty &= Q(duties__entity=None)
    return Person.objects.filter(duty, is_active=True).distinct()


def beyond(person: Person, right: Right, companies: Iterable[LegalEntity | None]) -> list[str]:
    """The names of those companies in which a person may not do this, in order. What belongs to no
    company is for whoever may do it for the whole firm, and has no name."""
    if may_everywhere(person, right):
        return []
    out = [one for one in companies if one is None or not may(person, right, one.code)]
    return sorted({one.name if one else "" for one in out})


def may_everywhere(person: Person, right: Right) -> bool:
    """Whether the person may do this for the whole firm, not in single entities alone."""
    roles = WHO[right]
    duties = person.duties.all()
    return person.is_active and any(
        duty.role in roles and duty.entity_id is None for duty in duties
    )


def companies_where(person: Person, right: Right) -> list[str]:
    """The names of the single companies in which a person may do this."""
    duties = person.duties.all() if person.is_active else ()
    held = (one.entity for one in duties if one.role in WHO[right])
    return sorted({entity.name for entity in held if entity is not None})


def entities_of(person: Person) -> frozenset[str] | None:
    """The entity codes the person sees, or None for all (also what has no entity yet).

    Asked many times in a request, which therefore prefetches `duties__entity` once.
    """
    seen = _entities(person)
    return None if seen is None else frozenset(entity.code for entity in seen)


def entity_keys_of(person: Person) -> list[int] | None:
    """The same by primary key, for a condition that an index on the foreign key serves."""
    seen = _entities(person)
    return None if seen is None else sorted({entity.pk for entity in seen})


def _entities(person: Person) -> list[LegalEntity] | None:
    seen = []
    for duty in person.duties.all():
        if duty.entity is None:
            return None
        seen.append(duty.entity)
    return seen


def who_grants(right: Right) -> str:
    """The roles that carry a right, for "ask a …" sentences."""
    return in_words(WHO[right])


def in_words(roles: Iterable[Role]) -> str:
    """Roles to choose from, within a sentence."""
    return " or ".join(sorted((_in_midst(role.label) for role in roles), key=str.lower))


def _in_midst(label: str) -> str:
    """A label within a sentence; an abbreviation keeps its capitals."""
    return label if label[:2].isupper() else label.lower()


def _code(entity: LegalEntity | None) -> str:
    return entity.code if entity else ""
