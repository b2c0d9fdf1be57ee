"""Surges begin and end by the calendar or a person, and do what they say in the engine."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from controltower.firm.models import AuditEntry, LegalEntity, Surge
from controltower.processes.month_end_close import close_of
from controltower.systems.models import Feed, System
from controltower.transactions import claiming, closing, polling, surging
from controltower.transactions.models import Step, Transaction
from controltower.transactions.world import entities, world
from tests import factories
from tests.factories import Firm

pytestmark = pytest.mark.django_db
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
FAR_AHEAD = "2190-12"
"""A month that the calendar begins no surge for, and no fact lies after."""


@pytest.fixture
def firm() -> Firm:
    return factories.found()


def berlin() -> LegalEntity:
    return LegalEntity.objects.get(code="LF-DE")


def month_of(now: datetime) -> str:
    return f"{entities()['LF-DE'].today(now):%Y-%m}"


def begun(firm: Firm, **other: object) -> Surge:
    now = timezone.now()
    wanted = {
        "entity": berlin(), "month": FAR_AHEAD, "lasts": HOUR, "reason": "Auditors", "now": now,
    } | other  # fmt: skip
    return surging.begin(by=firm.anna, **wanted)  # type: ignore[arg-type]


def verbs(surge: Surge) -> list[tuple[str, str, bool]]:
    rows = AuditEntry.objects.filter(subject=str(surge)).order_by("id")
    return list(rows.values_list("actor", "verb", "allowed"))


class TestCalendar:
    def test_it_begins_and_ends_a_surge_around_each_cut_off(self, firm: Firm) -> None:
        month = month_of(timezone.now())
        close = close_of(entities()["LF-DE"], month)
        mine = Surge.objects.filter(entity=berlin(), month=month)
        surging.follow(now=close.surges_from - MINUTE)
        assert not mine.exists()
        surging.follow(now=close.surges_from)
        surging.follow(now=close.surges_from + MINUTE)
        (surge,) = mine
        assert surge.by is None
        assert surge.ends_at == close.surges_until
        assert f"cut-off of {month}" in surge.reason
        surging.follow(now=close.surges_until)
        surge.refresh_from_db()
        assert surge.ended_at == close.surges_until
        assert verbs(surge) == [("tower", "begin surge", True), ("tower", "end surge", True)]

    def test_one_that_a_person_has_ended_is_not_begun_again(self, firm: Firm) -> None:
        close = close_of(entities()["LF-DE"], month_of(timezone.now()))
        surging.follow(now=close.surges_from)
        mine = Surge.objects.get(entity=berlin(), month=close.month)
        surging.end(surge=mine, reason="All is in", by=firm.anna, now=close.surges_from + HOUR)
        surging.follow(now=close.surges_from + 2 * HOUR)
        assert Surge.objects.filter(entity=berlin(), month=close.month).count() == 1
        assert verbs(mine)[-1] == ("anna.lindqvist", "end surge", True)

    def test_a_month_that_the_erp_has_closed_already_needs_none(self, firm: Firm) -> None:
        close = close_of(entities()["LF-DE"], month_of(timezone.now()))
        berlin().periods.filter(month=close.month).update(closed=True)
        surging.follow(now=close.surges_from)
        assert not Surge.objects.filter(entity=berlin(), month=close.month).exists()

    def test_it_takes_the_place_of_a_person_s(self, firm: Firm) -> None:
        close = close_of(entities()["LF-DE"], month_of(timezone.now()))
        first = begun(firm, month=close.month, now=close.surges_from - HOUR, lasts=5 * HOUR)
        surging.follow(now=close.surges_from)
        first.refresh_from_db()
        assert first.ended_at == close.surges_from
        assert Surge.objects.under_way(close.surges_from + MINUTE).get(month=close.month).by is None


class TestPerson:
    def test_it_ends_by_itself(self, firm: Firm) -> None:
        surge = begun(firm)
        assert world().is_surging(surge.began_at + MINUTE)
        assert not world().is_surging(surge.ends_at), "even when nobody has noted its end"
        closing.watch(now=surge.ends_at)
        surge.refresh_from_db()
        assert (surge.ended_at, surge.ended_by) == (surge.ends_at, None)
        assert verbs(surge) == [
            ("anna.lindqvist", "begin surge", True), ("tower", "end surge", True),
        ]  # fmt: skip

    def test_what_is_refused_leaves_nothing_but_its_audit(self, firm: Firm) -> None:
        now = timezone.now()
        for who in (firm.otto, firm.callum):
            with pytest.raises(surging.NotAllowed, match="finance controller"):
                surging.begin(
                    entity=berlin(), month=month_of(now), lasts=HOUR, reason="x", by=who, now=now
                )
        with pytest.raises(surging.Impossible, match="why"):
            begun(firm, reason=" ")
        with pytest.raises(surging.Impossible, match="up to 5 days"):
            begun(firm, lasts=timedelta(days=6))
        assert not Surge.objects.exists()
        assert AuditEntry.objects.filter(verb="begin surge", allowed=False).count() == 2

    def test_there_is_one_at_a_time(self, firm: Firm) -> None:
        surge = begun(firm)
        with pytest.raises(surging.Impossible, match="under way"):
            begun(firm)
        surging.end(surge=surge, reason="Done", by=firm.anna, now=timezone.now())
        with pytest.raises(surging.Impossible, match="ended meanwhile"):
            surging.end(surge=surge, reason="Done", by=firm.anna, now=timezone.now())
        begun(firm)


def queued(firm: Firm, elsewhere: int, mine: int) -> tuple[set[str], set[str]]:
    """Steps that are due at the CRM: of another company's month, and of the surging one's."""
    return _due(firm, elsewhere, entity="LF-UK", currency="GBP"), _due(firm, mine)


def _due(firm: Firm, how_many: int, **deal: str) -> set[str]:
    begun_ = [firm.tell(firm.opportunity(**deal)).pk for _ in range(how_many)]
    Transaction.objects.filter(pk__in=begun_).update(month=month_of(timezone.now()))
    steps = Step.objects.filter(transaction__in=begun_, name="client")
    return {str(pk) for pk in steps.values_list("pk", flat=True)}


def claimed(limit: int) -> set[str]:
    """The steps that a worker takes up at the CRM in one go, given back at once."""
    crm = System.objects.get(slug="salesforce")
    claims = claiming.claim(crm.pk, limit, surging=world().is_surging(timezone.now()))
    claiming.give_back(claims, after=timedelta(0))
    return {str(one.step_id) for one in claims}


def spread(*groups: set[str]) -> None:
    """Each group due after the one before."""
    now = timezone.now() - HOUR
    for number, group in enumerate(groups):
        Step.objects.filter(pk__in=group).update(due_at=now + number * MINUTE)


def test_the_month_s_work_is_claimed_before_older_work_of_others(firm: Firm) -> None:
    elsewhere, mine = queued(firm, 2, 2)
    spread(elsewhere, mine)
    assert not mine & claimed(2), "the oldest first, in ordinary times"
    spread(elsewhere, mine)
    begun(firm, now=firm.now)
    assert claimed(2) == mine
    spread(elsewhere, mine)
    assert claimed(4) == mine | elsewhere


def test_a_later_month_does_not_go_first(firm: Firm) -> None:
    elsewhere, mine = queued(firm, 2, 2)
    spread(elsewhere, mine)
    begun(firm, now=firm.now, month="2026-01")
    assert claimed(2) == elsewhere


def test_a_share_is_left_to_everything_else(firm: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claiming, "SHARE_OF_OTHERS", 2)
    elsewhere, mine = queued(firm, 2, 2)
    spread(elsewhere, mine)
    begun(firm, now=firm.now)
    taken = claimed(2)
    assert (len(taken & mine), len(taken & elsewhere)) == (1, 1)


def test_feeds_are_read_three_times_as_often_while_a_limit_allows(firm: Firm) -> None:
    feed = Feed.objects.filter(system__slug="certinia").select_related("system")[0]
    feed.every_seconds = 30
    assert polling.interval(feed, surging=False) == timedelta(seconds=30)
    assert polling.interval(feed, surging=True) == timedelta(seconds=10)
    feed.system.quota_used, feed.system.quota_limit = 800, 1000
    assert polling.interval(feed, surging=True) == timedelta(seconds=30)
    feed.system.quota_used = 600
    assert polling.interval(feed, surging=True) == timedelta(seconds=10)


def test_a_transaction_belongs_to_the_first_month_of_its_facts(firm: Firm) -> None:
    deal = firm.deal()
    last = firm.today.replace(day=1) - timedelta(days=1)
    one = firm.gathering(deal, on=last, amount=Decimal("100.00"))
    assert deal.month == ""
    assert one.month == f"{last:%Y-%m}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT month FROM transactions_transaction WHERE id = %s", [one.pk])
        assert cursor.fetchone() == (f"{last:%Y-%m}",)
