"""Purchases that are changed or voided: booked once, and told of when the books are wrong since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from controltower.canonical.events import PURCHASE_APPROVED, CanonicalEvent
from controltower.canonical.records import Purchase
from controltower.canonical.verdicts import Done, Outcome
from controltower.transactions.models import Step, Transaction
from tests.factories import Answer, Firm, refused

pytestmark = pytest.mark.django_db
COST = "spend-to-project-cost"
PROJECT = {"name": "Rail review", "entity": "LF-DE", "currency": "EUR", "stage": "Planned"}
READ: dict[str, Answer] = {"project": Done(ref="a0P", outcome=Outcome.READ, values=PROJECT)}


def bought(firm: Firm, **values: Any) -> CanonicalEvent:
    purchase = Purchase(
        source_id="invoice-7", name="S-1001/7", entity="LF-DE", number="S-1001/7", kind="invoice",
        supplier_name="Nordlicht Reisen GmbH", supplier_number="S-1001", supplier_country="DE",
        project_id="a0P", status="approved", account_code="6020", tax_code="V19", currency="EUR",
        amount=Decimal("480.00"), tax=Decimal("91.20"), on=firm.today,
    )  # fmt: skip
    return firm.event(PURCHASE_APPROVED, "coupa/purchase", "purchase:7", purchase, 1)


def later(event: CanonicalEvent, number: int, **values: Any) -> CanonicalEvent:
    record = replace(event.record, **values)
    return replace(event, id=f"{event.id}:{number}", version=f"9{number:011d}", record=record)


def played(firm: Firm, *told: CanonicalEvent, answers: Mapping[str, Answer]) -> list[Transaction]:
    """The costs that were told, each carried as far as it goes."""
    for event in told:
        firm.receive(event)
        for one in Transaction.objects.live().filter(process=COST):
            firm.play(one, {**READ, **answers})
    return list(Transaction.objects.filter(process=COST).order_by("started_at", "pk"))


def booked(firm: Firm) -> CanonicalEvent:
    """A purchase that is posted in the ERP."""
    event = bought(firm)
    posted = {
        "post": Done(ref="b", outcome=Outcome.UPDATED, values={"state": "posted", "number": "B-7"})
    }
    (cost,) = played(firm, event, answers=posted)
    assert cost.steps.get(name="post").state == "verified", cost.wait_text
    return event


@pytest.mark.parametrize(
    ("changed", "words", "worth"),
    [
        ({"amount": Decimal("520.00")}, "shows 520.00 EUR", "40.00"),
        ({"approved": False, "status": "voided"}, "was voided since", "480.00"),
        ({"project_id": "a0Q"}, "codes it otherwise", "480.00"),
    ],
)
def test_what_is_changed_once_it_is_booked_needs_somebody_and_is_booked_once(
    firm: Firm, changed: dict[str, Any], words: str, worth: str
) -> None:
    event = booked(firm)
    told = later(event, 2, **changed)
    _first, second = played(firm, told, told, answers={})
    stuck = second.steps.get(state="parked")
    assert (stuck.name, stuck.field) == ("check", "booked")
    assert "is booked as B-7" in stuck.text and words in stuck.text
    assert (second.amount, second.exposure) == (Decimal(worth), "unpaid cost")
    assert Step.objects.filter(name="draft", sent_at__isnull=False).count() == 1


def test_what_says_the_same_is_no_change(firm: Firm) -> None:
    event = booked(firm)
    assert len(played(firm, later(event, 2, supplier_name="Nordlicht Reisen"), answers={})) == 1


def test_what_is_changed_before_it_is_booked_is_booked_as_it_is_then(firm: Firm) -> None:
    event = bought(firm)
    played(firm, event, answers={"project": refused("No such project.")})
    (cost,) = played(firm, later(event, 2, amount=Decimal("520.00")), answers={})
    assert cost.steps.get(name="draft").sent["untaxed"] == "520.00"


def test_what_is_voided_before_it_is_booked_is_over(firm: Firm) -> None:
    event = bought(firm)
    played(firm, event, answers={"project": refused("No such project.")})
    (cost,) = played(firm, later(event, 2, approved=False, status="voided"), answers={})
    assert cost.state == "superseded"


def test_what_is_voided_when_only_its_supplier_is_there_is_never_booked(firm: Firm) -> None:
    event = bought(firm)
    played(firm, event, answers={"draft": refused("Cost account 6020 is not known.")})
    told = later(event, 2, approved=False, status="voided")
    first, second = played(firm, told, answers={})
    assert (first.state, second.state, second.amount) == ("superseded", "verified", Decimal(0))
    assert not second.steps.filter(name="draft").exists()
