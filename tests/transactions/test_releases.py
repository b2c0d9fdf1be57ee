"""What a closed period holds is released once the month is open, even after a crash."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from controltower.firm.models import Period
from controltower.systems.models import System
from controltower.transactions import periods
from controltower.transactions.models import Transaction
from controltower.transactions.protocol import State
from tests.factories import closed, found

pytestmark = pytest.mark.django_db


def test_a_release_that_was_cut_short_goes_on_in_the_next_round() -> None:
    firm = found()
    bill = firm.bill(firm.deal(), answers={"post": closed()})
    post = bill.steps.get(name="post")
    assert post.state == State.HELD
    assert periods.release(code="LF-DE", now=firm.now) == 0, "the month is still closed"
    Period.objects.filter(entity__code="LF-DE").update(closed=False)
    assert periods.release(code="LF-DE", now=firm.now) == 1
    assert firm.play(bill).state == "verified"


def test_what_nobody_can_move_is_found() -> None:
    """I6 is no empty promise: a step without a holder, and one whose system has left."""
    firm = found()
    later = timezone.now() + timedelta(days=1)
    one, two = firm.tell(firm.opportunity()), firm.tell(firm.opportunity())
    assert list(Transaction.objects.lost(later)) == []
    one.steps.filter(name="client").update(state=State.SENDING, lease_until=None)
    assert list(Transaction.objects.lost(later)) == [one]
    System.objects.filter(slug="salesforce").update(active=False)
    assert set(Transaction.objects.lost(later)) == {one, two}
