"""Recovery mode by the rooms' own verbs: what is held, what is asked, how it ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from controltower.canonical.verdicts import Effect, Kind
from controltower.firm.models import AuditEntry
from controltower.systems import anchor, calls
from controltower.systems.models import Feed, Recovery, Route, System
from controltower.transactions import cases, preparation, recovery, resolver, sweeper
from controltower.transactions.claiming import ASKING
from controltower.transactions.drain import connections_due
from controltower.transactions.models import InboundEvent, Step
from controltower.transactions.protocol import State
from controltower.transactions.tried import Past
from integrations.connector import Operation
from tests.factories import Firm, claim_all

pytestmark = pytest.mark.django_db


def _begin() -> Recovery:
    anchor.begin(why="a test", restore_point=None, now=timezone.now() - timedelta(minutes=2))
    return Recovery.objects.get()


def _claimed(step: Step) -> bool:
    return step.pk in {one.step_id for one in claim_all()}


@pytest.mark.parametrize(
    ("state", "effect", "goes"),
    [
        (State.SCHEDULED, Effect.READ, True),
        (State.SCHEDULED, Effect.KEYED, False),
        (State.SCHEDULED, Effect.PROBED, False),
        (State.SCHEDULED, Effect.IDEMPOTENT, False),
        (State.UNKNOWN, Effect.PROBED, True),
        (State.UNKNOWN, Effect.LAGGING, True),
        (State.UNKNOWN, Effect.KEYED, False),
        (State.ACKED, Effect.KEYED, True),
        (State.ACKED, Effect.UNREPEATABLE, True),
    ],
)
def test_in_recovery_mode_only_questions_go_out(
    firm: Firm, state: State, effect: Effect, goes: bool
) -> None:
    deal = firm.tell(firm.opportunity())
    step = deal.steps.exclude(system=None).first()
    assert step is not None
    Step.objects.exclude(pk=step.pk).update(state=State.PLANNED)
    Step.objects.filter(pk=step.pk).update(
        state=state, effect=effect, due_at=firm.now, lease_until=None
    )
    assert connections_due()
    _begin()
    assert bool(connections_due()) is goes
    assert _claimed(step) is goes
    if not goes:
        Recovery.objects.update(ended_at=timezone.now())
        assert _claimed(step)


def test_what_only_asks_is_read_from_the_protocols_table() -> None:
    assert "('scheduled', 'read')" in ASKING
    assert "'keyed'), ('sch" not in ASKING
    assert "('unknown', 'keyed')" not in ASKING


def test_a_billing_run_waits_until_all_work_was_read_again(firm: Firm) -> None:
    gathering = firm.gathering(firm.deal())
    assert gathering.gathering
    type(gathering).objects.update(wait_until=firm.now)
    _begin()
    sweeper.close_due_gatherings(now=timezone.now())
    gathering.refresh_from_db()
    assert gathering.gathering
    Recovery.objects.update(ended_at=timezone.now())
    sweeper.close_due_gatherings(now=timezone.now())
    gathering.refresh_from_db()
    assert not gathering.gathering


def test_it_is_caught_up_when_feeds_events_and_open_calls_are(firm: Firm) -> None:
    now, under_way = timezone.now(), _begin()
    Feed.objects.update(ended_at=now - timedelta(hours=1))
    left = recovery.progress(under_way, now)
    assert len(left.feeds) == Feed.objects.count()
    assert not left.is_caught_up
    Feed.objects.update(ended_at=now)
    assert recovery.progress(under_way, now).is_caught_up
    assert not replace(left, feeds=(), rest_until=now + timedelta(seconds=1)).is_caught_up
    deal = firm.tell(firm.opportunity())
    deal.steps.filter(position=2).update(state=State.ACKED)
    assert recovery.progress(under_way, now).steps == 1
    InboundEvent.objects.update(state="received")
    assert recovery.progress(under_way, now).events == 1


def test_a_tower_at_work_is_caught_up_too(firm: Firm) -> None:
    """An event has always just come, and a read just gone out: the lost time is told by what had
    come before every feed was read again."""
    under_way = _begin()
    deal = firm.tell(firm.opportunity())
    InboundEvent.objects.update(state="received", received_at=timezone.now())
    deal.steps.filter(name="client").update(state=State.SENDING)
    Feed.objects.update(ended_at=under_way.began_at - timedelta(hours=1))
    recovery.tick(now=timezone.now())
    assert Recovery.objects.get().read_at is None
    Feed.objects.update(ended_at=timezone.now())
    recovery.tick(now=timezone.now())
    under_way = Recovery.objects.get()
    left = recovery.progress(under_way, timezone.now())
    assert (left.events, left.steps, left.is_caught_up) == (1, 0, False)
    InboundEvent.objects.update(received_at=timezone.now())
    assert recovery.progress(under_way, timezone.now()).is_caught_up
    recovery.begin(reason="again", restore_point=None, actor="otto", now=timezone.now())
    assert Recovery.objects.get().read_at is None


def test_who_brings_facts_is_named_and_the_inbox_read_for_it_once(firm: Firm) -> None:
    firm.tell(firm.opportunity())
    InboundEvent.objects.update(signature="hmac", received_at=timezone.now() - timedelta(hours=1))
    under_way = _begin()
    with CaptureQueriesContext(connection) as asked:
        named = [recovery.progress(under_way, timezone.now()).pushing for _look in range(3)]
    assert named == [(InboundEvent.objects.get().source,)] * 3
    assert sum("SELECT DISTINCT" in one["sql"] for one in asked.captured_queries) == 1


def test_no_absence_counts_before_the_slowest_target_is_through(firm: Firm) -> None:
    assert recovery.longest_processing() == timedelta(seconds=15)


def test_a_system_that_stands_by_was_sent_nothing(firm: Firm) -> None:
    slow = System.objects.create(
        slug="slow", title="Slow ERP", domain="ERP", role="erp", connector="business_central",
        connection="slow", base_url="http://127.0.0.1:9",
    )  # fmt: skip
    assert recovery.longest_processing() == timedelta(seconds=15)
    Route.objects.create(role="erp", system=slow, starts_on=date(2026, 1, 1))
    assert recovery.longest_processing() == timedelta(minutes=10)


def test_only_who_may_hold_systems_ends_it_and_it_is_on_the_chain(firm: Firm) -> None:
    _begin()
    with pytest.raises(recovery.NotAllowed):
        recovery.end(by=firm.anna, reason="in a hurry", now=timezone.now())
    recovery.end(by=firm.otto, reason="compared by hand", now=timezone.now())
    ended = Recovery.objects.get()
    assert (ended.ended_by, ended.end_reason) == (firm.otto, "compared by hand")
    told = AuditEntry.objects.filter(verb="end recovery").order_by("id")
    assert [(entry.actor, entry.allowed) for entry in told] == [
        (firm.anna.username, False),
        (firm.otto.username, True),
    ]
    with pytest.raises(recovery.NotUnderWay):
        recovery.end(by=firm.otto, reason="again", now=timezone.now())


def test_what_nobody_can_look_up_waits_for_a_person_after_a_restore(firm: Firm) -> None:
    deal = firm.tell(firm.opportunity())
    step = deal.steps.get(name="project")
    Step.objects.filter(transaction=deal).exclude(pk=step.pk).update(state=State.SKIPPED)
    Step.objects.filter(pk=step.pk).update(
        state=State.SCHEDULED, effect=Effect.UNREPEATABLE, due_at=firm.now
    )
    _begin()
    Recovery.objects.update(ended_at=timezone.now())
    firm.play(deal)
    step.refresh_from_db()
    assert (step.state, step.kind) == (State.PARKED, Kind.UNKNOWN)
    assert "after the backup" in step.text
    assert [effect for effect in Effect if resolver.beyond_asking(effect)] == [Effect.UNREPEATABLE]


def test_a_key_that_a_target_may_have_forgotten_is_not_trusted_after_a_restore(
    firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_horizon(system: System, entity: str, verb: str) -> Operation:
        return Operation(entity, verb, Effect.KEYED, key_for=timedelta(hours=24))

    monkeypatch.setattr(calls, "operation", with_horizon)
    deal = firm.tell(firm.opportunity())
    step = deal.steps.get(name="project")
    with cases.opened([deal.pk], now=timezone.now()) as found:
        case = found[deal.pk]
        assert preparation._key_lives(case, case.step("project"), Past())
    _begin()
    with cases.opened([deal.pk], now=timezone.now()) as found:
        case = found[deal.pk]
        assert not preparation._key_lives(case, case.step("project"), Past())
    assert resolver.aged(Effect(step.effect), key_lives=False) is Effect.PROBED
