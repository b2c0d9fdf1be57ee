"""A record that has become again what it was before is a new fact under an old name."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from controltower.canonical.events import CanonicalEvent
from controltower.canonical.records import Opportunity
from controltower.transactions import intake, interpretation
from controltower.transactions.models import InboundEvent
from tests.factories import Firm, found

pytestmark = pytest.mark.django_db


@pytest.fixture
def firm() -> Firm:
    return found()


def read(firm: Firm, event: CanonicalEvent, version: str, amount: str) -> int:
    """What a feed shows of the deal at that version; how many facts are new. It names them by what
    they say."""
    assert isinstance(event.record, Opportunity)
    record = replace(event.record, amount=Decimal(amount))
    shown = replace(event, id=f"{event.subject}:{amount}", version=version, record=record)
    facts = intake.told_anew([(amount.encode(), shown)])
    receipt = intake.receive(facts=facts, signature="polled", now=firm.now)
    for key in receipt.stored:
        interpretation.interpret(key, now=firm.now)
    return len(receipt.stored)


def test_what_was_changed_and_changed_back_is_told(firm: Firm) -> None:
    won = firm.opportunity(entity="")
    assert [read(firm, won, "1", "100"), read(firm, won, "2", "200")] == [1, 1]
    assert read(firm, won, "3", "100") == 1
    newest = InboundEvent.objects.filter(subject=won.subject).order_by("-version")[0]
    assert (newest.version, newest.state, newest.record["amount"]) == ("3", "accepted", "100")


def test_what_only_we_have_touched_is_told_once(firm: Firm) -> None:
    """Its version moves with each of our writings, and what it says stays."""
    won = firm.opportunity(entity="")
    assert [read(firm, won, version, "100") for version in "123"] == [1, 0, 0]
    assert [read(firm, won, version, "200") for version in "45"] == [1, 0]
    assert [read(firm, won, version, "100") for version in "6789"] == [1, 0, 0, 0]


def test_what_comes_late_is_no_return(firm: Firm) -> None:
    won = firm.opportunity(entity="")
    assert [read(firm, won, "1", "100"), read(firm, won, "3", "200")] == [1, 1]
    assert read(firm, won, "1", "100") == 0
    assert read(firm, won, "2", "100") == 0
    assert read(firm, won, "3", "200") == 0
