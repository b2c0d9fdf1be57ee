"""Replays of many: frozen and sealed as a set, sent at half the pace, each by its own key."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from controltower.systems.models import System
from controltower.transactions import forecast, replay, replaying, selection
from controltower.transactions.models import Forecast, PlanState, ReplayItem, ReplayPlan, Step
from controltower.transactions.protocol import STUCK, State
from tests.factories import Firm, stuck_bills

pytestmark = pytest.mark.django_db


def _planned(firm: Firm, how_many: int) -> ReplayPlan:
    bills = stuck_bills(firm, how_many)
    return firm.plan(*bills, by=firm.otto)


def test_of_many_some_are_asked_about_spread_over_all(
    firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = _planned(firm, 5)
    everyone = list(plan.items.order_by("id").values_list("id", flat=True))
    assert [item.pk for item in selection.sample(plan)] == everyone
    monkeypatch.setattr(selection, "MOST_ASKED", 2)
    assert [item.pk for item in selection.sample(plan)] == [everyone[0], everyone[3]]


def test_a_survey_writes_down_how_far_it_is(firm: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    bills = stuck_bills(firm, 3)
    steps = Step.objects.filter(transaction__in=bills, state__in=STUCK)
    plan = replay.plan(
        steps=[step.pk for step in steps], title="Three", selection={}, mapping="now",
        by=firm.otto, now=firm.now,
    )  # fmt: skip
    seen: list[int] = []

    def fill(items: Sequence[ReplayItem], **_: Any) -> None:
        seen.append(plan.items.exclude(forecast=Forecast.UNASKED).count())
        for item in items:
            item.forecast = Forecast.CREATE

    monkeypatch.setattr(replay, "ASKED_AT_ONCE", 1)
    monkeypatch.setattr(forecast, "fill", fill)
    assert replay.survey(plan.pk).state == PlanState.PLANNED
    assert seen == [0, 1, 2]


def test_the_seal_and_the_worth_are_of_all(firm: Firm) -> None:
    plan = _planned(firm, 3)
    sealed = selection.seal(plan)
    assert selection.worth(plan) == sum(plan.items.values_list("amount", flat=True), Decimal(0))
    last = plan.items.order_by("id").last()
    assert last is not None
    ReplayItem.objects.filter(pk=last.pk).update(why="something else")
    assert selection.seal(plan) != sealed


def test_one_that_has_moved_makes_the_plan_stale(firm: Firm) -> None:
    plan = _planned(firm, 3)
    assert selection.changed_since(plan, timezone.now()) == ""
    Step.objects.filter(pk=plan.items.values("step")[:1]).update(fence=99)
    assert "has moved" in selection.changed_since(plan, timezone.now())


def test_a_replay_takes_half_the_pace_of_its_connection(firm: Firm) -> None:
    """One first; then as many as half the pace sends in the time ahead, each at its own moment."""
    plan = _planned(firm, 8)
    plan.needs_second_person = False
    System.objects.update(calls_per_second=1)
    now = timezone.now()
    replay.release(plan=plan, digest=plan.digest, by=firm.otto, now=now)
    assert plan.items.filter(state="sent").count() == 1
    canary = plan.items.get(state="sent").transaction
    firm.play(canary)
    replaying.tick(plan.pk, now=now)
    sent = plan.items.filter(state="sent").order_by("step__due_at")
    gaps = [item.step.due_at - now for item in sent.select_related("step") if item.step.due_at]
    assert gaps == [timedelta(0), timedelta(seconds=2), timedelta(seconds=4)]
    assert plan.items.filter(state="waiting").count() == 4


def test_one_that_another_replay_is_doing_does_not_stop_the_set(firm: Firm) -> None:
    bills = stuck_bills(firm, 3)
    plan, other = (firm.plan(*bills, by=firm.otto) for _ in range(2))
    taken = other.items.order_by("id")[1]
    ReplayItem.objects.filter(pk=taken.pk).update(state="sent")
    replay.release(plan=plan, digest=plan.digest, by=firm.otto, now=timezone.now())
    firm.play(bills[0])
    replaying.tick(plan.pk, now=timezone.now())
    states = {item.step_id: item.state for item in plan.items.all()}
    assert states[taken.step_id] == "excluded"
    assert sorted(states.values()) == ["excluded", "sent", "verified"]
    assert Step.objects.get(pk=taken.step_id).state == State.PARKED
