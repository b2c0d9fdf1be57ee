"""Which classes of personal data are masked for whom: agreed upon, class by class.

Everything is masked for everybody until something else is agreed upon. Only roles that may have
personal data shown to them for a reason can be let off a mask.
"""

from __future__ import annotations

from controltower.canonical.records.base import Personal
from controltower.firm.models import Person, Role
from controltower.firm.policies import BadPolicy, of_kind
from controltower.firm.rights import WHO, Right

KIND = "mask"
OPENABLE = WHO[Right.REVEAL_PERSONAL]
"""Roles for which a class may be left unmasked."""


def open_to(kind: Personal) -> frozenset[Role]:
    """The roles that see a class of personal data without asking."""
    return _agreed().get(kind, frozenset())


def hidden_from(person: Person, entity: str | None) -> frozenset[Personal]:
    """The classes that are masked for this person in an entity (None: of no entity yet)."""
    held = {
        Role(duty.role)
        for duty in person.duties.all()
        if duty.entity is None or duty.entity.code == entity
    }
    agreed = _agreed()
    return frozenset(kind for kind in Personal if not held & agreed.get(kind, frozenset()))


def _agreed() -> dict[Personal, frozenset[Role]]:
    return {
        Personal(about): frozenset(OPENABLE - {Role(name) for name in one.content["masked_for"]})
        for about, one in of_kind(KIND).items()
    }


def check(about: str, content: object) -> None:
    """Raises BadPolicy unless it says for which roles a class of personal data is masked, and
    those are masked who may not have it shown."""
    masked = content.get("masked_for") if isinstance(content, dict) else None
    if about not in set(Personal):
        raise BadPolicy(f"There is no class of personal data “{about}”.")
    if not isinstance(masked, list) or not set(masked) <= set(Role.values):
        raise BadPolicy("A mask says for which roles it holds.")
    if missing := sorted(set(Role) - OPENABLE - set(masked)):
        raise BadPolicy(
            f"It stays masked for the {Role(missing[0]).label.lower()}, who may not have personal"
            " data shown."
        )
