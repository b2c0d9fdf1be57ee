"""The mappings of the sandbox firm: what the product brings, agreed to when the tower was set
up; and who owns which field."""

from __future__ import annotations

from datetime import datetime

from controltower.firm.models import Person, Role
from controltower.mappings.library.catalogue import MAPPINGS, OWNERS
from controltower.mappings.models import (
    FieldOwner,
    Mapping,
    MappingVersion,
    Review,
    VersionState,
)

OF_PART = {
    "crm": "salesforce", "psa": "certinia", "erp": "tryton", "hris": "workday", "spend": "coupa",
}  # fmt: skip
"""Which of the firm's systems owns the fields of a part."""
UNOWNED = {("project", "billing_method"), ("invoice", "account_code")}
"""Left without an owner on purpose: the board shows unowned fields first."""


def agree_mappings(now: datetime) -> None:
    """Create each mapping with its first version, reviewed by others than its author, and say who
    owns which field."""
    author, controller = _first(Role.STEWARD), _first(Role.CONTROLLER)
    _own_fields(controller, author)
    reviewers = [controller, _second(Role.STEWARD)]
    known = set(Mapping.objects.values_list("slug", flat=True))
    new = [agreed for agreed in MAPPINGS if agreed[0] not in known]
    mappings = Mapping.objects.bulk_create(
        Mapping(slug=slug, title=title, record=record, target=target, moves_money=money)
        for slug, title, record, target, money, _rules in new
    )
    versions = MappingVersion.objects.bulk_create(
        MappingVersion(
            mapping=mapping,
            number=1,
            rules=rules,
            note="As agreed when the tower was set up.",
            author=author,
            state=VersionState.ACTIVE,
            active_from=now,
        )
        for mapping, (*_, rules) in zip(mappings, new, strict=True)
    )
    Review.objects.bulk_create(
        Review(version=version, author=author, reviewer=reviewer, approved=True, at=now)
        for version in versions
        for reviewer in reviewers[: 2 if version.mapping.moves_money else 1]
    )


def _own_fields(controller: Person, author: Person) -> None:
    FieldOwner.objects.bulk_create(
        [
            FieldOwner(
                record=record,
                field=name,
                system_of_record=OF_PART[part],
                is_money=money,
                is_personal=personal,
                owner=None if (record, name) in UNOWNED else controller,
                steward=None if (record, name) in UNOWNED else author,
            )
            for record, name, part, money, personal in OWNERS
        ],
        ignore_conflicts=True,
    )


def _first(role: Role) -> Person:
    return Person.objects.filter(duties__role=role).order_by("pk")[0]


def _second(role: Role) -> Person:
    return Person.objects.filter(duties__role=role).order_by("pk")[1]
