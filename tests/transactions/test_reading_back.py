"""What is confirmed is read back under the claim that confirmed it, in the commit that says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from time import monotonic

import pytest
from django.utils import timezone

from controltower.canonical.verdicts import Done, Kind, Outcome, Rejected
from controltower.systems.models import System
from controltower.systems.switchboard import Switchboard
from controltower.transactions import drain, settlement
from controltower.transactions.claiming import claim
from controltower.transactions.drain import Flow
from controltower.transactions.intent import Answered, Intent
from controltower.transactions.lines import Line
from controltower.transactions.models import Attempt, Step
from controltower.transactions.preparation import prepare
from controltower.transactions.protocol import State, Tried
from controltower.transactions.world import World, world
from tests.factories import Firm, found

pytestmark = pytest.mark.django_db
CREATED = Done(ref="C1", outcome=Outcome.CREATED)


@pytest.fixture
def firm() -> Firm:
    return found()


def _sent(firm: Firm) -> Intent:
    """A customer that is about to be written to the ERP."""
    firm.play_step(firm.tell(firm.opportunity()), "client")
    erp = System.objects.get(slug="tryton")
    (intent,) = prepare(claim(erp.pk, 1), now=timezone.now())
    return intent


def _settled(answered: Answered, *, allowed: bool) -> tuple[list[Intent], Step]:
    now = timezone.now()
    reads = settlement.settle([answered], now=now, at_once=lambda _answered: allowed)
    return reads, Step.objects.get(pk=answered.intent.step_id)


def test_a_write_is_read_back_by_the_claim_that_sent_it(firm: Firm) -> None:
    intent = _sent(firm)
    lease = Step.objects.get(pk=intent.step_id).lease_until
    (reading,), step = _settled(Answered(intent, CREATED), allowed=True)
    assert (step.state, step.fence, step.lease_until) == (State.ACKED, intent.fence, lease)
    assert (reading.order.purpose, reading.order.ref) == ("read_back", "C1")
    assert (reading.fence, reading.until, reading.came_from) == (
        intent.fence,
        intent.until,
        State.ACKED,
    )
    attempts = Attempt.objects.filter(step=step).order_by("number")
    assert list(attempts.values_list("number", "purpose", "state", "fence")) == [
        (1, "send", Tried.ACKED, intent.fence),
        (2, "read_back", Tried.SENDING, intent.fence),
    ]
    assert claim(intent.system.pk, 10) == []
    shown = Done(ref="C1", outcome=Outcome.READ, values=dict(step.sent))
    more, step = _settled(Answered(reading, shown), allowed=True)
    assert (more, step.state, step.lease_until) == ([], State.VERIFIED, None)


def test_what_may_not_be_read_back_at_once_waits_for_a_claim(firm: Firm) -> None:
    intent = _sent(firm)
    reads, step = _settled(Answered(intent, CREATED), allowed=False)
    assert (reads, step.state, step.lease_until) == ([], State.ACKED, None)
    (again,) = claim(intent.system.pk, 10)
    assert (again.step_id, again.fence) == (step.pk, intent.fence + 1)


def test_what_was_not_confirmed_is_not_read_back(firm: Firm) -> None:
    intent = _sent(firm)
    refused = Rejected(kind=Kind.VALIDATION, text="No such country.")
    reads, step = _settled(Answered(intent, refused), allowed=True)
    assert (reads, step.state) == ([], State.PARKED)


def test_a_proof_under_another_claim_is_left_to_its_holder(firm: Firm) -> None:
    """The lease has run out and the step is claimed anew: what the first one says counts, and what
    is to be asked next is for the second to do."""
    intent = _sent(firm)
    Step.objects.filter(pk=intent.step_id).update(state=State.UNKNOWN, fence=intent.fence + 1)
    reads, step = _settled(Answered(intent, CREATED), allowed=True)
    assert (reads, step.state) == ([], State.ACKED)


def test_what_differs_proves_nothing_under_another_claim(firm: Firm) -> None:
    """A worker asked before the lease ran out, and hears "there, but not like that" while the next
    one is sending: were that to count, a third would send beside it."""
    intent = _sent(firm)
    Step.objects.filter(pk=intent.step_id).update(fence=intent.fence + 1)
    asked = intent._replace(
        order=replace(intent.order, purpose="probe", find=None),
        definition=replace(intent.definition, differs=lambda _sent, _found: "not posted"),
    )
    other = Done(ref="C1", outcome=Outcome.READ)
    _reads, step = _settled(Answered(asked, other), allowed=True)
    assert (step.state, step.fence) == (State.SENDING, intent.fence + 1)
    assert step.lease_until is not None


def test_a_withdrawn_reading_leaves_it_confirmed(firm: Firm) -> None:
    """Its connection is held meanwhile: the read-back is not made, and no try is used up."""
    (reading,), _step = _settled(Answered(_sent(firm), CREATED), allowed=True)
    _reads, step = _settled(Answered(reading, None), allowed=True)
    assert (step.state, step.lease_until, step.probes) == (State.ACKED, None, 0)


def test_a_worker_that_dies_before_reading_back_leaves_it_to_the_next(firm: Firm) -> None:
    (reading,), step = _settled(Answered(_sent(firm), CREATED), allowed=True)
    Step.objects.filter(pk=step.pk).update(lease_until=timezone.now() - timedelta(hours=1))
    (mine,) = claim(reading.system.pk, 10)
    (anew,) = prepare([mine], now=timezone.now())
    assert (anew.order.purpose, anew.past.last) == ("read_back", 3)
    left = Attempt.objects.get(pk=reading.attempt_id)
    assert (left.state, left.ended_at is not None) == (Tried.UNKNOWN, True)


@pytest.fixture
def flow() -> Iterator[Flow]:
    """A worker that holds the ERP's line."""
    with Switchboard(drain._perform) as board:
        flow = Flow(board)
        flow.lines._held["tryton"] = Line("tryton")
        yield flow


def _allows(flow: Flow, intent: Intent, around: World) -> bool:
    return flow._may_call_again(Answered(intent, CREATED), around=around, now=timezone.now())


def test_a_worker_reads_back_what_it_still_may_call(firm: Firm, flow: Flow) -> None:
    intent = _sent(firm)
    assert _allows(flow, intent, world())
    spent = intent._replace(until=monotonic() + intent.system.deadline_seconds)
    assert not _allows(flow, spent, world()), "the lease would run out while it waits"
    System.objects.filter(slug="tryton").update(paused_at=timezone.now())
    assert not _allows(flow, intent, world()), "the system is paused"


@pytest.mark.parametrize("lost", ["given up", "gone with the session"])
def test_nothing_more_is_called_on_a_line_that_is_not_held(
    firm: Firm, flow: Flow, lost: str
) -> None:
    if lost == "given up":
        flow.lines._held["tryton"].given_up = True
    else:
        flow.lines.forget()
    assert not _allows(flow, _sent(firm), world())
