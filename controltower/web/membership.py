"""Who may be told what on a live page: sessions that hold, and the entities of what changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.contrib.sessions.models import Session
from django.utils import timezone

from controltower.firm.models import Person
from controltower.firm.rights import entities_of
from controltower.transactions.models import ReplayItem, Transaction

TRANSACTION, JOB = "tx-", "job-"
Audience = Mapping[str, frozenset[str] | None]
"""Per name: the entity codes that may know it; None for everybody."""


@dataclass(frozen=True, slots=True)
class Member:
    """A session that held when it was last looked at. `codes` None sees the whole firm."""

    session_key: str
    person: int
    seal: str
    codes: frozenset[str] | None

    def may_know(self, audience: Audience) -> frozenset[str]:
        """The names that this person's entities allow."""
        return frozenset(
            name
            for name, codes in audience.items()
            if codes is None or self.codes is None or codes & self.codes
        )


def of(person: Person, session_key: str) -> Member:
    """The member that a signed-in person's session makes."""
    return Member(session_key, person.pk, person.get_session_auth_hash(), entities_of(person))


def still_valid(members: Sequence[Member]) -> dict[str, Member]:
    """The members whose session and person still hold, by session key, as they are now."""
    sessions = set(
        Session.objects.filter(
            session_key__in={member.session_key for member in members},
            expire_date__gt=timezone.now(),
        ).values_list("session_key", flat=True)
    )
    people = Person.objects.filter(
        pk__in={member.person for member in members}, is_active=True
    ).in_bulk()
    codes = {pk: entities_of(person) for pk, person in people.items()}
    return {
        member.session_key: Member(
            member.session_key,
            member.person,
            people[member.person].get_session_auth_hash(),
            codes[member.person],
        )
        for member in members
        if member.session_key in sessions and member.person in people
    }


def is_about_one(name: str) -> bool:
    """Whether the name is about one transaction or job, which not everybody may know of."""
    return name.startswith((TRANSACTION, JOB))


def audience(names: Iterable[str]) -> dict[str, frozenset[str] | None]:
    """Who may know each name. What has no entity yet is for those who see the whole firm."""
    found: dict[str, frozenset[str] | None] = {}
    for name in names:
        found[name] = frozenset() if is_about_one(name) else None
    ids = _ids(found, TRANSACTION)
    for pk, code in Transaction.objects.filter(pk__in=ids).values_list("pk", "entity__code"):
        found[f"{TRANSACTION}{pk}"] = frozenset({code} if code else ())
    plans = ReplayItem.objects.filter(plan__in=_ids(found, JOB))
    for pk, code in plans.values_list("plan_id", "transaction__entity__code").distinct():
        known = found[f"{JOB}{pk}"] or frozenset()
        found[f"{JOB}{pk}"] = known | ({code} if code else frozenset())
    return found


def _ids(names: Iterable[str], prefix: str) -> list[UUID]:
    ids = []
    for name in names:
        if name.startswith(prefix):
            try:
                ids.append(UUID(name.removeprefix(prefix)))
            except ValueError:
                continue
    return ids
