"""Replay: planned, sealed, run through the resolver, verified, and never twice."""

from __future__ import annotations

import pytest
from django.utils import timezone

from controltower.firm import approvals
from controltower.firm.models import Approval
from controltower.transactions import replay
from controltower.transactions.models import PlanState, ReplayPlan, Transaction, TransactionState
from tests.journeys.tower import DEAL, Tower

VERIFIED = TransactionState.VERIFIED


@pytest.fixture
def refused(tower: Tower) -> Transaction:
    """A billing transaction that the ERP refused once, and would accept now."""
    deal = tower.set_up()
    tower.erp.once("refuse", "write account.invoice create", text="The journal is locked.")
    billing = tower.billing_of(tower.approve_time(deal, hours="8"))
    tower.stuck(billing)
    return billing


def test_one_click_sends_once_and_is_verified_by_reading_back(
    tower: Tower, refused: Transaction
) -> None:
    plan = tower.replay(refused)
    assert plan.items.get().forecast == "create"
    operator = tower.person("otto.brandt")
    replay.release(plan=plan, digest=plan.digest, by=operator, now=timezone.now())
    tower.until(refused, VERIFIED)
    tower.play(lambda: _state(plan) == PlanState.COMPLETED)
    assert plan.items.get().state == "verified"
    assert len(tower.erp.invoices(refused.reference)) == 1


def test_of_two_people_replaying_the_same_thing_one_is_told(
    tower: Tower, refused: Transaction
) -> None:
    mine, yours = tower.replay(refused), tower.replay(refused, by="priya.nair")
    replay.release(
        plan=mine, digest=mine.digest, by=tower.person("otto.brandt"), now=timezone.now()
    )
    with pytest.raises(replay.PlanChanged):
        replay.release(
            plan=yours, digest=yours.digest, by=tower.person("priya.nair"), now=timezone.now()
        )
    tower.until(refused, VERIFIED)
    assert len(tower.erp.invoices(refused.reference)) == 1


def test_what_has_succeeded_cannot_be_replayed(tower: Tower) -> None:
    deal = tower.set_up()
    with pytest.raises(replay.NotReplayable):
        replay.plan(
            steps=[step.pk for step in deal.steps.all()],
            title="Again",
            selection={},
            mapping="now",
            by=tower.person("otto.brandt"),
            now=timezone.now(),
        )


def test_an_auditor_may_not_replay(tower: Tower, refused: Transaction) -> None:
    with pytest.raises(replay.NotAllowed):
        tower.replay(refused, by="jonas.achterberg")


def test_much_money_needs_a_second_person_who_is_not_the_first(tower: Tower) -> None:
    tower.org.control.order("refuse", operation="write pse__Proj__c", count=1)
    deal = tower.of("opportunity", tower.win(amount="310000.00"), DEAL)
    tower.stuck(deal)
    plan = tower.replay(deal, by="anna.lindqvist")
    anna = tower.person("anna.lindqvist")
    assert plan.needs_second_person
    with pytest.raises(replay.NeedsSecondPerson):
        replay.release(plan=plan, digest=plan.digest, by=anna, now=timezone.now())
    replay.ask_approval(plan=plan, by=anna, now=timezone.now())
    request = Approval.objects.get(subject=f"replay {plan.pk}")
    with pytest.raises(approvals.SamePerson):
        approvals.decide(
            approval=request,
            digest=plan.digest,
            by=anna,
            approve=True,
            reason="",
            now=timezone.now(),
        )
    approvals.decide(
        approval=request,
        digest=plan.digest,
        by=tower.person("callum.reid"),
        approve=True,
        reason="Checked",
        now=timezone.now(),
    )
    replay.release(plan=plan, digest=plan.digest, by=anna, now=timezone.now())
    tower.until(deal, VERIFIED)


def test_a_stopped_job_leaves_the_rest_alone(tower: Tower, refused: Transaction) -> None:
    plan = tower.replay(refused)
    replay.stop(plan=plan, by=tower.person("otto.brandt"), now=timezone.now())
    assert _state(plan) == PlanState.CANCELLED
    with pytest.raises(replay.PlanChanged):
        replay.release(
            plan=plan, digest=plan.digest, by=tower.person("otto.brandt"), now=timezone.now()
        )
    refused.refresh_from_db()
    assert refused.state == TransactionState.DEAD_LETTERED


def _state(plan: ReplayPlan) -> str:
    plan.refresh_from_db()
    return str(plan.state)
