"""Calling a transaction off on its page."""

from __future__ import annotations

import pytest

from controltower.web import standing
from tests.factories import found, refused, signed_in

pytestmark = pytest.mark.django_db


def test_it_is_offered_while_nothing_was_sent_and_explained_afterwards() -> None:
    firm = found()
    deal = firm.deal(answers={"customer": refused()})
    client, url = signed_in(firm.otto), f"/tx/{deal.correlation_id}/cancellations/"
    assert "Call it off" in client.get(standing.url_of(deal)).content.decode()
    where = f"{url}?part={deal.reference}"
    assert "needs a reason" in client.post(where, {}, follow=True).content.decode()
    said = client.post(where, {"reason": "Withdrawn."}, follow=True).content.decode()
    assert "Called off" in said
    sent = firm.bill(firm.deal(), answers={"draft": refused()})
    assert "Undo it there" in client.get(standing.url_of(sent)).content.decode()
