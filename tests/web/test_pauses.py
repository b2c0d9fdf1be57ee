"""Promises that wait for a client: their clock stands still, and goes on by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from controltower.firm.models import AuditEntry
from controltower.measures.exposure import Scope
from controltower.measures.paused import paused
from controltower.transactions import consent, pausing, promising
from controltower.transactions.models import Awaited, Ended, Pause, Transaction
from tests.factories import Firm, refused, signed_in
from tests.web.cast import token

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
MAIL = "https://mail.example/42"


@pytest.fixture
def deal(firm: Firm) -> Transaction:
    """A deal that is stuck long before its promise ends."""
    promising.write_down(now=timezone.now())
    return firm.deal(answers={"project": refused()}, po_number="")


def stop(firm: Firm, one: Transaction, **more: Any) -> Pause:
    now = timezone.now()
    said: dict[str, Any] = {
        "awaits": Awaited.ANSWER,
        "until": now + 3 * HOUR,
        "evidence": MAIL,
        "note": "",
    }
    made = pausing.pause(transaction=one, by=firm.anna, now=now, **said | more)
    one.refresh_from_db()
    return made


def test_the_clock_stands_and_goes_on_by_its_date(firm: Firm, deal: Transaction) -> None:
    due, began = deal.due_at, deal.clock_from
    assert due is not None and began is not None
    made = stop(firm, deal)
    assert (deal.due_at, promising.is_held(deal)) == (None, True)
    assert pausing.follow(now=made.until - HOUR) == 0
    assert pausing.follow(now=made.until) == 1
    deal.refresh_from_db()
    made.refresh_from_db()
    assert deal.due_at == due + (made.until - made.at)
    assert deal.clock_from == began + (made.until - made.at)
    assert (made.ended, made.ended_at, promising.is_held(deal)) == (Ended.DATE, made.until, False)
    kinds = deal.timeline.values_list("kind", flat=True)
    assert {"promise_paused", "promise_resumed"} <= set(kinds)
    audit = AuditEntry.objects.filter(subject=deal.reference, verb__contains="promise")
    assert list(audit.order_by("id").values_list("verb", "actor", "allowed")) == [
        ("pause promise", firm.anna.username, True), ("resume promise", "tower", True),
    ]  # fmt: skip


def test_it_goes_on_once_what_was_waited_for_arrives(firm: Firm, deal: Transaction) -> None:
    made = stop(firm, deal, awaits=Awaited.PO_NUMBER)
    assert pausing.follow(now=made.at + HOUR) == 0
    item = deal.items.get()
    item.record = {**item.record, "po_number": "4500012345"}
    item.save()
    assert pausing.follow(now=made.at + HOUR) == 1
    made.refresh_from_db()
    assert made.ended == Ended.FACT


def test_who_may_not_is_refused_on_the_record(firm: Firm, deal: Transaction) -> None:
    with pytest.raises(consent.NotAllowed):
        pausing.pause(
            transaction=deal, awaits=Awaited.ANSWER, until=timezone.now() + HOUR, evidence=MAIL,
            note="", by=firm.otto, now=timezone.now(),
        )  # fmt: skip
    assert not AuditEntry.objects.get(verb="pause promise").allowed
    assert not Pause.objects.exists()


def test_what_is_not_sound_pauses_nothing(firm: Firm, deal: Transaction) -> None:
    now = timezone.now()
    for more in ({"until": now - HOUR}, {"until": now + timedelta(days=400)}, {"evidence": " "}):
        with pytest.raises(pausing.CannotPause):
            stop(firm, deal, **more)
    Transaction.objects.filter(pk=deal.pk).update(due_at=now - HOUR)
    with pytest.raises(pausing.CannotPause, match="broken already"):
        stop(firm, deal)
    assert not Pause.objects.exists()


def test_the_page_pauses_shows_and_lets_go_on(firm: Firm, deal: Transaction) -> None:
    client = signed_in(firm.anna)
    at = f"/tx/{deal.correlation_id}/"
    until = timezone.localtime(timezone.now() + 3 * HOUR).strftime("%Y-%m-%dT%H:%M")
    form = {"awaits": "vat_number", "until": until, "evidence": MAIL, "scope": "chain"}
    said = client.post(f"{at}pauses/?part={deal.reference}", form, follow=True).content.decode()
    assert "The promise of 1 transaction is paused." in said
    assert "Waiting for the client: VAT number" in said and MAIL in said
    listed = client.get("/tx/", {"lateness": "paused"}).context["rows"]
    assert [(row.id, row.lateness) for row in listed] == [(deal.pk, "paused")]
    assert paused(Scope(firm.anna), deal.process, timezone.now()).standing == 1
    assert "1 paused now" in client.get(f"/processes/{deal.process}/").content.decode()
    answer = Client().get(f"/api/v1/transactions/{deal.reference}", headers=token(firm.anna))
    promise = answer.json()["transactions"][0]["promise"]
    assert (promise["state"], promise["paused"]["awaits"]) == ("paused", "vat_number")
    said = client.post(f"{at}resumptions/?part={deal.reference}", follow=True).content.decode()
    assert "The promise goes on." in said and "Pause the promise" in said


def test_what_ends_while_paused_counts_without_the_pause(firm: Firm) -> None:
    promising.write_down(now=timezone.now())
    deal = firm.tell(firm.opportunity())
    due = deal.due_at
    assert due is not None
    stop(firm, deal)
    firm.play(deal)
    assert deal.state == "verified"
    assert deal.due_at is not None and not promising.is_held(deal)
    pausing.follow(now=timezone.now())
    assert Pause.objects.get().ended == Ended.OVER
    told = paused(Scope(firm.anna), deal.process, timezone.now())
    assert (told.standing, told.ended) == (0, 1)
