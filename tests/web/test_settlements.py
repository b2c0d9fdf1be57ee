"""Much money is ended on pages by two people."""

from __future__ import annotations

import pytest

from controltower.firm.models import AuditEntry
from controltower.incidents.models import Settlement
from controltower.transactions.models import Transaction
from tests.factories import Firm, refused, signed_in

pytestmark = pytest.mark.django_db


def test_it_is_proposed_and_agreed_to_on_the_groups_page(firm: Firm) -> None:
    deal = firm.deal(answers={"project": refused()})
    page = f"/exceptions/{firm.cause(deal).pk}/"
    said = signed_in(firm.otto).post(
        f"{page}solutions/", {"how": "write_off", "reason": "The client went under."}, follow=True
    )
    assert "a second person must agree. Nothing ended." in said.content.decode()
    otto, anna = (signed_in(one).get(page).content.decode() for one in (firm.otto, firm.anna))
    for shown in (otto, anna):
        assert "Otto Brandt would write off 1 transaction, worth €48,200.00" in shown
    assert "You proposed it, so somebody else must decide." in otto
    tx = signed_in(firm.anna).get(f"/tx/{deal.correlation_id}/").content.decode()
    assert "Otto Brandt would write off 1 transaction" in tx
    made = Settlement.objects.get()
    url = f"/settlements/{made.pk}/decisions/"
    assert signed_in(firm.callum).post(url, {"agree": "yes"}).status_code == 404
    said = signed_in(firm.anna).post(url, {"agree": "yes"}, follow=True)
    assert "1 transaction ended, with your reason." in said.content.decode()
    assert Transaction.objects.get(pk=deal.pk).state == "written_off"


def test_whoever_proposed_it_takes_it_back_and_may_propose_anew(firm: Firm) -> None:
    deal = firm.deal(answers={"project": refused()})
    page = f"/exceptions/{firm.cause(deal).pk}/"
    otto, form = signed_in(firm.otto), {"how": "write_off", "reason": "The client went under."}
    assert "Take it back" in otto.post(f"{page}solutions/", form, follow=True).content.decode()
    assert "Take it back" not in signed_in(firm.anna).get(page).content.decode()
    made = Settlement.objects.get()
    url = f"/settlements/{made.pk}/decisions/"
    said = otto.post(url, {"agree": "no"}, follow=True).content.decode()
    assert "Taken back: all of it stays where it is." in said
    made.refresh_from_db()
    assert made.is_withdrawn
    assert AuditEntry.objects.filter(verb="withdraw to write off", allowed=True).count() == 1
    assert Transaction.objects.get(pk=deal.pk).state == "dead_lettered"
    late = signed_in(firm.anna).post(url, {"agree": "yes"}, follow=True)
    assert "This has been decided already." in late.content.decode()
    assert (
        "a second person must agree"
        in otto.post(f"{page}solutions/", form, follow=True).content.decode()
    )
