"""What payroll is told of a month: by employing company, once, and by what differs."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from controltower.canonical.events import EXPENSE_APPROVED, PAY_INPUT_DUE, TIMESHEET_APPROVED
from controltower.canonical.identity import first_id
from controltower.canonical.records import Expense, Project, TimeEntry
from controltower.systems.models import System
from controltower.transactions import intake, paying
from controltower.transactions.models import InboundEvent
from controltower.transactions.world import entities
from tests.factories import Firm

pytestmark = pytest.mark.django_db
WORKER: dict[str, Any] = {"resource_number": "LF-0011", "employer": "LF-DE", "billable": False}


@pytest.fixture
def month(firm: Firm) -> date:
    System.objects.create(
        slug="payroll", title="ADP payroll", role="payroll", connection="payroll",
        connector="payroll", base_url="https://payroll.invalid",
    )  # fmt: skip
    return next(paying.months_over(entities()["LF-DE"], firm.now))


def works(firm: Firm, number: int, on: date, hours: str = "8", **values: Any) -> None:
    record = TimeEntry(
        source_id="t1", number="TC-1", entity="LF-DE", hours=Decimal(hours), on=on,
        project=Project(source_id="a0P", name="Rail review", entity="LF-DE", currency="EUR"),
        project_id="a0P", currency="EUR", **WORKER | values,
    )  # fmt: skip
    firm.receive(firm.event(TIMESHEET_APPROVED, "certinia/timecard", "timecard:1", record, number))


def lays_out(firm: Firm, name: str, on: date, currency: str) -> None:
    record = Expense(
        source_id=name, number=name, entity="LF-DE", amount=Decimal("10.50"), currency=currency,
        project=Project(source_id="a0P", name="Rail review", entity="LF-DE", currency="EUR"),
        project_id="a0P", on=on, type="Rail", **WORKER,
    )  # fmt: skip
    firm.receive(firm.event(EXPENSE_APPROVED, "certinia/expense", f"expense:{name}", record, 1))


def told() -> list[dict[str, Any]]:
    events = InboundEvent.objects.filter(type=PAY_INPUT_DUE).order_by("subject")
    return list(events.values_list("record", flat=True))


def tell(firm: Firm) -> int:
    return paying.tell(now=firm.now)


def test_a_correction_is_told_as_what_differs(firm: Firm, month: date) -> None:
    works(firm, 1, month)
    assert (tell(firm), tell(firm)) == (1, 0)
    works(firm, 2, month, hours="5.5")
    assert (tell(firm), tell(firm)) == (1, 0)
    assert [(one["hours"], one["adjustment"]) for one in told()] == [
        ("8", False), ("-2.5", True),
    ]  # fmt: skip
    assert {one["source_id"] for one in told()} == {
        f"LF-DE:{month:%Y-%m}:LF-0011:1", f"LF-DE:{month:%Y-%m}:LF-0011:2",
    }  # fmt: skip


def test_the_employing_company_pays(firm: Firm, month: date) -> None:
    works(firm, 1, month, employer="LF-UK")
    tell(firm)
    assert [one["entity"] for one in told()] == ["LF-UK"]


def test_expenses_in_several_currencies_are_in_none(firm: Firm, month: date) -> None:
    lays_out(firm, "EXP-1", month, "EUR")
    tell(firm)
    assert [(one["expenses"], one["currency"]) for one in told()] == [("10.50", "EUR")]
    lays_out(firm, "EXP-2", month, "CHF")
    tell(firm)
    assert told()[-1]["currency"] == "CHF, EUR"


@pytest.mark.parametrize("before", [2, 60])
def test_work_that_was_approved_ahead_of_its_month_is_paid(
    firm: Firm, month: date, before: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A week's time stands under its last day; leave is approved long before it is taken."""
    approved = datetime.combine(month - timedelta(days=before), time.min, tzinfo=UTC)
    monkeypatch.setattr(intake, "new_id", lambda: first_id(approved))
    works(firm, 1, month)
    monkeypatch.undo()
    assert (tell(firm), [one["hours"] for one in told()]) == (1, ["8"])


def test_other_months_and_other_providers_are_left_alone(firm: Firm, month: date) -> None:
    works(firm, 1, firm.today + timedelta(days=40))
    assert tell(firm) == 0
    works(firm, 2, month)
    System.objects.filter(slug="payroll").update(active=False)
    assert tell(firm) == 0


def test_a_month_is_over_by_the_company_s_own_calendar(firm: Firm) -> None:
    entity = entities()["LF-DE"]
    cut_off = entity.calendar.at(
        entity.calendar.month_end(date(2026, 10, 1)), entity.calendar.month_time
    )

    def latest(now: datetime) -> date:
        return next(paying.months_over(entity, now))

    assert latest(cut_off) == date(2026, 10, 1)
    assert latest(cut_off - timedelta(seconds=1)) == date(2026, 9, 1)


def test_a_month_to_which_nothing_has_come_is_not_added_up_again(firm: Firm, month: date) -> None:
    """Neither each minute, nor never again: once an hour for what was moved elsewhere."""
    looked, now = paying.Looked(), firm.now
    works(firm, 1, month)
    assert paying.tell(now=now, looked=looked) == 1
    with CaptureQueriesContext(connection) as quiet:
        assert paying.tell(now=now + timedelta(minutes=40), looked=looked) == 0
    assert not [one for one in quiet.captured_queries if "resource_number" in one["sql"]]
    with CaptureQueriesContext(connection) as hourly:
        paying.tell(now=now + timedelta(hours=2), looked=looked)
    assert [one for one in hourly.captured_queries if "resource_number" in one["sql"]]


def test_what_arrives_late_for_a_month_is_told_at_once(firm: Firm, month: date) -> None:
    looked = paying.Looked()
    works(firm, 1, month)
    assert paying.tell(now=firm.now, looked=looked) == 1
    works(firm, 2, month, hours="9")
    assert paying.tell(now=firm.now, looked=looked) == 1
