"""How far an incident climbs that nobody takes, and what quiet hours hold back meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from controltower.firm.models import Person, Role
from controltower.incidents import delivering, leading, watch
from controltower.incidents.models import EntryKind, Incident, Message, MessageState, Severity, Wish
from tests.incidents.mailbox import Mailbox, box
from tests.incidents.test_notices import somebody, trouble

__all__ = ["box"]

pytestmark = pytest.mark.django_db
BERLIN = ZoneInfo("Europe/Berlin")
FRIDAY = datetime(2026, 11, 20, 21, 0, tzinfo=BERLIN)
NIGHT = datetime(2026, 11, 20, 23, 0, tzinfo=BERLIN)
MORNING = datetime(2026, 11, 21, 7, 0, tzinfo=BERLIN)
MONDAY = datetime(2026, 11, 23, 7, 0, tzinfo=BERLIN)
HOUR = timedelta(hours=1)


def minutes(since: datetime, until: datetime, step: int = 15) -> Iterator[datetime]:
    now = since
    while now <= until:
        yield now
        now += timedelta(minutes=step)


def asleep(name: str, role: Role = Role.OPERATOR, *, wakes: bool = False) -> Person:
    """Somebody whose quiet hours are from 22 to 7."""
    made = somebody(name, role)
    Wish.objects.create(person=made, quiet_from=time(22), quiet_until=time(7), wakes=wakes)
    return made


def missed(incident: Incident) -> list[str]:
    return [entry.text for entry in incident.entries.filter(kind=EntryKind.MISSED)]


class TestTheTop:
    def test_a_weekend_nobody_answers_is_a_few_messages(self, box: Mailbox) -> None:
        ada = somebody("ada", Role.ADMINISTRATOR)
        incident = trouble(Severity.HIGHEST, now=FRIDAY)
        for now in minutes(FRIDAY, MONDAY):
            watch.miss(now=now)
        said = missed(incident)
        assert [text for text in said if "goes to the administrator" in text] == said[1:2]
        assert Message.objects.filter(person=ada).count() == len(said) - 1
        assert len(said) == 2 + 7, "twice up the ladder, then once in eight hours of 57.5"

    def test_it_stays_overdue_and_the_reminder_says_since_when(self, box: Mailbox) -> None:
        somebody("ada", Role.ADMINISTRATOR)
        incident = trouble(Severity.HIGHEST, now=FRIDAY)
        for now in minutes(FRIDAY, FRIDAY + 10 * HOUR):
            watch.miss(now=now)
            delivering.deliver(now=now)
        incident.refresh_from_db()
        assert incident.is_overdue(FRIDAY + 10 * HOUR)
        text = str(box.mails[-1].get_payload())
        assert "Nobody has taken it yet, and nobody is left to whom it could go." in text
        assert "It was to be taken by 20 November 2026 21:45 (Europe/Berlin)." in text

    def test_a_graver_one_climbs_anew(self, box: Mailbox) -> None:
        somebody("ada", Role.ADMINISTRATOR)
        trouble(Severity.HIGH, now=FRIDAY)
        for now in minutes(FRIDAY, FRIDAY + 3 * HOUR):
            watch.miss(now=now)
        incident = trouble(Severity.HIGHEST, now=FRIDAY + 3 * HOUR)
        before = len(missed(incident))
        watch.miss(now=FRIDAY + 4 * HOUR)
        assert len(missed(incident)) == before + 1

    def test_an_update_that_never_comes_is_asked_for_in_the_same_rhythm(self, box: Mailbox) -> None:
        otto = somebody("otto")
        incident = trouble(Severity.HIGHEST, now=FRIDAY)
        leading.take(incident=incident, by=otto, now=FRIDAY)
        for now in minutes(FRIDAY, MONDAY):
            watch.miss(now=now)
        assert len(missed(incident)) == 2 + 7

    def test_owner_and_deputy_change_once_and_not_in_turns(self, box: Mailbox) -> None:
        otto, zoe = somebody("otto"), somebody("zoe")
        incident = trouble(Severity.HIGHEST, now=FRIDAY)
        leading.hand_over(incident=incident, owner=otto, deputy=zoe, by=otto, now=FRIDAY)
        for now in minutes(FRIDAY, MONDAY):
            watch.miss(now=now)
        incident.refresh_from_db()
        assert (incident.owner, incident.deputy) == (zoe, otto)
        assert incident.entries.filter(kind=EntryKind.HANDED, actor="tower").count() == 1
        leading.update(incident=incident, text="Called.", by=zoe, now=MONDAY)
        for now in minutes(MONDAY, MONDAY + 2 * HOUR):
            watch.miss(now=now)
        incident.refresh_from_db()
        assert incident.owner == otto, "who has answered is asked anew"


class TestQuietHours:
    def test_below_the_highest_it_stands_still_while_its_holder_sleeps(self, box: Mailbox) -> None:
        asleep("otto")
        somebody("anna", Role.CONTROLLER)
        incident = trouble(Severity.HIGH, now=NIGHT)
        for now in minutes(NIGHT, MORNING + 55 * timedelta(minutes=1)):
            watch.miss(now=now)
        assert missed(incident) == []
        delivering.deliver(now=MORNING)
        (mail,) = box.mails
        assert "Take it by 21 November 2026 08:00" in str(mail.get_payload())
        watch.miss(now=MORNING + HOUR)
        assert len(missed(incident)) == 1

    def test_told_before_the_night_it_is_due_after_it(self, box: Mailbox) -> None:
        asleep("otto")
        evening = NIGHT - timedelta(minutes=70)
        incident = trouble(Severity.HIGH, now=evening)
        for now in minutes(evening, MORNING):
            watch.miss(now=now)
        assert missed(incident) == []
        incident.refresh_from_db()
        assert incident.acknowledge_by == MORNING + HOUR

    def test_one_who_is_awake_is_enough_to_climb(self, box: Mailbox) -> None:
        asleep("otto")
        somebody("kim")
        incident = trouble(Severity.HIGH, now=NIGHT)
        watch.miss(now=NIGHT + HOUR)
        assert len(missed(incident)) == 1

    def test_the_highest_climbs_at_any_hour(self, box: Mailbox) -> None:
        asleep("otto")
        incident = trouble(Severity.HIGHEST, now=NIGHT)
        watch.miss(now=NIGHT + HOUR)
        assert len(missed(incident)) == 1

    def test_an_owner_who_sleeps_is_not_relieved(self, box: Mailbox) -> None:
        otto, zoe = asleep("otto"), somebody("zoe")
        incident = trouble(Severity.HIGH, now=NIGHT - 2 * HOUR)
        leading.hand_over(incident=incident, owner=otto, deputy=zoe, by=otto, now=NIGHT - 2 * HOUR)
        for now in minutes(NIGHT - 2 * HOUR, MORNING):
            watch.miss(now=now)
        incident.refresh_from_db()
        assert (incident.owner, missed(incident)) == (otto, [])


class TestHeldMessages:
    def test_what_somebody_has_taken_meanwhile_is_dropped(self, box: Mailbox) -> None:
        otto, kim = asleep("otto"), somebody("kim")
        incident = trouble(Severity.HIGH, now=NIGHT)
        delivering.deliver(now=NIGHT)
        leading.take(incident=incident, by=kim, now=NIGHT)
        delivering.deliver(now=MORNING)
        assert [mail["To"].split("@")[0] for mail in box.mails] == ["kim"]
        dropped = Message.objects.get(person=otto)
        assert (dropped.state, dropped.fault) == (
            MessageState.NEEDLESS, "Somebody had answered before this could go out.",
        )  # fmt: skip

    def test_a_night_is_one_message(self, box: Mailbox) -> None:
        asleep("otto")
        for number in range(3):
            watch.report(
                subject=f"system:{number}", title=f"System {number} does not answer", now=NIGHT,
                severity=Severity.MODERATE,
            )  # fmt: skip
        trouble(Severity.MODERATE, now=NIGHT)
        trouble(Severity.HIGH, now=NIGHT + HOUR)
        delivering.deliver(now=MORNING - HOUR)
        assert box.mails == []
        delivering.deliver(now=MORNING)
        (mail,) = box.mails
        assert mail["Subject"] == "From your quiet hours: 4 messages"
        text = str(mail.get_payload())
        assert text.count("INC-") == 4, "an incident's newest message stands for it"
        assert "Severity is high now, was moderate." in text
        assert sorted(Message.objects.values_list("state", flat=True)) == ["folded"] * 4 + ["sent"]

    def test_one_that_is_left_goes_as_it_is(self, box: Mailbox) -> None:
        asleep("otto")
        kim = somebody("kim")
        trouble(Severity.HIGH, now=NIGHT)
        other = watch.report(subject="system:psa", title="The PSA is silent", now=NIGHT)
        leading.take(incident=other, by=kim, now=NIGHT)
        delivering.deliver(now=MORNING)
        mine = [mail for mail in box.mails if "otto" in mail["To"]]
        assert [mail["Subject"].partition(": ")[2] for mail in mine] == [
            "New incident: High severity: The ERP does not answer"
        ]

    def test_it_says_the_same_when_it_must_be_tried_again(self, box: Mailbox) -> None:
        asleep("otto")
        trouble(Severity.HIGH, now=NIGHT)
        watch.report(subject="system:psa", title="The PSA is silent", now=NIGHT)
        box.refuse = 451
        delivering.deliver(now=MORNING)
        box.refuse = 0
        delivering.deliver(now=MORNING + HOUR)
        (mail,) = box.mails
        assert mail["Subject"] == "From your quiet hours: 2 messages"
