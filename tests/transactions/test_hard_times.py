"""Failing rules, answers that cannot be kept, short leases: one step's trouble stays its own."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from controltower.canonical.verdicts import Done, Kind, Misconfigured, Outcome, TryLater
from controltower.processes import opportunity_to_project as deals
from controltower.processes import time_and_expense_to_billing as billing
from controltower.processes.definition import Send
from controltower.systems import calls
from controltower.systems.models import System
from controltower.systems.pace import Pace
from controltower.transactions import cases, claiming, drain, engine, settlement, sweeper
from controltower.transactions.claiming import claim
from controltower.transactions.intent import Answered
from controltower.transactions.models import Attempt, Step, Transaction
from controltower.transactions.preparation import prepare
from controltower.transactions.protocol import MOST_DEATHS, MOST_TRIES, Purpose, State
from tests.factories import Firm, claim_all, no_answer, refused, well

pytestmark = pytest.mark.django_db


def _break(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> None:
    """Make a step's rule fail as a defect would."""

    def broken(_facts: Any) -> Any:
        raise KeyError("nobody thought of this")

    _replace(monkeypatch, module, name, broken)


def _replace(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, rule: Any) -> None:
    """Give a step another rule."""
    process = module.PROCESS
    route = process.steps

    def steps(known: Any) -> Any:
        return tuple(
            replace(step, prepare=rule) if step.name == name else step for step in route(known)
        )

    changed = replace(process, steps=steps)
    monkeypatch.setattr(
        "controltower.processes.catalogue.PROCESSES",
        (changed, *(p for p in _processes() if p.name != process.name)),
    )


def _processes() -> tuple[Any, ...]:
    from controltower.processes import catalogue

    return catalogue.PROCESSES


def test_a_rule_that_fails_parks_its_own_step(firm: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    _break(monkeypatch, deals, "customer")
    deal = firm.deal()
    assert deal.state == "dead_lettered"
    step = deal.steps.get(name="customer")
    assert (step.state, step.kind) == (State.PARKED, Kind.CONTRACT)
    assert "KeyError" in step.text


def test_a_failing_rule_does_not_stop_the_billing_runs_behind_it(
    firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = firm.deal(), firm.deal()
    poisoned, sound = firm.gathering(first), firm.gathering(second)
    Transaction.objects.filter(pk=poisoned.pk).update(process="a-process-of-last-year")
    sweeper.close_due_gatherings(now=timezone.now() + timedelta(days=40))
    sound.refresh_from_db()
    assert not sound.gathering


def test_a_failing_check_of_gathered_work_is_seen(
    firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    deal = firm.deal()
    _break(monkeypatch, billing, "check")
    bill = firm.bill(deal)
    assert bill.state == "dead_lettered"


def test_a_step_whose_part_no_system_plays_is_seen(firm: Firm) -> None:
    System.objects.filter(role="erp").update(active=False)
    deal = firm.deal()
    assert deal.state == "dead_lettered"
    assert "erp" in deal.steps.get(name="customer").text
    System.objects.filter(role="erp").update(active=True)
    with cases.case_of(deal, now=firm.now) as case:
        engine.reconsider(case, why="it is back")
    deal = firm.play(deal)
    assert deal.state == "verified"


def _intents(firm: Firm, deal: Transaction) -> list[Any]:
    return prepare(claim_all(), now=firm.now)


def test_an_answer_that_cannot_be_kept_costs_only_its_own_step(firm: Firm) -> None:
    one, two = firm.tell(firm.opportunity()), firm.tell(firm.opportunity())
    intents = _intents(firm, one)
    answers = [
        Done(ref="1", outcome=Outcome.READ, values={"name": "NUL \x00 \ud800"}),
        Done(ref="2", outcome=Outcome.READ, values={"name": "sound"}),
    ]
    answered = [Answered(*pair) for pair in zip(intents, answers, strict=True)]
    settlement.settle(answered, now=timezone.now())
    states = {i.step_id: Step.objects.get(pk=i.step_id).state for i in intents}
    assert State.SENDING not in states.values()
    assert states[intents[1].step_id] == State.VERIFIED
    assert {one.pk, two.pk} == set(Transaction.objects.values_list("pk", flat=True))


@pytest.mark.parametrize("amount", [float("nan"), Decimal("NaN"), float("-inf")])
def test_an_answer_with_a_number_that_is_none_is_refused_in_words(firm: Firm, amount: Any) -> None:
    firm.tell(firm.opportunity()), firm.tell(firm.opportunity())
    intents = prepare(claim_all(), now=firm.now)
    answers = [
        Done(ref="1", outcome=Outcome.READ, values={"name": "one", "lines": [{"worth": amount}]}),
        Done(ref="2", outcome=Outcome.READ, values={"name": "sound"}),
    ]
    answered = [Answered(*pair) for pair in zip(intents, answers, strict=True)]
    settlement.settle(answered, now=timezone.now())
    refused_, sound = (Step.objects.get(pk=intent.step_id) for intent in intents)
    assert refused_.text == f"The answer gives a number that is none: {amount}."
    assert (refused_.kind, refused_.values) == (Kind.CONTRACT, {})
    assert sound.state == State.VERIFIED


def test_a_rule_that_writes_a_number_that_is_none_parks_its_own_step(
    firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    _replace(monkeypatch, deals, "client", lambda _facts: Send(record={"limit": Decimal("NaN")}))
    step = firm.deal().steps.get(name="client")
    assert (step.state, step.kind) == (State.PARKED, Kind.CONTRACT)
    assert step.text == "This step would write a number that is none: NaN."


def test_a_call_that_would_outlive_its_lease_is_not_made(
    firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    deal = firm.tell(firm.opportunity())
    called: list[calls.Order] = []

    async def call(_door: calls.Door, order: calls.Order) -> Any:
        called.append(order)
        return Done(ref="1", outcome=Outcome.READ)

    monkeypatch.setattr(calls.Door, "_call", call)
    monkeypatch.setattr(claiming, "LEASE", timedelta(seconds=1))
    Step.objects.filter(transaction=deal).update(due_at=timezone.now() - timedelta(minutes=4))
    drain.drain(budget=timedelta(seconds=0.1), only=["salesforce-org"])
    step = deal.steps.get(name="client")
    assert called == []
    assert step.state == State.SCHEDULED, "it was never sent, so nothing is in doubt"
    assert step.deaths == 0
    assert not Attempt.objects.filter(step=step, state="sending").exists()


def test_a_worker_that_dies_while_asking_is_counted(firm: Firm) -> None:
    bill, step = _in_the_dark(firm)
    for _ in range(MOST_DEATHS + 1):
        _due(step)
        prepare(_claim(step), now=timezone.now())
    step.refresh_from_db()
    assert (step.state, step.kind) == (State.PARKED, Kind.UNKNOWN)
    assert Attempt.objects.filter(step=step, state="sending").count() == 0
    bill.refresh_from_db()
    assert bill.state == "dead_lettered"


def test_a_reading_whose_workers_die_is_not_in_doubt(firm: Firm) -> None:
    step = firm.tell(firm.opportunity()).steps.get(effect="read", state=State.SCHEDULED)
    states = []
    for _ in range(MOST_DEATHS):
        _due(step)
        assert prepare(_claim(step), now=timezone.now())
        Step.objects.filter(pk=step.pk).update(lease_until=timezone.now() - timedelta(minutes=1))
        sweeper.sweep(now=timezone.now())
        step.refresh_from_db()
        states.append(step.state)
    assert states == [State.SCHEDULED, State.SCHEDULED, State.PARKED]
    assert step.kind == Kind.TRANSIENT, "nothing can be in doubt about what only read"


def test_a_reading_that_is_never_answered_is_not_in_doubt(firm: Firm) -> None:
    step = firm.deal(answers={"client": no_answer()}).steps.get(name="client")
    assert (step.state, step.kind, step.tries) == (State.PARKED, Kind.TRANSIENT, MOST_TRIES)


def _in_the_dark(firm: Firm) -> tuple[Transaction, Step]:
    """A draft invoice that was sent and not answered; its effect is that of a look-up."""
    bill = firm.bill(firm.deal(), answers={"draft": no_answer()})
    step = bill.steps.get(name="draft")
    assert (step.state, step.effect) == (State.UNKNOWN, "probed")
    return bill, step


def _claim(step: Step) -> list[Any]:
    assert step.system_id is not None
    return claim(step.system_id, 5)


def _due(step: Step) -> None:
    ago = timezone.now() - timedelta(minutes=4)
    Step.objects.filter(pk=step.pk).update(due_at=ago, lease_until=None)


def test_a_claim_that_was_taken_back_is_not_sent(firm: Firm) -> None:
    deal = firm.tell(firm.opportunity())
    step = deal.steps.get(name="client")
    claims = _claim(step)
    Step.objects.filter(pk=step.pk).update(lease_until=None)
    assert claims
    assert prepare(claims, now=firm.now) == []


def test_what_is_in_doubt_stays_in_doubt_when_the_question_is_refused(firm: Firm) -> None:
    """A right is taken from us while we ask whether the invoice arrived: a replay must ask
    again."""
    bill, step = _in_the_dark(firm)
    _due(step)
    firm.play(bill, probes=Misconfigured(kind=Kind.PERMISSION, text="The right has expired."))
    step.refresh_from_db()
    assert (step.state, step.kind) == (State.PARKED, Kind.UNKNOWN)
    assert "expired" in step.text
    with cases.case_of(bill, now=firm.now) as case:
        engine.again(case, case.step("draft"), why="replayed")
    assert bill.steps.get(name="draft").state == State.UNKNOWN


def test_an_outage_while_asking_uses_up_no_question(firm: Firm) -> None:
    bill, step = _in_the_dark(firm)
    for _ in range(12):
        _due(step)
        firm.play(bill, probes=TryLater(kind=Kind.OUTAGE, text="away"))
    assert bill.steps.get(name="draft").state == State.UNKNOWN


def test_what_arrives_after_the_end_is_told(firm: Firm) -> None:
    bill = firm.bill(firm.deal(), answers={"draft": refused()})
    with cases.case_of(bill, now=firm.now) as case:
        engine.reconsider(case, why="tried")
    step = bill.steps.get(name="draft")
    Step.objects.filter(pk=step.pk).update(state=State.SCHEDULED)
    _due(step)
    (intent,) = prepare(_claim(step), now=timezone.now())
    with cases.case_of(bill, now=timezone.now()) as case:
        engine.end(case, state="cancelled", text="Enough.", actor="otto")
    late = replace(well(step), ref="INV-9")
    settlement.settle([Answered(intent, late)], now=timezone.now())
    assert bill.timeline.filter(text__contains="INV-9").exists()


def test_an_unreadable_answer_to_a_question_does_not_close_the_system(firm: Firm) -> None:
    """One record that the connector cannot read is parked; its system stays open for others."""

    class Broken:
        async def get(self, *_: Any) -> Any:
            raise ValueError("what is this")

    async def ask() -> Any:
        system = await System.objects.aget(slug="salesforce")
        door = calls.Door(system, Broken(), asyncio.Semaphore(1), Pace(0))  # type: ignore[arg-type]
        return await door.perform(calls.Order(Purpose.SEND, "customer", "get", ref="1"))

    from asgiref.sync import async_to_sync

    from controltower.systems import circuit

    verdict = async_to_sync(ask)()
    assert circuit.reached(verdict)
    assert isinstance(verdict, TryLater) and verdict.kind is Kind.CONTRACT


def test_what_a_person_ended_is_not_brought_back_by_a_call_that_was_not_made(firm: Firm) -> None:
    deal = firm.tell(firm.opportunity())
    step = deal.steps.get(name="client")
    (intent,) = prepare(_claim(step), now=firm.now)
    with cases.case_of(deal, now=firm.now) as case:
        engine.end(case, state="cancelled", text="Enough.", actor="otto")
    settlement.settle([Answered(intent, None)], now=timezone.now())
    step.refresh_from_db()
    assert step.state == State.CANCELLED


def test_a_key_is_not_trusted_beyond_the_time_for_which_it_is_remembered(
    firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    deal = firm.deal(answers={"customer": no_answer()})
    step = deal.steps.get(name="customer")
    assert (step.state, step.effect) == (State.UNKNOWN, "keyed")
    assert step.system is not None
    known = calls.operation(step.system, step.entity, step.verb)
    forgetful = replace(known, key_for=timedelta(hours=24))
    monkeypatch.setattr(calls, "operation", lambda *_: forgetful)
    for age, purpose, effect in (
        (timedelta(hours=23), Purpose.SEND, "keyed"),
        (timedelta(hours=24), Purpose.PROBE, "probed"),
    ):
        Attempt.objects.filter(step=step).update(started_at=timezone.now() - age)
        _due(step)
        (intent,) = prepare(_claim(step), now=timezone.now())
        step.refresh_from_db()
        assert (intent.order.purpose, step.effect) == (purpose, effect)
        Step.objects.filter(pk=step.pk).update(state=State.UNKNOWN)
        Attempt.objects.filter(step=step).update(state="unknown")
