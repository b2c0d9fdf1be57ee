"""Whoever answers for one company decides nothing for others, nor for the whole firm."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from controltower.firm.models import AuditEntry, Duty, LegalEntity, Person, Role
from controltower.firm.rights import FIRM_WIDE, WHO, Right, beyond, holders, may, may_everywhere
from controltower.incidents.models import Cause
from controltower.systems import upkeep
from controltower.systems.models import System
from controltower.transactions.models import Transaction
from tests.factories import Firm, refused, signed_in

pytestmark = pytest.mark.django_db
REASON = {"reason": "Their colleague knows."}


@pytest.fixture
def shared(firm: Firm) -> Cause:
    """A cause that holds work of two companies."""
    theirs = firm.bill(firm.deal(), answers={"draft": refused()})
    own = firm.bill(firm.deal(entity="LF-UK", currency="GBP"), answers={"draft": refused()})
    cause = firm.cause(theirs)
    assert cause == firm.cause(own)
    return cause


def post(firm: Firm, cause: Cause, noun: str, **fields: Any) -> str:
    client = signed_in(firm.callum)
    answer = client.post(f"/exceptions/{cause.pk}/{noun}/", fields | REASON, follow=True)
    return " ".join(answer.content.decode().split())


@pytest.mark.parametrize("noun", ["snoozes", "parkings", "assignments"])
def test_a_cause_of_several_companies_is_not_put_aside_for_all(
    firm: Firm, shared: Cause, noun: str
) -> None:
    said = post(firm, shared, noun, hours="4", to=str(firm.callum.pk))
    assert "It also holds work of other companies. Split off what is yours first." in said
    shared.refresh_from_db()
    assert (shared.owner, shared.snoozed_until, shared.parked_at) == (None, None, None)
    denied = AuditEntry.objects.get(actor="callum.reid")
    assert (denied.subject, denied.allowed) == (f"cause {shared.pk}", False)


def test_ones_own_part_is_split_off_put_aside_and_taken_back(firm: Firm, shared: Cause) -> None:
    page = signed_in(firm.callum).get(f"/exceptions/{shared.pk}/").content.decode()
    assert "entity:LF-UK" in page and "entity:LF-DE" not in page and "client:" not in page
    post(firm, shared, "parts", part="entity:LF-DE")
    assert Cause.objects.count() == 1, "the other company's part is not theirs to split off"
    post(firm, shared, "parts", part="entity:LF-UK")
    own = Cause.objects.exclude(pk=shared.pk).get()
    assert [one.transaction.entity.code for one in own.letters.open()] == ["LF-UK"]  # type: ignore[union-attr]
    post(firm, own, "snoozes", hours="4")
    own.refresh_from_db()
    shared.refresh_from_db()
    assert own.snoozed_until is not None and shared.snoozed_until is None
    (decision,) = signed_in(firm.callum).get(f"/exceptions/{own.pk}/").context["decided"]
    assert decision["action"].allowed
    signed_in(firm.callum).post(decision["action"].url)
    assert shared.letters.open().count() == 2


def test_what_belongs_to_no_company_is_for_the_whole_firm(firm: Firm) -> None:
    uk = LegalEntity.objects.get(code="LF-UK")
    assert beyond(firm.callum, Right.ASSIGN, [uk, None]) == [""]
    assert beyond(firm.anna, Right.ASSIGN, [uk, None]) == []


@pytest.mark.parametrize("right", sorted(FIRM_WIDE))
def test_what_changes_all_companies_work_needs_a_duty_in_all(firm: Firm, right: Right) -> None:
    role = sorted(WHO[right])[0]
    Duty.objects.get_or_create(
        person=firm.callum, role=role, entity=LegalEntity.objects.get(code="LF-UK")
    )
    callum = Person.objects.get(pk=firm.callum.pk)
    assert not may(callum, right) and not may(callum, right, "LF-UK")
    assert callum not in holders(right)
    Duty.objects.create(person=callum, role=role)
    callum = Person.objects.get(pk=firm.callum.pk)
    assert may(callum, right) and may_everywhere(callum, right)
    assert callum in holders(right)


def test_one_companys_operator_pauses_no_system(firm: Firm) -> None:
    uk = LegalEntity.objects.get(code="LF-UK")
    Duty.objects.create(person=firm.callum, role=Role.OPERATOR, entity=uk)
    system = System.objects.get(slug="tryton")
    callum = Person.objects.get(pk=firm.callum.pk)
    with pytest.raises(upkeep.NotAllowed):
        upkeep.pause(system=system, reason="It is ours.", by=callum, now=timezone.now())
    page = signed_in(callum).get("/systems/tryton/").content.decode()
    assert "Your right covers Larkfield Advisory Ltd, not the whole firm." in page
    assert not Transaction.objects.exists()
