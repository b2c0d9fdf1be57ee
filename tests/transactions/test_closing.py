"""What belongs to a month and is not done by its cut-off needs its owner, with its money, once."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from controltower.firm.models import LegalEntity, Period
from controltower.incidents import letters, settling
from controltower.incidents.models import DeadLetter
from controltower.measures import closing as signals
from controltower.measures import exposure
from controltower.measures.exposure import Scope
from controltower.processes.month_end_close import Close, Standing, close_of
from controltower.systems.models import Recovery
from controltower.transactions import cases, closing, engine, periods, watching
from controltower.transactions.models import Expectation, Transaction, TransactionState
from controltower.transactions.world import entities
from tests import factories
from tests.factories import Firm

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def firm() -> Firm:
    return factories.found()


def close(firm: Firm) -> Close:
    """Of the month in which the firm works."""
    entity = entities()["LF-DE"]
    return close_of(entity, f"{firm.today:%Y-%m}")


def on_its_way(firm: Firm) -> Transaction:
    """A bill that was accepted before the cut-off and is not done: it can still move."""
    return firm.gathering(firm.deal())


def told(one: Transaction) -> list[Transaction]:
    chain = Transaction.objects.filter(correlation_id=one.correlation_id)
    return list(chain.filter(process="month-end-close"))


def watch(now: datetime) -> None:
    closing.watch(now=now)
    watching.watch(now=now)
    letters.catch_up(now=now)


def test_up_to_the_cut_off_nobody_is_told(firm: Firm) -> None:
    bill = on_its_way(firm)
    watch(close(firm).cut_off)
    assert told(bill) == []


def test_a_companys_past_is_not_walked_through_for_what_missed_it(firm: Firm) -> None:
    """However unlikely the planner thinks it that a round finds nothing."""
    on_its_way(firm)
    missed = closing._missed(entities()["LF-DE"], f"{firm.today:%Y-%m}", close(firm).cut_off)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        plan = missed.select_for_update(of=("self",), skip_locked=True)[:5].explain()
    assert "using tx_before_close" in plan
    assert "Sort" not in plan


def test_what_misses_it_needs_the_controller_with_its_money_once(firm: Firm) -> None:
    bill = on_its_way(firm)
    cut_off = close(firm).cut_off
    watch(cut_off + MINUTE)
    watch(cut_off + 2 * MINUTE)
    (late,) = told(bill)
    assert (late.amount, late.currency, late.exposure) == (bill.amount, bill.currency, "unbilled")
    assert late.entity == bill.entity
    assert late.due_at == cut_off
    letter = DeadLetter.objects.open().get(transaction=late)
    assert letter.cause.owner_role == "controller"
    seen = exposure.stake(exposure.stuck(Scope(firm.anna)))
    assert (seen.count, seen.amount) == (1, bill.amount)


def test_it_ends_by_itself_once_the_matter_is_done(firm: Firm) -> None:
    bill = on_its_way(firm)
    cut_off = close(firm).cut_off
    watch(cut_off + MINUTE)
    with cases.case_of(bill, now=firm.now) as case:
        engine.close_gathering(case)
    assert firm.play(bill).state == "verified"
    watch(cut_off + 2 * MINUTE)
    (late,) = told(bill)
    assert late.state == "verified"
    assert not DeadLetter.objects.open().filter(transaction=late).exists()


def test_what_gets_stuck_afterwards_is_counted_once(firm: Firm) -> None:
    bill = on_its_way(firm)
    watch(close(firm).cut_off + MINUTE)
    with cases.case_of(bill, now=firm.now) as case:
        engine.close_gathering(case)
    assert firm.play(bill, {"draft": factories.refused()}).state == "dead_lettered"
    letters.catch_up(now=timezone.now())
    seen = exposure.stake(exposure.stuck(Scope(firm.anna)))
    assert (seen.count, seen.amount) == (2, bill.amount)


def test_what_waits_for_a_person_already_is_not_told_again(firm: Firm) -> None:
    bill = firm.bill(firm.deal(), {"draft": factories.refused()})
    watch(close(firm).cut_off + MINUTE)
    assert told(bill) == []


def test_what_arrives_after_the_cut_off_has_not_missed_it(firm: Firm) -> None:
    bill = on_its_way(firm)
    cut_off = close(firm).cut_off
    Transaction.objects.filter(pk=bill.pk).update(started_at=cut_off + MINUTE)
    watch(cut_off + 2 * MINUTE)
    assert told(bill) == []


def test_a_person_may_end_the_wait(firm: Firm) -> None:
    bill = on_its_way(firm)
    cut_off = close(firm).cut_off
    watch(cut_off + MINUTE)
    (late,) = told(bill)
    settling.settle(
        transactions=[late], reason="Accrued by journal", by=firm.anna, now=timezone.now(),
        discard=False,
    )  # fmt: skip
    watch(cut_off + 2 * MINUTE)
    row = Expectation.objects.get(watch=late)
    assert row.is_waived
    assert len(told(bill)) == 1


def test_restored_books_tell_of_nothing_before_they_are_sure(firm: Firm) -> None:
    bill = on_its_way(firm)
    under_way = Recovery.objects.create(began_at=firm.now, why="a backup")
    watch(close(firm).cut_off + MINUTE)
    assert told(bill) == []
    under_way.ended_at = timezone.now()
    under_way.save()
    watch(close(firm).cut_off + MINUTE)
    assert len(told(bill)) == 1


class TestSignals:
    def line(self, firm: Firm, now: datetime) -> signals.MonthLine:
        month = close(firm).month
        lines = signals.lines(Scope(firm.anna, "LF-DE"), now)
        return next(line for line in lines if line.close.month == month)

    def test_a_month_shows_what_it_waits_for_and_what_moves_that(self, firm: Firm) -> None:
        bill, stuck = on_its_way(firm), firm.bill(firm.deal(), {"draft": factories.refused()})
        line = self.line(firm, timezone.now())
        assert (line.held.count, line.held.amount) == (2, bill.amount + stuck.amount)
        assert line.moved_by[signals.PERSON].amount == stuck.amount
        assert line.moved_by[signals.RUN].amount == bill.amount
        assert line.is_untold(timezone.now())

    def test_the_erp_alone_closes_it(self, firm: Firm) -> None:
        on_its_way(firm)
        month, cut_off = close(firm).month, close(firm).cut_off
        assert self.line(firm, cut_off).standing is Standing.OVERDUE
        periods.set_period(code="LF-DE", month=month, closed=True, now=timezone.now())
        Period.objects.update(told_at=cut_off, told_by="tryton")
        line = self.line(firm, cut_off)
        assert line.standing is Standing.CLOSED
        assert (line.told_by, line.is_untold(cut_off)) == ("tryton", False)

    def test_a_closed_month_is_shown_while_anything_is_left_of_it(self, firm: Firm) -> None:
        bill = on_its_way(firm)
        later = close(firm).cut_off + timedelta(days=20)
        periods.set_period(code="LF-DE", month=bill.month, closed=True, now=timezone.now())
        assert self.line(firm, later).held.count == 1
        with cases.case_of(bill, now=firm.now) as case:
            engine.end(case, state=TransactionState.WRITTEN_OFF, text="Waived", actor="")
        months = [line.close.month for line in signals.lines(Scope(firm.anna, "LF-DE"), later)]
        assert close(firm).month not in months

    def test_each_sees_their_own_companies(self, firm: Firm) -> None:
        now = timezone.now()
        seen = {line.entity.code for line in signals.lines(Scope(firm.callum), now)}
        assert seen == {"LF-UK"}
        every = {line.entity.code for line in signals.lines(Scope(firm.anna), now)}
        assert every == set(LegalEntity.objects.values_list("code", flat=True))
