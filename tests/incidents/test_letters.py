"""Dead letters follow the transactions that the bell names, however many others are stuck."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from controltower.incidents import letters
from controltower.incidents.models import DeadLetter, LetterState
from controltower.transactions.models import Step, Transaction
from tests.factories import Firm, found, stuck_bills

pytestmark = pytest.mark.django_db


@pytest.fixture
def firm() -> Firm:
    return found()


def _is_played_again(*bills: Transaction) -> None:
    Step.objects.filter(transaction__in=bills, name="draft").update(
        state="scheduled", due_at=timezone.now()
    )


def test_the_bell_looks_at_the_transactions_it_names(firm: Firm) -> None:
    one, other = stuck_bills(firm, 2)
    _is_played_again(one, other)
    letters.on_bell(None, topics=frozenset({"exceptions", "tower", f"tx-{one.pk}"}))
    assert firm.letter(one).state == LetterState.REPLAYING
    assert firm.letter(other).state == LetterState.OPEN
    letters.catch_up(now=timezone.now())
    assert firm.letter(other).state == LetterState.REPLAYING, "the dispatcher looks at all"


def test_a_bell_without_transactions_asks_nothing(
    firm: Firm, django_assert_num_queries: Any
) -> None:
    stuck_bills(firm, 1)
    DeadLetter.objects.all().delete()
    with django_assert_num_queries(0):
        letters.on_bell(None, topics=frozenset({"exceptions", "tower"}))
    assert letters.catch_up(now=timezone.now()) == 1
