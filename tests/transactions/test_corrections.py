"""A fact that changes at its source before anything was sent: the new fact counts, all of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from controltower.canonical.events import CanonicalEvent
from controltower.canonical.records import TimeEntry
from controltower.transactions import intake, interpretation
from controltower.transactions.models import InboundEvent, Item, Transaction
from tests.factories import Firm

pytestmark = pytest.mark.django_db


def _tell_again(firm: Firm, event: CanonicalEvent, version: str, **values: Any) -> InboundEvent:
    """The same record as its source shows it later."""
    later = replace(
        event, id=f"{event.id}:{version}", version=version, record=replace(event.record, **values)
    )
    receipt = intake.receive(facts=[(b"{}", later)], signature="polled", now=firm.now)
    interpretation.interpret(receipt.stored[0], now=firm.now)
    return InboundEvent.objects.get(pk=receipt.stored[0])


def test_a_deal_that_becomes_a_fixed_fee_gets_its_milestones(firm: Firm) -> None:
    won = firm.opportunity(entity="")
    deal = firm.play(firm.tell(won))
    assert deal.state == "dead_lettered"
    told = _tell_again(firm, won, "9", entity="LF-DE", billing_method="Fixed fee")
    assert told.state == "accepted"
    deal = firm.play(deal)
    assert deal.state == "verified"
    assert deal.steps.filter(name__startswith="milestone", state="verified").count() == 3


def test_a_deal_that_is_no_fixed_fee_any_more_needs_no_milestones(firm: Firm) -> None:
    won = firm.opportunity(entity="", billing_method="Fixed fee")
    deal = firm.play(firm.tell(won))
    told = _tell_again(firm, won, "9", entity="LF-DE", billing_method="Time and materials")
    assert told.state == "accepted", told.reason
    assert firm.play(deal).state == "verified"


def test_a_deal_corrected_on_its_way_is_checked_again(firm: Firm) -> None:
    won = firm.opportunity()
    deal = firm.tell(won)
    assert deal.steps.get(name="check").state == "verified"
    _tell_again(firm, won, "9", currency="XQX")
    deal = firm.play(deal)
    assert deal.state == "dead_lettered"
    assert deal.steps.get(name="check").field == "currency"


def test_gathered_work_began_with_the_earliest_approval_of_what_is_left(firm: Firm) -> None:
    deal = firm.deal()
    approved = [firm.now - timedelta(hours=hours) for hours in (30, 50, 40)]
    cards = [replace(firm.timecard(deal), time=at) for at in approved]
    (bill,) = {firm.tell(card).pk for card in cards}
    assert Transaction.objects.get(pk=bill).happened_at == min(approved)
    _tell_again(firm, cards[1], "999999999999", approved=False)
    assert Transaction.objects.get(pk=bill).happened_at == approved[2]
    assert deal.happened_at == firm.now


def test_work_that_moves_to_another_project_leaves_the_invoice(firm: Firm) -> None:
    first, second = firm.deal(), firm.deal(currency="USD", entity="LF-US")
    stays, moves = firm.timecard(first), firm.timecard(first)
    bill = firm.tell(stays)
    assert firm.tell(moves).pk == bill.pk
    other = firm.timecard(second).record
    assert isinstance(other, TimeEntry)
    place = {"project": other.project, "project_id": other.project_id, "currency": "USD"}
    _tell_again(firm, moves, "999999999999", **place)
    bill.refresh_from_db()
    assert bill.items.count() == 1
    assert (bill.amount, bill.currency) == (Decimal("7200.00"), "EUR")
    moved = Item.objects.get(source_id=moves.record.source_id).transaction
    assert (moved.currency, moved.amount) == ("USD", Decimal("7200.00"))


def test_work_that_is_no_longer_billable_is_not_billed(firm: Firm) -> None:
    card = firm.timecard(firm.deal())
    bill = firm.tell(card)
    _tell_again(firm, card, "999999999999", billable=False)
    bill.refresh_from_db()
    assert bill.state == "superseded"
    assert Item.objects.get(source_id=card.record.source_id).process == "time-to-cost-reporting"


def test_an_older_version_that_comes_late_changes_nothing(firm: Firm) -> None:
    """Two workers: the older one has looked for newer versions before the newer one came."""
    card = firm.timecard(firm.deal())
    bill = firm.tell(card)
    InboundEvent.objects.update(state="superseded")
    told = _tell_again(firm, card, "000000000000", amount=Decimal("1.00"))
    bill.refresh_from_db()
    assert bill.amount == Decimal("7200.00")
    assert told.state == "superseded"


def test_workers_that_meet_at_an_event_are_no_deaths(firm: Firm) -> None:
    receipt = intake.receive(facts=[(b"{}", firm.opportunity())], signature="polled", now=firm.now)
    (event_id,) = receipt.stored
    InboundEvent.objects.filter(pk=event_id).update(due_at=firm.now + timedelta(seconds=30))
    for _ in range(5):
        interpretation.interpret(event_id, now=firm.now)
    event = InboundEvent.objects.get(pk=event_id)
    assert (event.state, event.deaths) == ("received", 0)
    assert not Transaction.objects.exists()
