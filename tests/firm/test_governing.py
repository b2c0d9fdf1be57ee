"""Policies: two people, never about oneself, kept as written; and what follows from them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError
from django.db.transaction import atomic
from django.utils import timezone

from controltower.firm import duties, governing, keeping, limits, policies
from controltower.firm.models import AuditEntry, Duty, Person, PolicyState, PolicyVersion, Role
from controltower.firm.policies import BadPolicy
from controltower.firm.rights import Right, may
from controltower.transactions import retention
from tests.web.cast import entity, person

pytestmark = pytest.mark.django_db
NOW = timezone.now()


def propose(by: Person, subject: str = "limit:firm", **content: object) -> PolicyVersion:
    return governing.propose(
        subject=subject, content=content or {"amount": "900"}, reason="so", by=by, now=NOW
    )


def agree(version: PolicyVersion, by: Person, *, yes: bool = True) -> PolicyVersion:
    return governing.decide(version=version, agree=yes, answer="well", by=by, now=NOW)


@pytest.fixture
def amara() -> Person:
    return person("amara", Role.ADMINISTRATOR)


@pytest.fixture
def anna() -> Person:
    return person("anna", Role.CONTROLLER)


def test_it_holds_once_a_second_person_has_agreed(amara: Person, anna: Person) -> None:
    first = propose(amara)
    assert policies.in_force("limit:firm") is None
    agree(first, anna)
    assert limits.second_person_above() == Decimal(900)
    second = agree(propose(amara, amount="50"), anna)
    assert second.number == 2
    assert limits.second_person_above(["LF-DE"]) == Decimal(50)
    first.refresh_from_db()
    assert first.state == PolicyState.RETIRED
    verbs = AuditEntry.objects.filter(subject="limit:firm", allowed=True).values_list("verb")
    assert [verb for (verb,) in verbs] == ["propose policy", "put policy in force"] * 2


def test_the_lowest_limit_of_all_entities_counts(amara: Person, anna: Person) -> None:
    entity("LF-UK")
    agree(propose(amara, "limit:LF-UK", amount="10"), anna)
    agree(propose(amara, "limit:firm", amount="70"), anna)
    assert limits.second_person_above(["LF-DE"]) == Decimal(70)
    assert limits.second_person_above(["LF-DE", "LF-UK"]) == Decimal(10)
    assert limits.second_person_above() == Decimal(70)


def test_whoever_proposes_does_not_decide(amara: Person) -> None:
    version = propose(amara)
    with pytest.raises(governing.NotAllowed):
        agree(version, amara)
    assert AuditEntry.objects.filter(verb="decide policy", allowed=False).count() == 1
    with pytest.raises(IntegrityError), atomic():
        PolicyVersion.objects.filter(pk=version.pk).update(
            state=PolicyState.IN_FORCE, decided_by=amara
        )


@pytest.mark.parametrize("role", [role for role in Role if role != Role.ADMINISTRATOR])
def test_only_administrators_propose(role: Role) -> None:
    with pytest.raises(governing.NotAllowed):
        propose(person("somebody", role))


def test_who_administers_one_entity_does_not_govern_the_firm(anna: Person) -> None:
    limited = person("uk.admin", Role.ADMINISTRATOR, "LF-UK")
    with pytest.raises(governing.NotAllowed):
        propose(limited)
    assert AuditEntry.objects.filter(actor="uk.admin", allowed=False).exists()


def test_nobody_changes_or_decides_their_own_rights(amara: Person, anna: Person) -> None:
    with pytest.raises(governing.NotAllowed):
        propose(amara, "rights:amara", duties=[["controller", ""]])
    of_anna = propose(amara, "rights:anna", duties=[["controller", ""], ["steward", ""]])
    with pytest.raises(governing.NotAllowed):
        agree(of_anna, anna)
    assert duties.held_by(anna) == [["controller", ""]]
    assert AuditEntry.objects.filter(subject__startswith="rights:", allowed=False).count() == 2


def test_rights_in_force_are_duties(amara: Person, anna: Person) -> None:
    otto = person("otto", Role.OPERATOR)
    entity("LF-UK")
    agree(propose(amara, "rights:otto", duties=[["controller", "LF-UK"]]), anna)
    fresh = Person.objects.get(pk=otto.pk)
    assert may(fresh, Right.APPROVE_REPLAY, "LF-UK")
    assert not may(fresh, Right.PAUSE_SYSTEM)


def test_somebody_always_administers_the_firm(amara: Person, anna: Person) -> None:
    other = person("zoe", Role.ADMINISTRATOR)
    change = propose(other, "rights:amara", duties=[])
    Duty.objects.filter(person=other).update(role=Role.AUDITOR)
    with pytest.raises(BadPolicy), atomic():
        agree(change, anna)
    assert duties.held_by(amara) == [["administrator", ""]]


def test_one_change_waits_at_a_time_and_a_refused_one_changes_nothing(
    amara: Person, anna: Person
) -> None:
    version = propose(amara)
    with pytest.raises(governing.NotOpen):
        propose(amara)
    agree(version, anna, yes=False)
    assert policies.in_force("limit:firm") is None
    with pytest.raises(governing.NotOpen):
        agree(version, anna)


@pytest.mark.parametrize(
    ("subject", "content"),
    [
        ("limit:firm", {"amount": "-1"}),
        ("limit:firm", {"amount": "NaN"}),
        ("limit:firm", {"amount": "much"}),
        ("limit:nowhere", {"amount": "1"}),
        ("rights:nobody", {"duties": []}),
        ("rights:anna", {"duties": [["emperor", ""]]}),
        ("rights:anna", {"duties": [["auditor", "nowhere"]]}),
        ("rights:anna", {"duties": "all"}),
        ("retention:attempts", {"days": 2}),
        ("retention:everything", {"days": 400}),
        ("weather:berlin", {"sun": True}),
    ],
)
def test_what_makes_no_sense_is_not_written_down(
    amara: Person, anna: Person, subject: str, content: dict[str, object]
) -> None:
    with pytest.raises(BadPolicy):
        governing.propose(subject=subject, content=content, reason="so", by=amara, now=NOW)
    assert not PolicyVersion.objects.exists()


@pytest.mark.parametrize("change", [{"content": {"amount": "1"}}, {"reason": "another"}, None])
def test_a_version_stays_as_written(amara: Person, change: dict[str, object] | None) -> None:
    version = propose(amara)
    row = PolicyVersion.objects.filter(pk=version.pk)
    with pytest.raises(DatabaseError, match=r"kept|as written"), atomic():
        row.update(**change) if change else row.delete()


def test_retention_follows_what_was_agreed(amara: Person, anna: Person) -> None:
    agree(propose(amara, "retention:attempts", days=400), anna)
    kept = {log.table: log.kept for log in retention.in_force()}
    assert kept["transactions_attempt"] == timedelta(days=400)
    assert keeping.agreed() == {"attempts": timedelta(days=400)}


def test_what_held_before_is_written_down_once() -> None:
    for new in (True, False):
        assert governing.write_down(
            subject="limit:firm", content={"amount": "7"}, reason="as it was", now=NOW
        ) is new  # fmt: skip
    assert limits.second_person_above() == Decimal(7)
