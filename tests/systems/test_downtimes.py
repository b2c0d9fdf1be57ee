"""Planned downtimes: held while they last, let go after, and never in a person's way."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from controltower.firm.models import AuditEntry
from controltower.measures import alarms
from controltower.systems import downtimes, upkeep
from controltower.systems.models import Downtime, System
from tests.factories import Firm

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def now() -> datetime:
    return timezone.now()


def erp() -> System:
    return System.objects.get(slug="tryton")


def planned(firm: Firm, now: datetime, *, after: timedelta = HOUR) -> Downtime:
    return downtimes.plan(
        system=erp(), begins=now + after, ends=now + after + 2 * HOUR, reason="The yearly upgrade",
        by=firm.amara, now=now,
    )  # fmt: skip


def test_its_system_is_paused_while_it_lasts_and_goes_on_after(firm: Firm, now: datetime) -> None:
    planned(firm, now)
    assert erp() in System.objects.callable(now)
    begins = now + HOUR
    assert downtimes.follow(now=begins) == 1
    assert erp().pause_reason == "The yearly upgrade"
    assert erp() not in System.objects.callable(begins)
    assert downtimes.follow(now=begins + HOUR) == 0
    assert downtimes.follow(now=begins + 2 * HOUR) == 1
    assert erp() in System.objects.callable(begins + 2 * HOUR)
    assert not Downtime.objects.open().exists()
    verbs = AuditEntry.objects.filter(subject="tryton").values_list("verb", "actor")
    told = [("plan downtime", "amara"), ("begin downtime", "tower"), ("end downtime", "tower")]
    assert [(verb, actor.partition(".")[0]) for verb, actor in verbs][-3:] == told


def test_one_that_has_begun_already_is_taken_up_at_once(firm: Firm, now: datetime) -> None:
    planned(firm, now, after=-HOUR)
    assert erp().paused_at == now


def test_it_opens_no_incident(firm: Firm, now: datetime) -> None:
    planned(firm, now, after=timedelta(0))
    late = now + HOUR
    assert erp() not in alarms.down_systems(late)
    downtimes.follow(now=now + 2 * HOUR)
    upkeep.pause(system=erp(), reason="No plan", by=firm.amara, now=now)
    assert erp() in alarms.down_systems(now + 4 * HOUR)


def test_a_pause_of_somebodys_own_is_neither_taken_over_nor_ended(
    firm: Firm, now: datetime
) -> None:
    one = planned(firm, now)
    upkeep.pause(system=erp(), reason="Our own test", by=firm.amara, now=now)
    downtimes.follow(now=one.begins_at)
    downtimes.follow(now=one.ends_at)
    assert erp().pause_reason == "Our own test"


def test_who_resumes_in_it_is_followed(firm: Firm, now: datetime) -> None:
    one = planned(firm, now)
    downtimes.follow(now=one.begins_at)
    upkeep.resume(system=erp(), by=firm.amara, now=one.begins_at + HOUR)
    downtimes.follow(now=one.begins_at + HOUR)
    assert erp().paused_at is None


def test_it_is_ended_early_by_a_person(firm: Firm, now: datetime) -> None:
    one = planned(firm, now)
    downtimes.follow(now=one.begins_at)
    downtimes.end(downtime=one, by=firm.amara, now=one.begins_at + HOUR)
    assert erp().paused_at is None
    with pytest.raises(downtimes.Impossible, match="over already"):
        downtimes.end(downtime=one, by=firm.amara, now=one.begins_at + HOUR)


def test_one_that_is_called_off_never_begins(firm: Firm, now: datetime) -> None:
    one = planned(firm, now)
    downtimes.end(downtime=one, by=firm.amara, now=now)
    assert downtimes.follow(now=one.begins_at) == 0
    assert erp().paused_at is None


@pytest.mark.parametrize(
    ("begins", "ends", "why"),
    [
        (2, 1, "ends before it begins"),
        (-3, -1, "over already"),
        (1, 24 * 8, "up to 7 days"),
        (24 * 400, 24 * 400 + 1, "more than a year"),
    ],
)
def test_what_makes_no_sense_is_not_planned(
    firm: Firm, now: datetime, begins: int, ends: int, why: str
) -> None:
    with pytest.raises(downtimes.Impossible, match=why):
        downtimes.plan(system=erp(), begins=now + begins * HOUR, ends=now + ends * HOUR,
                       reason="Upgrade", by=firm.amara, now=now)  # fmt: skip
    assert not Downtime.objects.exists()


def test_two_of_one_system_do_not_overlap(firm: Firm, now: datetime) -> None:
    planned(firm, now)
    with pytest.raises(downtimes.Impossible, match="There is one already"):
        planned(firm, now, after=2 * HOUR)
    planned(firm, now, after=3 * HOUR)


def test_who_may_not_pause_may_not_plan(firm: Firm, now: datetime) -> None:
    with pytest.raises(downtimes.NotAllowed):
        downtimes.plan(system=erp(), begins=now, ends=now + HOUR, reason="Upgrade",
                       by=firm.callum, now=now)  # fmt: skip
    assert AuditEntry.objects.filter(verb="plan downtime", allowed=False).exists()
