"""What was put aside wakes when there is more of it than somebody was ready to leave."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from controltower.firm.models import AuditEntry
from controltower.incidents import triage
from controltower.incidents.models import Cause, LetterState
from controltower.incidents.triage import Aside
from controltower.measures import waking
from tests.factories import Firm, stuck_bills

pytestmark = pytest.mark.django_db


def put_aside(
    firm: Firm, cause: Cause, count: int | None = None, value: Decimal | None = None
) -> None:
    aside = Aside(firm.now + timedelta(days=1), count, value)
    triage.put_aside(
        cause=cause, aside=aside, reason="The client is asked.", by=firm.otto, now=firm.now
    )


def test_it_wakes_at_so_many(firm: Firm) -> None:
    cause = firm.cause(stuck_bills(firm, 2)[0])
    put_aside(firm, cause, count=3)
    assert waking.wake(now=firm.now) == 0
    (third,) = stuck_bills(firm, 1)
    assert firm.letter(third).state == LetterState.ON_HOLD
    assert waking.wake(now=firm.now) == 1
    assert Cause.objects.awake(firm.now).get() == cause
    assert firm.letter(third).state == LetterState.OPEN
    assert "3 are stuck" in firm.cause(third).note
    assert AuditEntry.objects.get(verb="wake").actor == "tower"
    assert waking.wake(now=firm.now) == 0, "once"


def test_it_wakes_at_so_much_money(firm: Firm) -> None:
    (bill,) = stuck_bills(firm, 1)
    put_aside(firm, firm.cause(bill), value=bill.amount * 2 - Decimal("0.01"))
    assert waking.wake(now=firm.now) == 0
    stuck_bills(firm, 1)
    assert waking.wake(now=firm.now) == 1


def test_without_limits_only_its_time_wakes_it(firm: Firm) -> None:
    cause = firm.cause(stuck_bills(firm, 1)[0])
    put_aside(firm, cause)
    stuck_bills(firm, 3)
    assert waking.wake(now=firm.now) == 0
    assert not Cause.objects.awake(firm.now).exists()
    assert Cause.objects.awake(firm.now + timedelta(days=2)).get() == cause


def test_what_is_parked_waits_for_a_person(firm: Firm) -> None:
    (bill,) = stuck_bills(firm, 1)
    cause = firm.cause(bill)
    triage.put_aside(cause=cause, aside=Aside(), reason="Next year.", by=firm.otto, now=firm.now)
    assert firm.letter(bill).state == LetterState.ON_HOLD
    assert not Cause.objects.awake(firm.now + timedelta(days=400)).exists()
    triage.wake(cause=cause, by=firm.otto, now=firm.now)
    assert Cause.objects.awake(firm.now).get() == cause
    assert firm.letter(bill).state == LetterState.OPEN
