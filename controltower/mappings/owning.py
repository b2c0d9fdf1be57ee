"""Who owns which field, as two people agree: the system that holds the truth of it, and who answers
for it. A version names fields of one record, which join those that were agreed upon before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from controltower.firm.models import Person, PolicyVersion
from controltower.firm.policies import BadPolicy
from controltower.mappings.library.catalogue import OWNERS
from controltower.mappings.models import FieldOwner
from controltower.systems.models import System

KIND = "owners"


def fields() -> list[FieldOwner]:
    """Every field that has an owner or wants one, by record and name. One that nobody has looked at
    stands with the system of the part that usually owns it, "" while several play it; while none
    does there is nothing to own."""
    found = {str(one): one for one in FieldOwner.objects.select_related("owner", "steward")}
    playing = _by_part()
    for record, name, part, money, personal in OWNERS:
        systems = playing[part]
        if not systems:
            continue
        usual = FieldOwner(
            record=record,
            field=name,
            system_of_record=systems[0] if len(systems) == 1 else "",
            is_money=money,
            is_personal=personal,
        )
        found.setdefault(str(usual), usual)
    return sorted(found.values(), key=lambda one: (one.record, one.field))


def check(about: str, content: object) -> None:
    """Raises BadPolicy unless fields that the record has get a system that is there, somebody who
    answers for them, and perhaps a steward."""
    said: Mapping[str, object] = content if isinstance(content, dict) else {}
    known = {one.field for one in fields() if one.record == about}
    if not known:
        raise BadPolicy(f"There is no record “{about}” whose fields are owned.")
    named = said.get("fields")
    if not isinstance(named, list) or not named:
        raise BadPolicy("Name at least one field.")
    if strange := [one for one in named if one not in known]:
        raise BadPolicy(f"A {about} has no field “{strange[0]}”.")
    if not System.objects.filter(slug=str(said.get("system")), active=True).exists():
        raise BadPolicy(f"There is no active system “{said.get('system')}”.")
    _person(said.get("owner"))
    if said.get("steward"):
        _person(said["steward"])


def apply(version: PolicyVersion) -> None:
    """They own it from now on."""
    said, known = version.content, {str(one): one for one in fields()}
    for name in said["fields"]:
        usual = known[f"{version.about}.{name}"]
        FieldOwner.objects.update_or_create(
            record=version.about,
            field=name,
            defaults={
                "system_of_record": said["system"],
                "owner": _person(said["owner"]),
                "steward": _person(said["steward"]) if said.get("steward") else None,
                "is_money": usual.is_money,
                "is_personal": usual.is_personal,
            },
        )


def _by_part() -> defaultdict[str, list[str]]:
    playing = defaultdict(list)
    for slug, role in System.objects.filter(active=True).values_list("slug", "role"):
        playing[role].append(slug)
    return playing


def _person(username: object) -> Person:
    found = Person.objects.filter(username=str(username), is_active=True).first()
    if found is None:
        raise BadPolicy(f"“{username}” is nobody who can sign in.")
    return found
