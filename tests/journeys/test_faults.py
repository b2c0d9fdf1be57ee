"""Systems that fail in the middle: nothing is lost, nothing is done twice."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from controltower.incidents import connections
from controltower.incidents.models import DeadLetter, Incident
from controltower.incidents.promises import QUIET_FOR
from controltower.systems.models import Circuit, System
from controltower.transactions import knocking, sweeper
from controltower.transactions.claiming import claim, give_back
from controltower.transactions.intent import Answered, Intent
from controltower.transactions.models import Attempt, Step, Transaction, TransactionState
from controltower.transactions.preparation import prepare
from controltower.transactions.protocol import State
from integrations.tryton.client import _sessions as sessions
from tests.journeys.tower import Tower

VERIFIED = TransactionState.VERIFIED
DRAFT, POST = "write account.invoice create", "write account.invoice post"


@pytest.mark.parametrize("operation", [DRAFT, POST])
@pytest.mark.parametrize("fault", ["commit_then_drop", "drop_before_commit", "html_page"])
def test_a_lost_answer_of_the_erp_never_makes_a_second_invoice(
    tower: Tower, operation: str, fault: str
) -> None:
    deal = tower.set_up()
    tower.erp.once(fault, operation)
    billing = tower.until(tower.billing_of(tower.approve_time(deal, hours="8")), VERIFIED)
    (invoice,) = tower.erp.invoices(billing.reference)
    assert invoice["state"] == "posted"
    assert Attempt.objects.filter(step__transaction=billing, state="unknown").exists()


@pytest.mark.parametrize("fault", ["commit_then_drop", "drop_before_commit", "server_error"])
def test_a_lost_answer_of_the_psa_never_makes_a_second_project(tower: Tower, fault: str) -> None:
    before = _projects(tower)
    tower.org.control.order(fault, operation="write pse__Proj__c", count=1)
    deal = tower.set_up()
    assert _projects(tower) == before + 1
    assert deal.steps.get(name="project").state == State.VERIFIED


def _projects(tower: Tower) -> int:
    """How many projects the org's own store holds."""
    return int(tower.org.control.state()["life"]["records"]["Project"])


def test_a_system_that_is_down_opens_its_circuit_and_work_waits_for_it(tower: Tower) -> None:
    deal = tower.set_up()
    tower.erp.control.order("down")
    billing = tower.billing_of(tower.approve_time(deal, hours="8"))

    def resting() -> bool:
        Step.objects.filter(system__slug="tryton").update(due_at=timezone.now())
        return System.objects.get(slug="tryton").circuit == Circuit.OPEN

    tower.play(resting)
    tower.beat()
    billing.refresh_from_db()
    assert (billing.state, billing.wait) == ("waiting", "circuit_open")
    assert "cannot be reached" in billing.wait_text
    tower.erp.control.clear()
    tower.until(billing, VERIFIED)
    assert len(tower.erp.invoices(billing.reference)) == 1
    assert System.objects.get(slug="tryton").circuit == Circuit.CLOSED


def test_a_throttled_system_is_waited_for_as_long_as_it_asks(tower: Tower) -> None:
    tower.org.control.order("throttle", operation="write pse__Proj__c", count=1, retry_after=30)
    deal = tower.of("opportunity", tower.win(), "opportunity-to-project")

    def told() -> bool:
        deal.refresh_from_db()
        return deal.wait == "rate_limit"

    tower.play(told)
    step = deal.steps.get(name="project")
    assert step.due_at is not None
    assert step.due_at > timezone.now() + timedelta(seconds=20)
    assert step.tries == 0, "a limit is not a failed try"
    held = System.objects.filter(slow_until__gt=timezone.now() + timedelta(seconds=20))
    assert {one.slug for one in held} == {"salesforce", "certinia"}, "they share one connection"
    tower.until(deal, VERIFIED)


def test_a_refused_sign_in_holds_the_connection_and_parks_nothing(tower: Tower) -> None:
    """One incident with one owner, however much waits; a knock lets it go on."""
    deal = tower.set_up()
    right = System.objects.get(slug="tryton").secrets
    System.objects.filter(slug="tryton").update(secrets={**right, "password": "wrong"})
    sessions.clear()
    billing = tower.billing_of(tower.approve_time(deal, hours="8"))

    def refused() -> bool:
        """Whoever was first refused, the feed or the draft: the draft waits for it."""
        billing.refresh_from_db()
        return "does not accept our sign-in" in billing.wait_text

    tower.play(refused)
    assert System.objects.get(slug="tryton").refused_at is not None
    for _beat in range(3):
        assert connections.follow(now=timezone.now())
        tower.impatient()
        tower.beat()
    assert Incident.objects.get().subject == "sign-in tryton"
    billing.refresh_from_db()
    assert billing.state == "waiting" and "does not accept our sign-in" in billing.wait_text
    assert not Step.objects.filter(state__in=[State.PARKED, State.HELD]).exists()
    assert not DeadLetter.objects.exists()
    tries = Attempt.objects.filter(step__system__slug="tryton", kind="auth").count()
    assert tries <= System.objects.get(slug="tryton").concurrency * 2
    assert System.objects.get(slug="certinia").refused_at is None
    assert knocking.knock(now=timezone.now()) == [], "the password is still wrong"
    System.objects.filter(slug="tryton").update(secrets=right)
    assert knocking.knock(now=timezone.now()) == ["tryton"]
    assert not connections.follow(now=timezone.now())
    assert Incident.objects.get().quiet_since is not None
    connections.follow(now=timezone.now() + QUIET_FOR)
    assert Incident.objects.get().resolved_by == "tower"
    tower.until(billing, VERIFIED)
    assert len(tower.erp.invoices(billing.reference)) == 1


def test_a_worker_that_dies_between_intent_and_answer_is_asked_after(tower: Tower) -> None:
    """The intent is committed, the call is never made, and nobody settles it."""
    deal = tower.set_up()
    billing = _ready_to_draft(tower, deal)
    erp = System.objects.get(slug="tryton")
    intent = _intend(erp, billing)
    step = Step.objects.get(pk=intent.step_id)
    assert step.state == State.SENDING
    _expire(intent)
    assert sweeper.recover_expired(now=timezone.now()) == 1
    step.refresh_from_db()
    assert step.state == State.UNKNOWN
    assert step.deaths == 1
    tower.until(billing, VERIFIED)
    assert len(tower.erp.invoices(billing.reference)) == 1


def _intend(system: System, one: Transaction) -> Intent:
    """A worker's intent to call for a transaction: committed, and then the worker does nothing
    more."""
    claims = claim(system.pk, 10)
    give_back([c for c in claims if c.transaction_id != one.pk], after=timedelta())
    (intent,) = prepare([c for c in claims if c.transaction_id == one.pk], now=timezone.now())
    return intent


def _expire(intent: Intent) -> None:
    """The worker's lease passes."""
    past = timezone.now() - timedelta(seconds=1)
    Step.objects.filter(pk=intent.step_id).update(lease_until=past)


def _ready_to_draft(tower: Tower, deal: Transaction) -> Transaction:
    """Billing that has come to its draft, which nobody has made: the ERP was paused before, for
    one round of play may take it all the way."""
    erp = System.objects.filter(slug="tryton")
    erp.update(paused_at=timezone.now(), pause_reason="test")
    billing = tower.billing_of(tower.approve_time(deal, hours="8"))
    tower.play(billing.steps.filter(name="draft", state=State.SCHEDULED).exists)
    erp.update(paused_at=None, pause_reason="")
    return billing


def test_a_late_worker_cannot_undo_what_another_has_proven(tower: Tower) -> None:
    from controltower.canonical.verdicts import Kind, Rejected
    from controltower.transactions import settlement

    deal = tower.set_up()
    billing = _ready_to_draft(tower, deal)
    erp = System.objects.get(slug="tryton")
    late = _intend(erp, billing)
    _expire(late)
    sweeper.recover_expired(now=timezone.now())
    tower.until(billing, VERIFIED)
    refusal = Rejected(kind=Kind.NOT_FOUND, text="late news")
    settlement.settle([Answered(late, refusal)], now=timezone.now())
    step = Step.objects.get(pk=late.step_id)
    assert step.state == State.VERIFIED


def test_a_paused_system_says_who_paused_it_and_why(tower: Tower) -> None:
    from controltower.systems import upkeep

    certinia = System.objects.get(slug="certinia")
    upkeep.pause(
        system=certinia, reason="upgrade", by=tower.person("otto.brandt"), now=timezone.now()
    )
    deal = tower.of("opportunity", tower.win(), "opportunity-to-project")

    def waits() -> bool:
        deal.refresh_from_db()
        return deal.wait == "circuit_open"

    tower.play(waits)
    assert "paused: upgrade" in deal.wait_text
    upkeep.resume(system=certinia, by=tower.person("otto.brandt"), now=timezone.now())
    tower.until(deal, VERIFIED)
