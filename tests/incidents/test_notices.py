"""Who is told of an incident, when, and that each message goes out once or is shown not to."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from controltower.canonical.verdicts import Done, Outcome, TryLater, Unknown, Verdict
from controltower.canonical.verdicts import Kind as Failure
from controltower.firm.models import Person, Role
from controltower.incidents import delivering, leading, notices, watch
from controltower.incidents.models import (
    Channel,
    Incident,
    Message,
    MessageState,
    Severity,
    Wish,
)
from controltower.incidents.promises import UPDATED_WITHIN
from tests.factories import SEAT
from tests.incidents.mailbox import Mailbox, box
from tests.web.cast import person

__all__ = ["box"]

pytestmark = pytest.mark.django_db
NOW = timezone.now()
FIGURES = (
    {"entity": "LF-DE", "count": 3, "amount": "1200.50", "late": "200", "currency": "EUR"},
    {"entity": "LF-UK", "count": 1, "amount": "99", "late": "0", "currency": "EUR"},
)


def somebody(name: str, role: Role = Role.OPERATOR, code: str | None = None) -> Person:
    made = person(name, role, code)
    Person.objects.filter(pk=made.pk).update(email=f"{name}@larkfield.example")
    made.refresh_from_db()
    return made


def trouble(severity: Severity = Severity.HIGH, now: datetime = NOW, **more: Any) -> Incident:
    return watch.report(
        subject="system:erp", title="The ERP does not answer", severity=severity, now=now,
        figures=FIGURES, **more,
    )  # fmt: skip


def test_an_incident_is_told_once_with_money_deadline_and_links(box: Mailbox) -> None:
    somebody("otto")
    incident = trouble()
    trouble()
    assert delivering.deliver(now=NOW) == 1
    assert delivering.deliver(now=NOW + timedelta(hours=1)) == 0
    (mail,) = box.mails
    assert mail["To"] == "otto@larkfield.example"
    assert f"INC-{incident.pk}" in mail["Subject"]
    text = str(mail.get_payload())
    assert "4 transactions worth EUR 1,299.50 hang on it, EUR 200.00 of it is late." in text
    assert "Nobody leads it yet: it waits for the integration operator." in text
    assert incident.acknowledge_by is not None
    by = f"{incident.acknowledge_by.astimezone(SEAT):%d %B %Y %H:%M}"
    assert f"Take it by {by} (Europe/Berlin)." in text
    assert f"https://tower.example/incidents/{incident.pk}/" in text
    (sent,) = Message.objects.all()
    assert (sent.state, sent.tries) == (MessageState.SENT, 1)


def test_a_message_says_when_the_money_is_due(box: Mailbox) -> None:
    somebody("otto")
    somebody("callum", Role.OPERATOR, "LF-UK")
    german, british = FIGURES
    german, british = (
        {**german, "due": "2026-11-20T17:00:00+00:00"},
        {**british, "due": "2026-11-24T09:30:00+00:00"},
    )
    watch.report(subject="system:erp", title="x", now=NOW, figures=(german, british))
    delivering.deliver(now=NOW)
    texts = {mail["To"].split("@")[0]: str(mail.get_payload()) for mail in box.mails}
    assert "First due 20 November 2026 18:00 (Europe/Berlin)." in texts["otto"]
    assert "First due 24 November 2026 10:30 (Europe/Berlin)." in texts["callum"]


def test_who_may_not_lead_is_not_told_alone(box: Mailbox) -> None:
    somebody("lena", Role.STEWARD)
    somebody("otto")
    watch.report(
        subject="cause:1", title="A tax code is refused", owner_role=Role.STEWARD, now=NOW,
        figures=FIGURES,
    )  # fmt: skip
    delivering.deliver(now=NOW)
    assert {mail["To"] for mail in box.mails} == {
        "lena@larkfield.example", "otto@larkfield.example",
    }  # fmt: skip
    text = str(box.mails[0].get_payload())
    assert "it waits for the data steward or integration operator" in text


def test_whoever_sees_one_company_is_told_of_its_money_alone(box: Mailbox) -> None:
    somebody("callum", Role.OPERATOR, "LF-UK")
    trouble()
    delivering.deliver(now=NOW)
    assert "1 transaction worth EUR 99.00 hangs on it; nothing is late yet." in str(
        box.mails[0].get_payload()
    )
    assert "1,299" not in str(box.mails[0])


def test_unanswered_it_climbs_to_the_next_role(box: Mailbox) -> None:
    somebody("otto")
    somebody("anna", Role.CONTROLLER)
    trouble()
    watch.miss(now=NOW + timedelta(hours=2))
    delivering.deliver(now=NOW + timedelta(hours=2))
    assert [mail["To"].split("@")[0] for mail in box.mails] == ["otto", "anna"]
    assert "Nobody has answered" in box.mails[1]["Subject"]


def test_whoever_takes_it_is_the_only_one_who_hears_more(box: Mailbox) -> None:
    otto, zoe = somebody("otto"), somebody("zoe")
    incident = trouble()
    delivering.deliver(now=NOW)
    leading.hand_over(incident=incident, owner=zoe, deputy=None, by=otto, now=NOW)
    delivering.deliver(now=NOW)
    assert len(box.mails) == 3
    assert box.mails[2]["To"] == "zoe@larkfield.example"


def test_who_is_named_is_told_what_they_are_now(box: Mailbox) -> None:
    otto, zoe, kim = (somebody(name) for name in ("otto", "zoe", "kim"))
    incident = trouble(Severity.MODERATE)
    Wish.objects.create(person=kim, tickets=False)
    Message.objects.all().delete()
    leading.hand_over(incident=incident, owner=zoe, deputy=kim, by=otto, now=NOW)
    assert begun() == {"zoe": "You lead it now", "kim": "You are its deputy"}
    leading.hand_over(incident=incident, owner=kim, deputy=zoe, by=otto, now=NOW)
    assert begun() == {"zoe": "You are its deputy", "kim": "You lead it now"}
    leading.hand_over(incident=incident, owner=kim, deputy=zoe, by=otto, now=NOW)
    assert Message.objects.count() == 4, "nothing was new to anybody"
    leading.take(incident=incident, by=zoe, now=NOW)
    incident.refresh_from_db()
    assert (incident.owner, incident.deputy) == (zoe, None)
    assert begun() == {"zoe": "You are its deputy", "kim": "You lead it no longer"}


def test_a_deputy_who_takes_over_is_told_with_the_money(box: Mailbox) -> None:
    otto, zoe = somebody("otto"), somebody("zoe")
    incident, now = trouble(), NOW
    leading.hand_over(incident=incident, owner=otto, deputy=zoe, by=otto, now=now)
    (company,) = FIGURES[:1]
    grown = [{**company, "count": 7, "amount": "8000.00"}]
    for _twice in range(2):
        now += UPDATED_WITHIN[Severity.HIGH]
        watch.miss(now=now, figures_of=lambda _one: grown)
        assert begun()["otto"] in {"The update is due", "You lead it no longer"}
    assert begun() == {"otto": "You lead it no longer", "zoe": "You lead it now"}
    delivering.deliver(now=now)
    text = next(str(mail.get_payload()) for mail in reversed(box.mails) if "zoe" in mail["To"])
    assert "2 updates due from otto did not come: zoe takes over." in text
    assert "7 transactions worth EUR 8,000.00" in text, "as it is by now"


def begun() -> dict[str, str]:
    """How the latest message to each person begins."""
    sent = Message.objects.order_by("pk").select_related("person")
    return {one.person.username: one.subject.split(": ")[1] for one in sent}


def test_what_is_over_is_not_told_any_more(box: Mailbox) -> None:
    somebody("otto")
    incident = trouble()
    watch.resolve(incident, by="tower", note="gone", now=NOW)
    delivering.deliver(now=NOW)
    assert box.mails == []
    assert Message.objects.get().state == MessageState.NEEDLESS


@pytest.mark.parametrize(
    ("at", "severity", "goes"),
    [
        ("2026-11-20T23:30", Severity.HIGH, "2026-11-21T07:00"),
        ("2026-11-21T03:00", Severity.HIGH, "2026-11-21T07:00"),
        ("2026-11-21T07:00", Severity.HIGH, "2026-11-21T07:00"),
        ("2026-11-20T21:59", Severity.HIGH, "2026-11-20T21:59"),
        ("2026-11-21T03:00", Severity.HIGHEST, "2026-11-21T03:00"),
        ("2026-03-28T23:00", Severity.HIGH, "2026-03-29T07:00"),
    ],
)
def test_quiet_hours_are_the_persons_own(at: str, severity: Severity, goes: str) -> None:
    otto = Person(username="otto", zone="Europe/Berlin")
    wish = Wish(person=otto, quiet_from=time(22), quiet_until=time(7), wakes=True)
    berlin = ZoneInfo("Europe/Berlin")
    now = datetime.fromisoformat(at).replace(tzinfo=berlin).astimezone(UTC)
    due = notices.after_quiet(wish, otto, now, wakes=severity == Severity.HIGHEST)
    assert due == datetime.fromisoformat(goes).replace(tzinfo=berlin)


def test_wishes_are_kept(box: Mailbox) -> None:
    otto, zoe, kim = (somebody(name) for name in ("otto", "zoe", "kim"))
    Wish.objects.create(person=otto, mail=False)
    Wish.objects.create(person=zoe, tickets=False)
    Wish.objects.create(person=kim, slack_channel="C123", teams_team="9c1d2b7e")
    trouble(Severity.MODERATE)
    found = set(Message.objects.values_list("person__username", "channel", "to"))
    assert found == {
        ("kim", "mail", "kim@larkfield.example"),
        ("kim", "slack", "C123"),
        ("kim", "teams", "9c1d2b7e"),
    }


def test_a_server_that_is_away_or_busy_is_tried_again_with_the_same_identity(
    box: Mailbox,
) -> None:
    somebody("otto")
    trouble()
    box.refuse = 451
    delivering.deliver(now=NOW)
    waits = Message.objects.get()
    assert (waits.state, waits.due_at > NOW) == (MessageState.WAITING, True)
    box.refuse, box.drop = 0, True
    delivering.deliver(now=waits.due_at)
    box.drop = False
    waits.refresh_from_db()
    assert (waits.state, "did not answer" in waits.fault) == (MessageState.WAITING, True)
    delivering.deliver(now=waits.due_at)
    waits.refresh_from_db()
    assert waits.state == MessageState.SENT
    assert len({mail["Message-ID"] for mail in box.mails}) == 1


def test_an_address_that_is_refused_for_good_is_shown(box: Mailbox) -> None:
    somebody("otto")
    trouble()
    box.refuse = 550
    delivering.deliver(now=NOW)
    failed = Message.objects.get()
    assert (failed.state, failed.fault) == (
        MessageState.FAILED, "The mail server refused it (550).",
    )  # fmt: skip
    assert delivering.deliver(now=NOW + timedelta(days=1)) == 0


def test_a_server_that_stays_away_ends_in_a_failure_that_is_shown(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    somebody("otto")
    trouble()
    for tries in range(delivering.MOST_TRIES):
        assert delivering.deliver(now=NOW + timedelta(days=tries)) == 1
    assert Message.objects.get().state == MessageState.FAILED


@pytest.mark.parametrize(
    ("verdict", "state"),
    [
        (Done(ref="C123", outcome=Outcome.CREATED), MessageState.SENT),
        (Unknown(text="The connection broke."), MessageState.DOUBT),
        (TryLater(kind=Failure.RATE_LIMITED, text="Slow down."), MessageState.WAITING),
    ],
)
@pytest.mark.parametrize("way", [{"slack_channel": "C123"}, {"teams_team": "9c1d2b7e"}])
def test_what_a_chat_may_show_twice_is_not_sent_again(
    monkeypatch: pytest.MonkeyPatch, verdict: Verdict, state: MessageState, way: dict[str, str]
) -> None:
    kim = somebody("kim")
    Wish.objects.create(person=kim, mail=False, **way)
    monkeypatch.setattr(delivering, "_chat", lambda _message, _channel: verdict)
    trouble()
    delivering.deliver(now=NOW)
    assert Message.objects.get().state == state


def test_a_sender_that_stopped_leaves_nothing_behind(box: Mailbox) -> None:
    kim = somebody("kim")
    Wish.objects.create(person=kim, slack_channel="C123")
    trouble()
    Message.objects.update(state=MessageState.SENDING, tries=1, due_at=NOW - timedelta(minutes=1))
    delivering.deliver(now=NOW)
    assert Message.objects.get(channel=Channel.MAIL).state == MessageState.SENT
    assert Message.objects.get(channel=Channel.SLACK).state == MessageState.DOUBT
