"""When a replay will have ended: said of what is left and of the pace measured alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from controltower.measures.finishing import (
    WINDOW,
    Expectation,
    Line,
    Promise,
    ends_at,
    expectation,
)
from controltower.systems.models import System
from controltower.transactions import replay, replaying
from controltower.transactions.models import ItemState, ReplayItem, ReplayPlan, Transaction
from tests.factories import Firm, stuck_bills

NOW = datetime(2026, 11, 30, 14, 0, tzinfo=UTC)
lines = st.builds(
    Line,
    left=st.integers(0, 1_000_000),
    flying=st.integers(0, 1_000),
    ended=st.integers(0, 100_000),
    seconds=st.floats(0, WINDOW.total_seconds()),
    most=st.floats(0.01, 400),
)


class TestPure:
    @given(st.lists(lines, max_size=5))
    def test_the_end_is_that_of_the_slowest_connection_and_never_past(
        self, some: list[Line]
    ) -> None:
        alone = [ends_at([line], NOW) for line in some]
        end = ends_at(some, NOW)
        if None in alone:
            assert end is None
        else:
            assert end == max([NOW, *(at for at in alone if at)])

    @given(lines)
    def test_none_is_said_only_where_something_is_left_and_nothing_moves(self, line: Line) -> None:
        stands_still = bool(line.left) and line.is_measured and not line.ended
        assert (ends_at([line], NOW) is None) == stands_still

    @given(lines, st.integers(1, 1_000_000))
    def test_more_left_is_never_sooner(self, line: Line, more: int) -> None:
        sooner, later = (ends_at([replace(line, left=line.left + n)], NOW) for n in (0, more))
        assert later is None or (sooner is not None and sooner <= later)

    @given(lines, st.integers(1, 100_000))
    def test_a_faster_pace_is_never_later(self, line: Line, more: int) -> None:
        measured = replace(line, ended=line.ended + 10)
        slow, fast = (
            ends_at([replace(measured, ended=measured.ended + n)], NOW) for n in (0, more)
        )
        assert slow is not None
        assert fast is not None
        assert fast <= slow

    @given(lines, st.integers(1, 1_000))
    def test_a_measured_pace_ends_what_is_left_in_proportion(self, line: Line, times: int) -> None:
        """Twice as much left at the pace measured takes twice as long, to the microsecond."""
        some = replace(line, left=times, ended=max(line.ended, 10), seconds=60.0)
        end = ends_at([some], NOW)
        assert end is not None
        wanted = timedelta(seconds=60.0 * times / some.ended)
        assert abs((end - NOW) - wanted) <= timedelta(microseconds=1)

    @given(st.timedeltas(timedelta(0), timedelta(days=9)), st.timedeltas(timedelta(0), WINDOW))
    def test_the_margin_is_negative_exactly_when_it_comes_too_late(
        self, end: timedelta, due: timedelta
    ) -> None:
        told = Expectation(NOW + end, True, Promise(NOW + due, "x"), 0)
        assert told.margin is not None
        assert (told.margin < timedelta(0)) == (end > due)
        assert told.at is not None
        assert told.at + told.margin == NOW + due

    def test_before_a_measurement_it_is_what_may_be_taken(self) -> None:
        line = Line(left=100, flying=1, ended=1, seconds=5.0, most=2.0)
        assert ends_at([line], NOW) == NOW + timedelta(seconds=50)
        assert ends_at([replace(line, seconds=61.0, ended=0)], NOW) is None


@pytest.mark.django_db
class TestOfAPlan:
    def running(self, firm: Firm) -> ReplayPlan:
        plan = firm.plan(*stuck_bills(firm, 3), by=firm.otto)
        ReplayPlan.objects.filter(pk=plan.pk).update(needs_second_person=False)
        plan.refresh_from_db()
        System.objects.update(calls_per_second=1)
        return replay.release(plan=plan, digest=plan.digest, by=firm.otto, now=timezone.now())

    def test_against_the_next_promise_of_what_is_left_and_seen(self, firm: Firm) -> None:
        plan = self.running(firm)
        bills = [item.transaction for item in plan.items.order_by("id")]
        now, seen = timezone.now(), Transaction.objects.all()
        dues = (now + timedelta(seconds=4), now + timedelta(hours=2), now - timedelta(hours=1))
        for bill, due in zip(bills, dues, strict=True):
            Transaction.objects.filter(pk=bill.pk).update(due_at=due)
        told = expectation(plan, seen, now)
        assert told is not None
        assert told.at == now + timedelta(seconds=6), "3 left at half of one a second"
        assert (told.is_measured, told.broken, told.margin) == (False, 1, timedelta(seconds=-2))
        firm.play(bills[0])
        replaying.tick(plan.pk, now=timezone.now())
        told = expectation(plan, seen, now)
        assert told is not None
        assert told.promise == Promise(dues[1], "time-and-expense-to-billing")
        other = expectation(plan, Transaction.objects.none(), now)
        assert other is not None
        assert (other.at, other.promise, other.broken) == (told.at, None, 0)

    def test_the_pace_is_measured_by_what_came_back(self, firm: Firm) -> None:
        plan = self.running(firm)
        now = timezone.now()
        ReplayPlan.objects.filter(pk=plan.pk).update(released_at=now - timedelta(minutes=9))
        plan.refresh_from_db()
        one, other, _last = plan.items.order_by("id").values_list("pk", flat=True)
        back = {"state": ItemState.VERIFIED, "ended_at": now - timedelta(seconds=100)}
        ReplayItem.objects.filter(pk__in=[one, other]).update(**back)
        ReplayItem.objects.filter(pk=_last).update(state=ItemState.SENT)
        told = expectation(plan, Transaction.objects.all(), now)
        assert told is not None
        assert (told.at, told.is_measured) == (now + timedelta(seconds=50), True)
        ReplayItem.objects.filter(pk__in=[one, other]).update(ended_at=now - timedelta(minutes=6))
        told = expectation(plan, Transaction.objects.all(), now)
        assert told is not None
        assert told.at is None, "something is under way, and nothing has come back for minutes"

    def test_nothing_is_expected_of_what_does_not_run(self, firm: Firm) -> None:
        plan = firm.plan(*stuck_bills(firm, 1), by=firm.otto)
        assert expectation(plan, Transaction.objects.all(), timezone.now()) is None
