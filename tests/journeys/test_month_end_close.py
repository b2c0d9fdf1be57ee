"""A month is closed: what a fallen ERP held up misses the cut-off, is told, and ends by itself."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from controltower.firm import calendars, governing
from controltower.firm.models import LegalEntity, Period, Surge
from controltower.incidents import letters
from controltower.incidents.models import DeadLetter
from controltower.measures import closing as signals
from controltower.measures.exposure import Scope
from controltower.processes.month_end_close import Close, Standing, close_of
from controltower.systems.models import Circuit, Feed, System
from controltower.transactions import closing, periods, polling, watching
from controltower.transactions.models import Transaction, TransactionState
from controltower.transactions.world import entities
from tests.journeys.tower import Tower

VERIFIED = TransactionState.VERIFIED
MINUTE = timedelta(minutes=1)
LONG_AFTER = 15
"""A working day that is ahead for whatever was worked in the last two weeks."""


def line(tower: Tower, close: Close, now: datetime) -> signals.MonthLine:
    """The signal of the month in the German company."""
    seen = Scope(tower.person("anna.lindqvist"), "LF-DE")
    return next(one for one in signals.lines(seen, now) if one.close == close)


def look(now: datetime) -> None:
    """What runs by itself, at a time of the month's end."""
    closing.watch(now=now)
    watching.watch(now=now)
    letters.catch_up(now=timezone.now())


def ask_the_erp(close: Close) -> Period:
    periods.watch(now=timezone.now())
    return Period.objects.get(entity__code="LF-DE", month=close.month)


def late(one: Transaction) -> Transaction:
    """What stands for its missed cut-off."""
    chain = Transaction.objects.filter(correlation_id=one.correlation_id)
    return chain.get(process="month-end-close")


def test_the_erp_falls_before_the_cut_off_and_the_month_still_closes(tower: Tower) -> None:
    usual = calendars.usual(LegalEntity.objects.get(code="LF-DE"))
    governing.write_down(
        subject="calendar:LF-DE", content=usual | {"month_day": LONG_AFTER}, reason="Auditors",
        now=timezone.now(),
    )  # fmt: skip
    deal = tower.set_up()
    tower.erp.control.order("down")
    billing = tower.billing_of(tower.approve_time(deal, hours="12.5"))
    close = close_of(entities()["LF-DE"], billing.month)

    def held_back() -> bool:
        tower.impatient()
        billing.refresh_from_db()
        erp = System.objects.get(slug="tryton")
        return erp.circuit == Circuit.OPEN and billing.wait == "circuit_open"

    tower.play(held_back)
    look(close.surges_from)
    surge = Surge.objects.get(entity__code="LF-DE", month=close.month)
    assert (surge.by, surge.ends_at) == (None, close.surges_until)
    shown = line(tower, close, close.surges_from)
    assert shown.standing is Standing.CLOSING
    assert (shown.held.count, shown.held.amount) == (1, billing.amount)
    assert set(shown.moved_by) == {signals.DOOR}

    look(close.cut_off + MINUTE)
    watch = late(billing)
    letter = DeadLetter.objects.open().get(transaction=watch)
    assert (watch.amount, letter.cause.owner_role) == (billing.amount, "controller")
    assert line(tower, close, close.cut_off + MINUTE).standing is Standing.OVERDUE

    tower.erp.control.clear()
    tower.until(billing, VERIFIED)
    assert ask_the_erp(close).told_by == "tryton"
    look(close.cut_off + 2 * MINUTE)
    watch.refresh_from_db()
    assert watch.state == VERIFIED
    assert not DeadLetter.objects.open().filter(transaction=watch).exists()
    assert line(tower, close, close.cut_off + 2 * MINUTE).held.count == 0
    (invoice,) = tower.erp.invoices(billing.reference)
    assert (invoice["state"], invoice["untaxed"]) == ("posted", f"{billing.amount:.2f}")

    tower.erp.control.do("close_period", company="LF-DE", period=close.month)
    try:
        assert ask_the_erp(close).closed
        assert line(tower, close, close.cut_off + MINUTE).standing is Standing.CLOSED
    finally:
        tower.erp.control.do("reopen_period", company="LF-DE", period=close.month)
    assert not ask_the_erp(close).closed
    look(close.surges_until)
    surge.refresh_from_db()
    assert surge.ended_at == close.surges_until


def test_in_a_surge_the_feeds_of_the_sandbox_are_read_more_often(tower: Tower) -> None:
    Feed.objects.update(every_seconds=300, due_at=timezone.now())
    polling.poll(budget=timedelta(0))
    feed = Feed.objects.get(system__slug="salesforce", entity="opportunity")
    assert feed.due_at - feed.polled_at == timedelta(seconds=300)  # type: ignore[operator]
    now = timezone.now()
    entity = entities()["LF-DE"]
    Surge.objects.create(
        entity_id=Period.objects.filter(entity__code="LF-DE")[0].entity_id,
        month=f"{entity.today(now):%Y-%m}", began_at=now - MINUTE, ends_at=now + timedelta(hours=1),
        by=tower.person("anna.lindqvist"), reason="The auditors come early",
    )  # fmt: skip
    Feed.objects.update(due_at=now - MINUTE)
    polling.poll(budget=timedelta(0))
    feed.refresh_from_db()
    assert feed.due_at - feed.polled_at == timedelta(seconds=100)  # type: ignore[operator]
