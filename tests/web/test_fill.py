"""The developers' two commands: filling a database, and timing the pages over it."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from controltower.incidents.models import DeadLetter
from controltower.measures import exposure, flow
from controltower.measures.exposure import Scope
from controltower.transactions.models import Step, Transaction
from tests.factories import Firm, found

pytestmark = pytest.mark.django_db


@pytest.fixture
def firm() -> Firm:
    return found()


def test_what_is_filled_in_adds_up_and_every_page_is_timed(firm: Firm) -> None:
    call_command("fill", 3000, stdout=StringIO())
    assert Transaction.objects.count() == 3000
    stuck = Transaction.objects.stuck()
    assert DeadLetter.objects.open().count() == stuck.count() > 0
    assert Step.objects.filter(state="parked").count() == stuck.count()
    lane = flow.lane(Scope(firm.anna), timezone.now())
    held = sum(
        part.count
        for line in lane
        for part in (line.stuck.late, line.stuck.due_today, line.stuck.in_time)
    )
    assert held == exposure.stake(exposure.stuck(Scope(firm.anna))).count == stuck.count()
    out = StringIO()
    call_command("bench", "pages", rounds=1, stdout=out)
    assert "3,000 transactions, as Anna Lindqvist" in out.getvalue()
    assert "Tower: sentence" in out.getvalue()


def test_it_is_not_filled_twice(firm: Firm) -> None:
    call_command("fill", 10, stdout=StringIO())
    with pytest.raises(CommandError, match="filled already"):
        call_command("fill", 10, "--force")


def test_real_transactions_are_not_mixed_unasked(firm: Firm) -> None:
    firm.deal()
    with pytest.raises(CommandError, match="holds transactions"):
        call_command("fill", 10)
    call_command("fill", 10, "--force", stdout=StringIO())
    assert Transaction.objects.count() == 11


def test_without_a_firm_there_is_nothing_to_fill() -> None:
    with pytest.raises(CommandError, match="run seed_demo first"):
        call_command("fill", 10)
