"""Won deals that are re-opened or deleted: whatever rests on them needs somebody, once."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from controltower.canonical.events import CanonicalEvent
from controltower.incidents import settling
from controltower.measures import exposure
from controltower.transactions.models import InboundEvent, Transaction
from tests.factories import Firm, refused

pytestmark = pytest.mark.django_db
LOSS = "deal-taken-back"


def later(event: CanonicalEvent, number: int, **values: Any) -> CanonicalEvent:
    """The deal as the CRM shows it later."""
    record = replace(event.record, **values)
    return replace(event, id=f"{event.id}:{number}", version=f"9{number:011d}", record=record)


def lost(event: CanonicalEvent, number: int = 1, stage: str = "Proposal") -> CanonicalEvent:
    return later(event, number, won=False, stage=stage)


def losses() -> list[Transaction]:
    return list(Transaction.objects.filter(process=LOSS).order_by("started_at", "pk"))


def stuck(firm: Firm) -> Transaction:
    """The one loss that needs somebody."""
    (one,) = Transaction.objects.stuck().filter(process=LOSS)
    return firm.play(one)


def carried_out(firm: Firm, **values: Any) -> tuple[CanonicalEvent, Transaction]:
    won = firm.opportunity(**values)
    return won, firm.play(firm.tell(won))


@pytest.mark.parametrize("stage", ["Proposal", "Closed Lost", "Deleted"])
def test_what_rests_on_a_lost_deal_is_named_with_its_worth(firm: Firm, stage: str) -> None:
    won, deal = carried_out(firm)
    bill = firm.bill(deal)
    number = bill.steps.get(name="post").values["number"]
    firm.receive(lost(won, stage=stage))
    firm.play(losses()[0])
    one = stuck(firm)
    text = one.steps.get().text
    assert (one.amount, one.currency, one.exposure) == (Decimal("48200.00"), "EUR", "unbilled")
    assert (one.correlation_id, one.entity) == (deal.correlation_id, deal.entity)
    assert f"“{stage}”" in text
    assert f"Project {deal.steps.get(name='project').ref}" in text
    assert f"Invoices {number} over 7,200.00 EUR" in text
    assert firm.cause(one).owner_role == "pmo_lead"


def test_it_is_counted_once_along_the_chain(firm: Firm) -> None:
    won, deal = carried_out(firm)
    firm.bill(deal, {"draft": refused()})
    firm.receive(lost(won))
    firm.play(losses()[0])
    whole = exposure.stuck(exposure.Scope(firm.anna)).filter(correlation_id=deal.correlation_id)
    assert whole.count() == 2
    assert exposure.stake(whole).by_currency == {"EUR": Decimal("48200.00")}


def test_a_deal_won_again_ends_it_by_itself_and_may_be_lost_again(firm: Firm) -> None:
    won, deal = carried_out(firm)
    firm.receive(lost(won, 1))
    firm.play(losses()[0])
    firm.receive(later(won, 2))
    assert [one.state for one in losses()] == ["superseded"]
    assert Transaction.objects.filter(process=deal.process).count() == 1
    firm.receive(lost(won, 3))
    firm.play(losses()[1])
    assert stuck(firm).amount == deal.amount


def test_what_was_settled_is_asked_about_again_when_the_deal_is_deleted(firm: Firm) -> None:
    won, _deal = carried_out(firm)
    firm.receive(lost(won, 1))
    first = firm.play(losses()[0])
    proposed = settling.settle(
        transactions=[first], reason="Goes on.", by=firm.otto, now=firm.now, discard=False
    )
    settling.decide(settlement=proposed, agree=True, by=firm.anna, now=firm.now)
    firm.receive(lost(won, 1), lost(won, 2))
    assert len(losses()) == 1, "the same word again is none"
    firm.receive(lost(won, 3, "Deleted"))
    firm.play(losses()[1])
    assert "“Deleted”" in stuck(firm).steps.get().text


def test_told_once_however_often_and_in_whichever_order(firm: Firm) -> None:
    won, _deal = carried_out(firm)
    back = lost(won, 2)
    firm.receive(back, back, lost(won, 1, "Closed Lost"))
    for one in losses():
        firm.play(one)
    assert "“Proposal”" in stuck(firm).steps.get().text
    assert len(losses()) == 1


def test_a_loss_that_is_told_before_the_deal_begins_nothing(firm: Firm) -> None:
    won = firm.opportunity()
    firm.receive(lost(won))
    firm.receive(won)
    assert not Transaction.objects.exists()
    assert InboundEvent.objects.get(event_id=won.id).state == "superseded"


def test_a_deal_lost_before_anything_was_made_of_it_is_over(firm: Firm) -> None:
    won = firm.opportunity(entity="")
    deal = firm.play(firm.tell(won))
    assert deal.state == "dead_lettered"
    firm.receive(lost(won))
    deal.refresh_from_db()
    assert (deal.state, losses()) == ("superseded", [])


def test_a_project_that_is_still_being_set_up_is_said(firm: Firm) -> None:
    won = firm.opportunity()
    firm.play(firm.tell(won), {"project": refused()})
    firm.receive(lost(won))
    firm.play(losses()[0])
    assert "A project that is still being set up" in stuck(firm).steps.get().text
