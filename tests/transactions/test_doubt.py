"""A step in doubt: what waits for it, and how a person ends it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from controltower.canonical.verdicts import Done, Kind, Outcome, Verdict
from controltower.firm.models import Duty, Person, Role
from controltower.systems import calls
from controltower.systems.models import Recovery
from controltower.systems.pace import Pace
from controltower.transactions import cases, claiming, consent, engine, findings, settlement
from controltower.transactions.intent import Answered
from controltower.transactions.models import Attempt, Finding, Step, Transaction, WaitKind
from controltower.transactions.preparation import prepare
from controltower.transactions.protocol import MOST_TRIES, Purpose, State
from tests.factories import Firm, claim_all, no_answer, refused, unaskable

pytestmark = pytest.mark.django_db
CLIENT = "001TESTSHARED00001"


def _doubt(firm: Firm) -> Transaction:
    """A deal whose client was sent to the ERP again and again, and never answered for."""
    silent = {"customer": no_answer()}
    deal = firm.tell(firm.opportunity(customer_id=CLIENT))
    for _send in range(MOST_TRIES):
        deal = firm.play(deal, silent)
        Step.objects.filter(transaction=deal, state=State.UNKNOWN).update(due_at=firm.now)
    step = deal.steps.get(name="customer")
    assert (step.state, step.kind) == (State.PARKED, Kind.UNKNOWN)
    return deal


def test_a_parked_doubt_keeps_its_business_record_to_itself(firm: Firm) -> None:
    first = _doubt(firm)
    other = firm.deal(customer_id="001TESTELSEWHERE01")
    assert other.state == "verified", "another client's record is no concern of it"
    second = firm.play(firm.deal(customer_id=CLIENT))
    step = second.steps.get(name="customer")
    assert (step.state, step.sent_at) == (State.SCHEDULED, None)
    assert (second.state, second.wait) == ("waiting", WaitKind.DEPENDENCY)
    assert first.reference in second.wait_text
    assert second.timeline.filter(text__contains=first.reference).count() == 1, "told once"

    with cases.case_of(first, now=firm.now) as case:
        engine.again(case, case.step("customer"), why="the test says so")
        engine.advance(case)
    assert firm.play(second).state == firm.play(first).state == "verified"
    sent = Attempt.objects.filter(step__name="customer", purpose=Purpose.SEND)
    order = list(sent.exclude(step__transaction=other).order_by("id"))
    assert [one.step.transaction_id for one in order[-2:]] == [first.pk, second.pk]


def test_two_of_one_set_do_not_pass_each_other(firm: Firm) -> None:
    """Taken up together, what repeats its own doubt is sent, and the other waits for it."""
    first = _doubt(firm)
    second = firm.deal(customer_id=CLIENT)
    with cases.case_of(first, now=firm.now) as case:
        engine.again(case, case.step("customer"), why="the test says so")
        engine.advance(case)
    first = firm.play(first, {"customer": no_answer()})
    steps = Step.objects.filter(name="customer", transaction__in=[first, second])
    steps.update(state=State.SCHEDULED, due_at=firm.now, lease_until=None)
    Step.objects.filter(transaction=second).update(ordering_key="")
    claims = claim_all()
    claims.sort(key=lambda one: one.transaction_id != second.pk)
    assert len(claims) == 2
    intents = prepare(claims, now=firm.now)
    assert [intent.transaction_id for intent in intents] == [first.pk]


def _report(firm: Firm, one: Transaction, ref: str = "", **given: Any) -> Finding:
    step = one.steps.get(name="draft")
    said: dict[str, Any] = {
        "fence": step.fence,
        "evidence": "Supplier ledger, all of November",
        "reason": "So.",
        "by": firm.otto,
        "now": timezone.now(),
    }
    return findings.report(step=step, ref=ref, **said | given)


def _sends(one: Transaction) -> int:
    return Attempt.objects.filter(step__transaction=one, step__name="draft", purpose="send").count()


def test_what_is_found_absent_is_sent_again_once_under_a_new_generation(firm: Firm) -> None:
    one = unaskable(firm)
    draft = one.steps.get(name="draft")
    assert (draft.state, draft.kind, draft.generation) == (State.PARKED, Kind.UNKNOWN, 1)
    found = _report(firm, one)
    assert found.state == Finding.State.CARRIED_OUT
    with pytest.raises(findings.NotDecidable):
        _report(firm, one, fence=draft.fence)
    one = firm.play(one)
    assert one.state == "verified"
    draft.refresh_from_db()
    assert (draft.generation, _sends(one)) == (2, 2)
    keys = Attempt.objects.filter(step=draft, purpose="send").order_by("number")
    first, second = keys.values_list("idempotency_key", flat=True)
    assert second == f"{first}.2"
    told = one.timeline.get(kind="decided", step="draft")
    assert "Supplier ledger" in told.text and told.actor == firm.otto.username


def test_what_is_found_there_is_read_under_its_number_and_never_sent(firm: Firm) -> None:
    one = unaskable(firm)
    _report(firm, one, "INV-7")
    draft = one.steps.get(name="draft")
    assert (draft.state, draft.ref) == (State.UNKNOWN, "")
    asked: list[tuple[str, object]] = []
    Step.objects.filter(pk=draft.pk).update(due_at=firm.now)
    (mine,) = claiming.claim(draft.system_id or 0, 50)
    for intent in prepare([mine], now=firm.now):
        asked.append((intent.order.ref, intent.order.find))
        there = Done(ref=intent.order.ref, outcome=Outcome.READ, values=dict(draft.sent))
        settlement.settle([Answered(intent, there)], now=firm.now)
    assert asked == [("INV-7", None)]
    one = firm.play(one)
    draft.refresh_from_db()
    assert (one.state, draft.ref, _sends(one)) == ("verified", "INV-7", 1)


@pytest.mark.parametrize("answer", [refused("No such record.", Kind.NOT_FOUND, ""), no_answer()])
def test_a_number_that_the_target_does_not_know_leaves_the_doubt(
    firm: Firm, answer: Verdict
) -> None:
    one = unaskable(firm)
    _report(firm, one, "INV-8")
    one.steps.filter(name="draft").update(due_at=firm.now)
    one = firm.play(one, probes=answer)
    draft = one.steps.get(name="draft")
    assert (draft.state, draft.kind, draft.ref) == (State.PARKED, Kind.UNKNOWN, "")
    assert _sends(one) == 1
    _report(firm, one)
    assert firm.play(one).state == "verified"
    assert _sends(one) == 2


def test_a_look_while_the_target_may_be_at_work_proves_nothing(firm: Firm) -> None:
    one = unaskable(firm)
    with pytest.raises(findings.NotDecidable, match="at work"):
        _report(firm, one, now=firm.now)
    assert not Finding.objects.exists()


@pytest.mark.parametrize("missing", ["evidence", "reason"])
def test_without_proof_nothing_is_decided(firm: Firm, missing: str) -> None:
    one = unaskable(firm)
    with pytest.raises(findings.ProofMissing):
        _report(firm, one, **{missing: "  "})
    assert one.steps.get(name="draft").state == State.PARKED


def test_only_what_nobody_can_ask_is_decided_by_hand(firm: Firm) -> None:
    """Where the target can be asked, or the key protects, a person's look is not needed."""
    deal = _doubt(firm)
    step = deal.steps.get(name="customer")
    with pytest.raises(findings.NotDecidable):
        findings.report(step=step, fence=step.fence, ref="", evidence="x", reason="y",
                        by=firm.otto, now=timezone.now())  # fmt: skip


def test_much_money_needs_a_second_person(firm: Firm) -> None:
    one = unaskable(firm, amount=Decimal("30000.00"))
    found = _report(firm, one)
    draft = one.steps.get(name="draft")
    assert (found.state, draft.state, draft.generation) == ("proposed", State.PARKED, 1)
    with pytest.raises(findings.NotDecidable, match="reported already"):
        _report(firm, one)
    now = timezone.now()
    with pytest.raises(consent.NotAllowed):
        findings.decide(finding=found, confirm=True, by=firm.otto, now=now)
    findings.decide(finding=found, confirm=False, by=firm.anna, now=now)
    assert firm.play(one).steps.get(name="draft").state == State.PARKED
    again = _report(firm, one, by=firm.anna)
    with pytest.raises(consent.NotAllowed, match="Whoever looked"):
        findings.decide(finding=again, confirm=True, by=firm.anna, now=now)
    colleague = Person.objects.create(username="colleague")
    Duty.objects.create(person=colleague, role=Role.CONTROLLER)
    again = findings.decide(finding=again, confirm=True, by=colleague, now=now)
    assert again.state == Finding.State.CARRIED_OUT
    assert (firm.play(one).state, _sends(one)) == ("verified", 2)


def test_a_finding_about_a_step_that_has_moved_is_out_of_date(firm: Firm) -> None:
    one = unaskable(firm, amount=Decimal("30000.00"))
    found = _report(firm, one)
    Step.objects.filter(pk=found.step_id).update(fence=found.fence + 1)
    with pytest.raises(findings.NotDecidable):
        findings.decide(finding=found, confirm=True, by=firm.anna, now=timezone.now())
    found.refresh_from_db()
    assert (found.state, _sends(one)) == (Finding.State.OUTDATED, 1)


def test_after_a_restore_only_a_look_since_then_counts(firm: Firm) -> None:
    one = unaskable(firm)
    _report(firm, one)
    began = timezone.now()
    Recovery.objects.create(began_at=began, why="test", ended_at=began)
    one = firm.play(one)
    draft = one.steps.get(name="draft")
    assert (draft.state, draft.kind, _sends(one)) == (State.PARKED, Kind.UNKNOWN, 1)
    _report(firm, one)
    assert (firm.play(one).state, _sends(one)) == ("verified", 2)


@pytest.mark.parametrize("there", [True, False])
def test_past_the_life_of_its_key_the_target_is_asked_before_anything_is_sent(
    firm: Firm, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    """In doubt before a person, and taken up a day later: the key protects nothing any more."""
    deal = _doubt(firm)
    step = deal.steps.get(name="customer")
    assert step.system is not None
    known = calls.operation(step.system, step.entity, step.verb)
    monkeypatch.setattr(calls, "operation", lambda *_: replace(known, key_for=timedelta(hours=24)))
    Attempt.objects.filter(step=step).update(started_at=timezone.now() - timedelta(hours=25))
    did: list[str] = []
    again = {"state": State.SCHEDULED, "due_at": firm.now, "lease_until": None}
    Step.objects.filter(pk=step.pk).update(**again)
    (intent,) = prepare(claiming.claim(step.system.pk, 50), now=timezone.now())

    class Target:
        """Finds it by whatever names it, or not."""

        async def find(self, _entity: str, named: Any) -> Verdict:
            did.append(f"find {sorted(named)}")
            if there:
                return Done(ref="7", outcome=Outcome.READ)
            return refused("Not there.", Kind.NOT_FOUND, "")

        async def upsert(self, *_: Any) -> Verdict:
            did.append("upsert")
            return Done(ref="7", outcome=Outcome.CREATED)

    door = calls.Door(step.system, Target(), asyncio.Semaphore(1), Pace(0))  # type: ignore[arg-type]
    for order in (intent.order, replace(intent.order, find=None)):
        did.clear()
        asyncio.run(door.perform(order))
        looked = sorted(order.find) if order.find else ["key"]
        assert did == [f"find {looked}"] + ["upsert"] * (not there)
    settlement.settle([Answered(intent, asyncio.run(door.perform(intent.order)))], now=firm.now)
    step.refresh_from_db()
    assert (step.state, step.effect, step.generation) == (State.ACKED, "probed", 1)
