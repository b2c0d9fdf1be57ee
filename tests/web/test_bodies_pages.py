"""What pages, files and the API say of events whose body was removed, and of the policy itself."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from controltower.firm.models import AuditEntry, PolicyVersion
from controltower.transactions import bodies, replay
from controltower.transactions.models import InboundEvent, Removal, Transaction
from tests.factories import Firm, signed_in, unreadable
from tests.web.cast import token

pytestmark = pytest.mark.django_db


def audit_tab(client: Client, one: Transaction) -> str:
    address = reverse("transaction", args=[one.correlation_id])
    return client.get(f"{address}?part={one.reference}&tab=audit").content.decode()


@pytest.fixture
def deal(firm: Firm) -> Transaction:
    """A deal that has arrived, its event's body agreed to be kept for a month."""
    form = {"about": "bodies", "days": "30", "reason": "minimise"}
    signed_in(firm.amara).post(reverse("manage_retention"), form)
    (waiting,) = PolicyVersion.objects.filter(subject="retention:bodies")
    answer = {"agree": "yes", "answer": "so be it"}
    signed_in(firm.anna).post(reverse("manage_decisions", args=[waiting.pk]), answer)
    return firm.deal()


def remove(firm: Firm) -> Removal:
    assert bodies.remove(now=firm.now + timedelta(days=31))
    return Removal.objects.latest("pk")


def test_two_people_agree_and_the_page_says_what_came_of_it(firm: Firm, deal: Transaction) -> None:
    client = signed_in(firm.amara)
    page = client.get(reverse("manage_retention")).content.decode()
    assert "How long the body of an event is kept" in page
    assert "none removed yet" in page
    assert "30 days" in page
    remove(firm)
    assert "1 body removed" in client.get(reverse("manage_retention")).content.decode()
    audit = client.get(reverse("manage_audit")).content.decode()
    assert "remove bodies" in audit
    assert "the body of 1 event" in audit


def test_for_ever_until_somebody_agrees(firm: Firm) -> None:
    page = signed_in(firm.amara).get(reverse("manage_retention")).content.decode()
    assert "for ever" in page
    assert 'min="30"' in page
    assert 'min="92"' in page


@pytest.mark.parametrize(("about", "days"), [("bodies", "29"), ("attempts", "30")])
def test_each_has_its_own_least(firm: Firm, about: str, days: str) -> None:
    form = {"about": about, "days": days, "reason": "so"}
    signed_in(firm.amara).post(reverse("manage_retention"), form)
    assert not AuditEntry.objects.filter(verb="propose policy").exists()


def test_the_audit_trail_says_what_became_of_a_body(firm: Firm, deal: Transaction) -> None:
    client = signed_in(firm.otto)
    digest = InboundEvent.objects.get(items__transaction=deal).digest
    before = audit_tab(client, deal)
    assert "Its body is kept as it came" in before
    assert digest in before
    removal = remove(firm)
    after = audit_tab(client, deal)
    assert f"{removal.at.year} by the policy of 30 days" in after
    assert digest in after


def test_the_api_tells_the_fingerprint_and_when_the_body_went(
    firm: Firm, deal: Transaction, client: Client
) -> None:
    event = InboundEvent.objects.get(items__transaction=deal)
    who = token(firm.otto)

    def told() -> dict[str, object]:
        answer = client.get(f"/api/v1/transactions/{deal.reference}", headers=who).json()
        (received,) = answer["transactions"][0]["received"]
        return dict(received)

    before = told()
    assert (before["sha256"], before["body_removed_at"]) == (event.digest, None)
    removal = remove(firm)
    after = told()
    assert after["sha256"] == event.digest
    assert after["event_id"] == event.event_id
    assert str(after["body_removed_at"])[:19] == removal.at.isoformat()[:19]
    assert after["body_kept_days"] == 30


def test_it_is_not_read_again(firm: Firm, deal: Transaction) -> None:
    remove(firm)
    event = InboundEvent.objects.get(items__transaction=deal)
    address = reverse("set_aside_readings", args=[event.pk])
    page = signed_in(firm.otto).post(address, follow=True).content.decode()
    assert "by the policy of 30 days: it is not read again. Nothing was changed." in page
    assert signed_in(firm.callum).post(address).status_code == 404
    event.refresh_from_db()
    assert event.state == "accepted"


def test_nor_is_what_rested_on_it_replayed(firm: Firm, deal: Transaction) -> None:
    remove(firm)
    steps = list(deal.steps.values_list("pk", flat=True))
    with pytest.raises(replay.NotReplayable):
        replay.plan(
            steps=steps, title="again", selection={}, mapping="now", by=firm.otto, now=firm.now
        )


def test_what_was_set_aside_is_counted_and_linked(firm: Firm, deal: Transaction) -> None:
    aside = unreadable()
    InboundEvent.objects.filter(pk=aside.pk).update(received_at=firm.now - timedelta(days=31))
    page = signed_in(firm.amara).get(reverse("manage_retention")).content.decode()
    assert "1 older was set aside" in page
