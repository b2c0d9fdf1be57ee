"""Promises as agreed upon: pinned, counted on the entity's calendar, paused, told in figures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from controltower.canonical.calendar import Calendar
from controltower.canonical.promise import Counted, Promise
from controltower.firm import calendars, governing, promised
from controltower.firm.models import LegalEntity, PolicyVersion
from controltower.firm.policies import BadPolicy
from controltower.measures import own_time, promises, rollups
from controltower.measures.exposure import Scope
from controltower.transactions import promising
from controltower.transactions.models import Expectation, Transaction, WaitKind
from controltower.web import standing
from tests import factories
from tests.factories import Firm

pytestmark = pytest.mark.django_db
PROCESS = "opportunity-to-project"
FRIDAY = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)
"""Three in the afternoon in Berlin."""


@pytest.fixture
def firm() -> Firm:
    return factories.found(FRIDAY)


def agree(firm: Firm, subject: str, **content: Any) -> None:
    """One proposes, another agrees."""
    made = governing.propose(
        subject=subject, content=content, reason="so", by=firm.amara, now=firm.now
    )
    governing.decide(version=made, agree=True, answer="", by=firm.anna, now=firm.now)


def working_hours(firm: Firm, hours: int) -> None:
    agree(firm, f"promise:{PROCESS}", counted="working", amount=60 * hours, warn_at=80)


def test_without_an_agreement_the_definition_holds(firm: Firm) -> None:
    deal = firm.deal()
    assert deal.due_at == FRIDAY + timedelta(hours=8)
    assert deal.clock_from == FRIDAY
    assert deal.promise == {}


def test_what_was_defined_is_written_down_once_and_changes_nothing(firm: Firm) -> None:
    promising.write_down(now=firm.now)
    count = PolicyVersion.objects.count()
    promising.write_down(now=firm.now)
    assert PolicyVersion.objects.count() == count
    assert promised.agreed() == promising.defined()
    assert firm.deal().due_at == FRIDAY + timedelta(hours=8)


def test_working_hours_pass_over_the_weekend(firm: Firm) -> None:
    working_hours(firm, 4)
    assert firm.deal().due_at == datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
    entity = LegalEntity.objects.get(code="LF-DE")
    days = calendars.usual(entity) | {"own_days": [["2026-11-23", "Works outing"]]}
    agree(firm, "calendar:LF-DE", **days)
    assert firm.deal().due_at == datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


def test_a_later_version_leaves_what_is_under_way_alone(firm: Firm) -> None:
    working_hours(firm, 4)
    deal = firm.deal(answers={"project": factories.refused()})
    working_hours(firm, 2)
    deal.refresh_from_db()
    assert deal.promise == {"counted": "working", "amount": 240, "warn_at": 80}
    assert firm.deal().due_at == datetime(2026, 11, 20, 16, 0, tzinfo=UTC)


def test_a_closed_period_stops_the_clock_and_gives_the_slack_back(firm: Firm) -> None:
    working_hours(firm, 4)
    deal = firm.deal(answers={"project": factories.refused()})
    days = calendars.of_entity(deal.entity)
    deal.wait = WaitKind.PERIOD_CLOSED
    promising.follow(deal, FRIDAY + timedelta(hours=1), days)
    assert deal.due_at is None
    assert promising.paused(deal) == timedelta(hours=3)
    assert "stands still" in standing.promise_words(deal, FRIDAY)
    deal.wait = ""
    monday = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
    promising.follow(deal, monday, days)
    assert deal.due_at == monday + timedelta(hours=3)
    assert promising.paused(deal) is None


def test_a_broken_promise_is_not_mended_by_a_pause(firm: Firm) -> None:
    working_hours(firm, 1)
    deal = firm.deal(answers={"project": factories.refused()})
    due, deal.wait = deal.due_at, WaitKind.PERIOD_CLOSED
    promising.follow(deal, FRIDAY + timedelta(days=4), calendars.of_entity(deal.entity))
    assert deal.due_at == due


def test_the_engine_stops_the_clock_of_what_waits_for_a_period(firm: Firm) -> None:
    promising.write_down(now=firm.now)
    firm = Firm(timezone.now() - factories.AGO, firm.people)
    bill = firm.bill(firm.deal(), answers={"post": factories.closed()})
    assert bill.wait == WaitKind.PERIOD_CLOSED
    assert bill.due_at is None
    assert promising.paused(bill)
    assert rollups.differences() == []


def test_it_is_told_that_the_end_is_near(firm: Firm) -> None:
    working_hours(firm, 4)
    deal = firm.deal(answers={"project": factories.refused()})
    early = standing.promise_words(deal, FRIDAY + timedelta(minutes=30))
    assert "of working time" in early
    assert "is used" not in early
    near = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    assert "80 % of the promise is used" in standing.promise_words(deal, near)


def test_the_slowest_are_told_in_the_promises_own_time(firm: Firm) -> None:
    working_hours(firm, 4)
    deal = firm.deal()
    monday = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    Transaction.objects.filter(pk=deal.pk).update(ended_at=monday)
    scope = Scope(firm.anna)
    assert own_time.taken(scope, PROCESS, Counted.WORKING) == [timedelta(hours=3, minutes=30)]
    line = next(x for x in promises.promises(scope, monday) if x.name == PROCESS)
    assert line.agreed == Promise(Counted.WORKING, 240)
    assert line.slowest_tenth == timedelta(hours=3, minutes=30)
    assert line.slack == pytest.approx(0.125)


def test_a_calendar_agreed_upon_before_it_spoke_of_months_ends_them_as_usual() -> None:
    old = calendars.usual(LegalEntity(zone="Europe/Berlin", country="DE"))
    assert calendars.read({**old, "month_day": 5}).month_day == 5
    for key in calendars.USUAL_MONTH:
        del old[key]
    assert calendars.read(old) == Calendar("Europe/Berlin", country="DE")


def test_milestones_are_expected_by_the_entitys_working_days(firm: Firm) -> None:
    name = next(about for about in promising.defined() if about.startswith(promised.MILESTONE))
    for about in promising.defined():
        if about.startswith(promised.MILESTONE):
            agree(firm, f"promise:{about}", counted="working_days", amount=1, warn_at=80)
    assert name in promised.agreed()
    firm.deal()
    due = set(Expectation.objects.filter(met_at=None).values_list("due_at", flat=True))
    assert due == {datetime(2026, 11, 23, 23, 0, tzinfo=UTC)}


@pytest.mark.parametrize(
    ("subject", "content"),
    [
        (f"promise:{PROCESS}", {"counted": "working", "amount": 0, "warn_at": 80}),
        (f"promise:{PROCESS}", {"counted": "moons", "amount": 3, "warn_at": 80}),
        (f"promise:{PROCESS}", {"counted": "days", "amount": 3, "warn_at": 100}),
        ("promise:../etc", {"counted": "days", "amount": 3, "warn_at": 80}),
        ("calendar:nowhere", {}),
        ("calendar:LF-DE", {"weekdays": []}),
        ("calendar:LF-DE", {"closes": "08:00"}),
        ("calendar:LF-DE", {"country": "XX"}),
        ("calendar:LF-DE", {"region": "ENG"}),
        ("calendar:LF-DE", {"zone": "Moon/Base"}),
        ("calendar:LF-DE", {"own_days": [["someday", "?"]]}),
    ],
)
def test_what_cannot_be_kept_is_not_written_down(
    firm: Firm, subject: str, content: dict[str, Any]
) -> None:
    if subject.startswith("calendar:LF"):
        content = calendars.usual(LegalEntity.objects.get(code="LF-DE")) | content
    with pytest.raises(BadPolicy):
        governing.propose(
            subject=subject, content=content, reason="so", by=firm.amara, now=firm.now
        )


def test_a_promise_is_at_risk_from_a_share_of_its_own_time(firm: Firm) -> None:
    """Eight working hours from Friday at three: four fifths are used on Monday at 12:54."""
    assert firm.deal().warns_at == FRIDAY + timedelta(hours=8) * 0.8
    working_hours(firm, 8)
    deal = firm.deal()
    assert deal.due_at == datetime(2026, 11, 23, 13, 30, tzinfo=UTC)
    assert deal.warns_at == datetime(2026, 11, 23, 11, 54, tzinfo=UTC)


def test_while_its_clock_stands_still_nothing_is_at_risk(firm: Firm) -> None:
    deal = firm.deal()
    deal.wait, deal.promise = WaitKind.PERIOD_CLOSED, promised.written(
        Promise(Counted.ELAPSED, 480)
    )  # fmt: skip
    promising.follow(deal, firm.now + timedelta(hours=1), Calendar("Europe/Berlin"))
    assert (deal.due_at, deal.warns_at) == (None, None)
    deal.wait = ""
    promising.follow(deal, firm.now + timedelta(hours=3), Calendar("Europe/Berlin"))
    assert deal.due_at == FRIDAY + timedelta(hours=10)
    assert deal.warns_at is not None
