"""Each invariant holds in a played firm, and finds what is planted against it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from controltower.firm import audit
from controltower.incidents import leading
from controltower.incidents.models import Cause, Incident
from controltower.incidents.promises import QUIET_FOR
from controltower.incidents.timeline import TOWER
from controltower.measures import assurance, invariants
from controltower.measures.checks.finding import Span
from controltower.measures.models import Check, Rollup
from controltower.systems.models import System
from controltower.transactions.models import (
    Attempt,
    Delivery,
    InboundEvent,
    Item,
    Transaction,
)
from tests.factories import AGO, Firm, in_doubt

pytestmark = pytest.mark.django_db


def _broken() -> set[str]:
    return set(invariants.breaches(timezone.now() - AGO))


def _played(firm: Firm) -> Transaction:
    bill = firm.bill(firm.deal())
    assert bill.state == "verified"
    assert _broken() == set()
    return bill


def _reread(bill: Transaction) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE transactions_inboundevent DISABLE TRIGGER USER")
        InboundEvent.objects.filter(items__transaction=bill).update(raw=b"something else")
        cursor.execute("ALTER TABLE transactions_inboundevent ENABLE TRIGGER USER")


def _unseal(_bill: Transaction) -> None:
    audit.record(actor="a", verb="b", subject="c", allowed=True, now=timezone.now())
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE firm_auditentry DISABLE TRIGGER audit_no_change")
        cursor.execute("UPDATE firm_auditentry SET verb = 'other'")
        cursor.execute("ALTER TABLE firm_auditentry ENABLE TRIGGER audit_no_change")


PLANTED: dict[str, Callable[[Transaction], object]] = {
    "I1": lambda bill: InboundEvent.objects.filter(items__transaction=bill).update(
        state="received", received_at=timezone.now() - timedelta(hours=1)
    ),
    "I3": lambda bill: bill.steps.filter(name="post").update(values={"untaxed": "7200.01"}),
    "I4": lambda bill: Delivery.objects.filter(
        idempotency_key=bill.steps.get(name="draft").idempotency_key
    ).update(ref="another"),
    "I5": lambda bill: bill.steps.filter(name="post").update(state="planned"),
    "I8": _unseal,
    "I9": _reread,
    "figures": lambda _bill: Rollup.objects.create(
        kind="standing", process="x", entity=0, currency="EUR", state="accepted", wait="",
        at=timezone.now(), grade=0, items=1, amount=Decimal(1),
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    "code", [pytest.param(code, marks=pytest.mark.breaks(code)) for code in PLANTED]
)
def test_what_is_planted_is_found(firm: Firm, code: str) -> None:
    bill = _played(firm)
    PLANTED[code](bill)
    assert _broken() == {code}


@pytest.mark.breaks("I6")
def test_a_step_that_nobody_holds_is_found(firm: Firm) -> None:
    deal = firm.tell(firm.opportunity())
    deal.steps.filter(name="client").update(state="sending", lease_until=None)
    Transaction.objects.update(changed_at=firm.now - AGO)
    assert _broken() == {"I6"}


@pytest.mark.breaks("I2", "I1")
def test_an_event_that_leads_nowhere_is_found(firm: Firm) -> None:
    deal = firm.deal()
    Item.objects.filter(transaction=deal).delete()
    assert _broken() == {"I1", "I2"}


@pytest.mark.breaks("I4")
def test_two_transactions_with_one_record_are_found(firm: Firm) -> None:
    one, two = firm.bill(firm.deal()), firm.bill(firm.deal())
    ref = one.steps.get(name="draft").ref
    two.steps.filter(name="draft").update(ref=ref)
    Delivery.objects.filter(idempotency_key=two.steps.get(name="draft").idempotency_key).update(
        ref=ref
    )
    assert _broken() == {"I4"}


@pytest.mark.breaks("I10")
def test_doubt_beyond_its_promise_needs_an_owner(firm: Firm) -> None:
    doubtful = in_doubt(firm)
    assert _broken() == set()
    Transaction.objects.filter(pk=doubtful.pk).update(due_at=firm.now - timedelta(days=1))
    assert _broken() == {"I10"}
    Cause.objects.update(owner=firm.otto)
    assert _broken() == set()
    Cause.objects.update(owner=None)


@pytest.mark.breaks("I9")
def test_what_was_sent_follows_from_the_mapping_noted(firm: Firm) -> None:
    bill = _played(firm)
    sent = Attempt.objects.get(step__transaction=bill, step__name="draft", purpose="send")
    Attempt.objects.filter(pk=sent.pk).update(payload={**sent.payload, "currency": "XXX"})
    assert _broken() == {"I9"}


def test_more_decimals_than_the_currency_has_are_no_breach(firm: Firm) -> None:
    """What is worth 10.005 is invoiced as 10.01, and so the books have it."""
    deal = firm.deal()
    bill = firm.bill(deal, amount=Decimal("10.005"), hours=Decimal(1), rate=Decimal("10.005"))
    bill.steps.filter(name="post").update(values={"untaxed": "10.01"})
    assert _broken() == set()


class TestLooking:
    """The product's own look: kept, told, and made an incident of."""

    def look(self) -> dict[str, Check]:
        assert assurance.look(now=timezone.now() - AGO)
        return {check.code: check for check in Check.objects.all()}

    def test_all_are_asked_and_found_to_hold(self, firm: Firm) -> None:
        firm.bill(firm.deal())
        checks = self.look()
        assert set(checks) == {one.code for one in invariants.INVARIANTS}
        assert all(check.looked_at and not check.breaches for check in checks.values())
        assert checks["I2"].rows == 2
        assert not Incident.objects.exists()

    def test_a_breach_opens_one_incident_and_holds_the_system_back(self, firm: Firm) -> None:
        bill = _played(firm)
        PLANTED["I3"](bill)
        self.look()
        self.look()
        incident = Incident.objects.get()
        assert (incident.subject, incident.halted) == ("I3", ["tryton"])
        assert bill.reference in incident.affected[0]
        assert f"Incident {incident.pk}" in System.objects.get(slug="tryton").pause_reason
        bill.steps.filter(name="post").update(values={"untaxed": "7200.00"})
        assert self.look()["I3"].last_breach_at is not None
        incident.refresh_from_db()
        assert (incident.affected, incident.resolved_at) == ([], None), "a person must look"
        later = timezone.now() + QUIET_FOR
        assert assurance.look(now=later)
        incident.refresh_from_db()
        assert incident.resolved_at is None, "it has held a system back"
        with pytest.raises(leading.WordMissing):
            leading.close(incident=incident, note=" ", by=firm.otto, now=later)
        leading.close(incident=incident, note="A typing error.", by=firm.otto, now=later)
        incident.refresh_from_db()
        assert incident.resolved_by == firm.otto.username

    @pytest.mark.breaks("I5")
    def test_an_incident_lasts_while_what_is_no_longer_new_is_broken(self, firm: Firm) -> None:
        """What a look has found stays found, though nothing new has happened since."""
        bill = _played(firm)
        assert assurance.look(now=firm.now)
        PLANTED["I5"](bill)
        for minute in range(3):
            assert assurance.look(now=timezone.now() + minute * timedelta(hours=1))
            assert Check.objects.get(code="I5").breaches
        assert Incident.objects.get(subject="I5").is_open

    def test_an_incident_that_held_nothing_back_ends_by_itself(self, firm: Firm) -> None:
        bill = _played(firm)
        PLANTED["I5"](bill)
        self.look()
        incident, now = Incident.objects.get(), timezone.now()
        with pytest.raises(leading.StillBroken):
            leading.close(incident=incident, note="x", by=firm.otto, now=now)
        bill.steps.filter(name="post").update(state="verified")
        self.look()
        assert Incident.objects.get().is_open, "it must be quiet for a while"
        assert assurance.look(now=timezone.now() + QUIET_FOR)
        assert Incident.objects.get().resolved_by == TOWER

    def test_only_who_may_lead_incidents_closes(self, firm: Firm) -> None:
        bill = _played(firm)
        PLANTED["I5"](bill)
        self.look()
        bill.steps.filter(name="post").update(state="verified")
        with pytest.raises(leading.NotAllowed):
            leading.close(
                incident=Incident.objects.get(), note="x", by=firm.jonas, now=timezone.now()
            )

    def test_a_minute_looks_at_what_is_new(self, firm: Firm) -> None:
        firm.bill(firm.deal())
        self.look()
        span = Span(timezone.now(), timezone.now() + timedelta(minutes=1))
        assert invariants.INVARIANTS[0].check(span).rows == 0
