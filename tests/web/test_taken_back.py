"""The word on work whose approval was taken back after its invoice had been begun."""

from __future__ import annotations

import pytest
from django.urls import reverse

from controltower.transactions.models import Transaction
from tests.factories import Firm, signed_in
from tests.transactions.test_taken_back import CREDIT, billed, later

pytestmark = pytest.mark.django_db


def test_the_controller_is_offered_the_word_on_its_page_and_an_operator_is_not(firm: Firm) -> None:
    event, _bill = billed(firm, firm.deal(), "timecard")
    firm.receive(later(event, 9, approved=False, billed=True))
    one = Transaction.objects.get(process=CREDIT)
    page = reverse("transaction", args=[one.correlation_id]) + f"?part={one.reference}"
    url = reverse("transaction_decisions", args=[one.correlation_id]) + f"?part={one.reference}"
    word = {"decision": "credit", "reason": "Never done."}
    assert "Not owed: credit it" in signed_in(firm.anna).get(page).content.decode()
    signed_in(firm.otto).post(url, word)
    one.refresh_from_db()
    assert one.decisions == {}
    signed_in(firm.anna).post(url, word)
    one.refresh_from_db()
    assert one.decisions == {"approval": "credit"}
