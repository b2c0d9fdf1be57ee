"""Revenue recognition: what was delivered of a fixed price is in the ledger of the ERP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from controltower.firm.models import Period
from controltower.processes.revenue_recognition import RECOGNISE_IN_NEXT_PERIOD
from controltower.systems.models import Circuit, System
from controltower.transactions import cases, engine
from controltower.transactions.models import Step, Transaction, TransactionState
from integrations import catalogue
from integrations.connector import Connection
from tests.integrations.conformance.verdicts import done
from tests.integrations.conftest import running_town, town
from tests.integrations.doors import Town
from tests.journeys.cloud_erp import NEW, cut_over, new_books
from tests.journeys.tower import Tower

__all__ = ["new_books", "running_town", "town"]

VERIFIED = TransactionState.VERIFIED
REVENUE = "revenue-recognition"


def today() -> date:
    return timezone.now().date()


def this_month() -> str:
    return f"{today():%Y-%m}"


def last_day() -> date:
    """Of last month."""
    return today().replace(day=1) - timedelta(days=1)


def last_month() -> str:
    return f"{last_day():%Y-%m}"


def fixed_price(tower: Tower, amount: str, hours: str = "", entity: str = "LF-DE") -> str:
    """A project at a fixed price, earned by milestones, or by so many hours; its id."""
    deal = tower.set_up(amount=amount, billing="Fixed fee", entity=entity)
    project = deal.steps.get(name="project").ref
    if hours:
        tower.org.control.do("plan_hours", project=project, hours=hours)
    return project


def reach(tower: Tower, project: str, on: date | None = None) -> None:
    """The project's next milestone is reached."""
    day = {"on": on.isoformat()} if on else {}
    tower.org.control.do("approve_milestone", project=project, **day)


def work(tower: Tower, project: str, hours: str, week: date) -> str:
    """A week that nobody is billed for; its timecard's id."""
    wanted = {"hours": hours, "billable": False, "week": week.isoformat()}
    return str(tower.org.control.do("approve_time", project=project, **wanted)["timecard"])


def monday(day: date) -> date:
    """Of the last whole week up to a day, so that its timecard counts in the day's month."""
    return day - timedelta(days=day.weekday() + 7 if day.weekday() < 6 else 6)


def months_of(tower: Tower, project: str) -> list[Transaction]:
    """What was begun over the project's months, oldest first."""
    rows = Transaction.objects.filter(process=REVENUE, keys__value=project)
    return list(rows.distinct().order_by("started_at"))


def played(tower: Tower, project: str, amounts: dict[str, str], entity: str = "LF-DE") -> None:
    """Play until the ledger shows exactly this, and the PSA the same."""

    def there() -> bool:
        tower.impatient()
        months = months_of(tower, project)
        over = {one.subject["period"] for one in months if one.state == VERIFIED}
        return amounts.keys() <= over and tower.erp.revenue(entity, project) == amounts

    tower.play(there)
    for month in months_of(tower, project):
        tower.until(month, VERIFIED)
    shown = {
        step.transaction.subject["period"]: Decimal(str(step.values["recognised"]))
        for step in Step.objects.filter(
            transaction__in=months_of(tower, project), name="schedule", state="verified"
        ).order_by("done_at")
    }
    assert shown == {month: Decimal(worth) for month, worth in amounts.items()}


def test_milestones_are_revenue_in_the_month_in_which_they_were_reached(tower: Tower) -> None:
    """The invoice of a milestone is deferred income: revenue is what was recognised, no more."""
    project = fixed_price(tower, "48200.01")
    reach(tower, project, last_day())
    reach(tower, project)
    reach(tower, project)
    played(tower, project, {last_month(): "14460.00", this_month(): "33740.01"})
    assert sum(map(Decimal, tower.erp.revenue("LF-DE", project).values())) == Decimal("48200.01")


def test_hours_worked_earn_their_part_and_the_whole_in_the_end(tower: Tower) -> None:
    project = fixed_price(tower, "10000.00", hours="30", entity="LF-UK")
    work(tower, project, "10", monday(last_day()))
    played(tower, project, {last_month(): "3333.33"}, "LF-UK")
    work(
        tower, project, "10", monday(today()) if monday(today()).month == today().month else today()
    )
    work(tower, project, "15", today().replace(day=1) + timedelta(days=1))
    played(tower, project, {last_month(): "3333.33", this_month(): "6666.67"}, "LF-UK")


def test_the_erp_is_down_in_the_middle_and_an_answer_is_lost(tower: Tower) -> None:
    project = fixed_price(tower, "9000.01")
    tower.erp.control.order("down")
    reach(tower, project)

    def resting() -> bool:
        Step.objects.filter(transaction__process=REVENUE).exclude(due_at=None).update(
            due_at=timezone.now()
        )
        return System.objects.filter(slug="tryton", circuit=Circuit.OPEN).exists()

    tower.play(resting)
    tower.erp.control.clear()
    tower.erp.once("commit_then_drop", "write account.move create")
    tower.erp.once("commit_then_drop", "write account.move post")
    (month,) = months_of(tower, project)
    tower.until(month, VERIFIED)
    assert tower.erp.revenue("LF-DE", project) == {this_month(): "2700.00"}
    assert month.steps.get(name="schedule").values["journal_entry"]


@pytest.mark.parametrize(
    ("day", "amount", "words"),
    [
        (today, "3100.00", "is recognised but not delivered"),
        (last_day, "2700.00", "is in the wrong period"),
    ],
    ids=["not delivered", "wrong period"],
)
def test_a_ledger_that_contradicts_is_an_exception_with_its_money(
    tower: Tower, day: Callable[[], date], amount: str, words: str
) -> None:
    """A clerk has booked by hand; once that is taken back, the replay goes through."""
    project = fixed_price(tower, "9000.00")
    on = day()
    by_hand = {"company": "LF-DE", "project": project, "period": f"{on:%Y-%m}", "date": str(on)}
    tower.erp.control.do("book_revenue", amount=amount, **by_hand)
    reach(tower, project)
    month = tower.of("project", project, REVENUE)
    stuck = tower.stuck(month)
    assert (stuck.name, words in stuck.text) == ("entry", True), stuck.text
    assert (month.exposure, month.amount, month.currency) == (
        "unposted revenue",
        Decimal("2700.00"),
        "EUR",
    )
    assert tower.erp.revenue("LF-DE", project) == {f"{on:%Y-%m}": amount}
    tower.erp.control.do("book_revenue", amount=f"-{amount}", **by_hand)
    with cases.opened([month.pk], now=timezone.now()) as found:
        engine.reconsider(found[month.pk], why="the ledger was put right")
    tower.until(month, VERIFIED)
    assert tower.erp.revenue("LF-DE", project)[this_month()] == "2700.00"


def test_a_closed_month_is_recognised_in_the_open_one_by_decision(tower: Tower) -> None:
    project = fixed_price(tower, "9000.00")
    closed = Period.objects.filter(entity__code="LF-DE", month=last_month())
    closed.update(closed=True)
    reach(tower, project, last_day())
    month = tower.of("project", project, REVENUE)
    tower.until(month, TransactionState.WAITING)
    held = month.steps.get(name="entry")
    assert "2700.00 EUR were delivered in" in held.text, held.text
    decide(month, RECOGNISE_IN_NEXT_PERIOD)
    tower.until(month, VERIFIED)
    assert tower.erp.revenue("LF-DE", project) == {last_month(): "2700.00"}
    booked = month.steps.get(name="post").values
    assert (booked["period"], booked["booked_in"]) == (last_month(), this_month())


@pytest.mark.parametrize("new_books", NEW, indirect=True)
def test_a_cloud_erp_shows_what_was_delivered(
    tower: Tower, new_books: Connection, town: Town
) -> None:
    """With two of its answers lost after the writes, and a measure that comes anew."""
    project = fixed_price(tower, "48200.01", entity="LF-UK")
    cut_over("LF-UK", new_books.slug)
    control = town.controls[new_books.slug]
    control.order("server_error", count=2, operation="write", committed=True)
    reach(tower, project)
    first = tower.until(tower.of("project", project, REVENUE), VERIFIED)
    assert shown_by(new_books, project) == {this_month(): Decimal("14460.00")}
    reach(tower, project)
    reach(tower, project)

    def whole() -> bool:
        tower.impatient()
        return shown_by(new_books, project) == {this_month(): Decimal("48200.01")}

    tower.play(whole)
    for month in months_of(tower, project):
        tower.until(month, VERIFIED)
    assert tower.erp.revenue("LF-UK", project) == {}, "nothing is booked in the old books"
    booked = first.steps.get(name="post")
    assert booked.system is not None and booked.system.slug == new_books.slug
    assert booked.values["booked_in"] == this_month()


def shown_by(books: Connection, project: str) -> dict[str, Decimal]:
    """What a ledger shows of a project, by month."""

    async def read() -> dict[str, Decimal]:
        connector = catalogue.connect(books.slug, books)
        ledger = done(await connector.get("revenue", project, "LF-UK")).values
        await connector.close()
        return {one["period"]: one["amount"] for one in ledger["months"]}

    return asyncio.run(read())


def decide(month: Transaction, value: Any) -> None:
    """The owner's decision on the period."""
    with cases.opened([month.pk], now=timezone.now()) as found:
        engine.decide(
            found[month.pk], decision="period", value=value, actor="c", text="In the open one."
        )
