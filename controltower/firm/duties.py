"""Who has which role where, as a policy for each person; one in force becomes their duties."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from controltower.firm.models import Duty, LegalEntity, Person, PolicyVersion, Role
from controltower.firm.policies import BadPolicy
from controltower.firm.rights import Right, may_everywhere

KIND = "rights"


def held_by(person: Person) -> list[list[str]]:
    """The person's duties as a policy writes them down."""
    return sorted(
        [duty.role, duty.entity.code if duty.entity else ""]
        for duty in person.duties.select_related("entity")
    )


def check(about: str, content: object) -> None:
    """Raises BadPolicy unless it is a list of known roles, for a person there is."""
    if not Person.objects.filter(username=about).exists():
        raise BadPolicy(f"There is no person “{about}”.")
    codes = {"", *LegalEntity.objects.values_list("code", flat=True)}
    pairs = content.get("duties") if isinstance(content, dict) else None
    if not isinstance(pairs, list):
        raise BadPolicy("Rights are a list of roles.")
    for pair in pairs:
        if not (isinstance(pair, list) and len(pair) == 2):
            raise BadPolicy("A duty is a role and an entity.")
        if pair[0] not in Role.values or pair[1] not in codes:
            raise BadPolicy(f"There is no role “{pair[0]}” in “{pair[1]}”.")


def apply(version: PolicyVersion) -> None:
    """Make the person's duties what the version says. Raises BadPolicy when nobody would be left
    who administers the firm."""
    person = Person.objects.select_for_update().get(username=version.about)
    person.duties.all().delete()
    give(person, version.content["duties"])
    require_administrator()


def give(person: Person, pairs: Iterable[Sequence[str]]) -> None:
    """Create duties by role and entity code ("" for the whole firm)."""
    entities = {entity.code: entity for entity in LegalEntity.objects.all()}
    Duty.objects.bulk_create(
        Duty(person=person, role=role, entity=entities.get(code)) for role, code in pairs
    )


def require_administrator() -> None:
    """Raises BadPolicy unless somebody active administers the whole firm."""
    people = Person.objects.filter(is_active=True, duties__role=Role.ADMINISTRATOR).distinct()
    if not any(may_everywhere(person, Right.ADMINISTER) for person in people):
        raise BadPolicy("Nobody would be left who administers the whole firm.")
