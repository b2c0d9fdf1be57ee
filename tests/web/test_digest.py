"""The daily mail: when it is due, what it says, and that it is written once and only on change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from django.db.transaction import atomic

from controltower.firm.models import Person
from controltower.incidents import delivering
from controltower.incidents.models import Message, MessageState, Wish
from controltower.web import digest, saved_views
from controltower.web.models import Digest
from tests import factories
from tests.factories import Firm, signed_in
from tests.incidents.mailbox import Mailbox, box

__all__ = ["box"]

pytestmark = pytest.mark.django_db
FRIDAY = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)
"""Half past seven in Berlin, half past six in London."""
NEXT_DAYS = (date(2026, 11, 23), date(2026, 11, 24), date(2026, 11, 25))


def wants(person: Person, at: time = time(7, 30)) -> Person:
    Wish.objects.update_or_create(person=person, defaults={"digest_at": at})
    return person


def names(now: datetime) -> set[str]:
    return {person.first_name for person, _day in digest.due(now=now)}


def test_it_comes_at_ones_own_time_on_the_working_days_of_ones_company(firm: Firm) -> None:
    wants(firm.anna)
    wants(firm.callum)
    assert names(FRIDAY - timedelta(minutes=1)) == set()
    assert names(FRIDAY) == {"Anna"}
    assert names(FRIDAY + timedelta(hours=1)) == {"Anna", "Callum"}
    assert names(FRIDAY + timedelta(hours=6)) == set(), "it would tell of another time"
    assert names(FRIDAY + timedelta(days=1, hours=1)) == set(), "a Saturday"
    boxing_day = datetime(2026, 12, 28, 8, 0, tzinfo=UTC)
    assert names(boxing_day) == {"Anna"}, "a bank holiday in London"


def test_it_says_the_sentence_and_the_views_with_links_in_ten_lines(
    firm: Firm, box: Mailbox
) -> None:
    bills = factories.stuck_bills(firm, 2)
    anna = wants(firm.anna)
    for number in range(6):
        saved_views.keep(
            page="transactions", query="stuck=1", name=f"View {number}", shared=False, mailed=True,
            by=anna, now=firm.now,
        )  # fmt: skip
    assert digest.write(anna, date(2026, 11, 20), now=firm.now)
    assert delivering.deliver(now=firm.now) == 1
    (mail,) = box.mails
    plain, rich = (str(part.get_payload()) for part in mail.walk() if not part.is_multipart())
    lines = plain.strip().splitlines()
    assert len(lines) <= 10
    assert "stuck between systems" in lines[0]
    assert mail["To"] == "anna.lindqvist@larkfield.example"
    cause = firm.cause(bills[0])
    assert any(f"https://tower.example/exceptions/{cause.pk}/" in line for line in lines)
    assert "View 0: 2 https://tower.example/tx/?stuck=1" in lines
    assert "3 more views of yours https://tower.example/tx/" in lines
    assert 'href="https://tower.example/tx/?stuck=1"' in rich
    assert not {"<style", "style=", "<script", "<img"} & set(rich.split())
    seen = signed_in(anna).get("/messages/").content.decode()
    assert "stuck between systems" in seen
    assert "stuck between systems" not in signed_in(firm.otto).get("/messages/").content.decode()


def test_it_tells_each_only_what_they_may_see(firm: Firm) -> None:
    factories.stuck_bills(firm, 2)
    digest.write(wants(firm.callum), NEXT_DAYS[0], now=firm.now)
    message = Message.objects.get(person=firm.callum)
    assert message.text.startswith("Nothing is stuck.")


def test_nothing_is_sent_while_nothing_changes(firm: Firm) -> None:
    factories.stuck_bills(firm, 1)
    anna = wants(firm.anna)
    first, second, third = NEXT_DAYS
    assert digest.write(anna, first, now=firm.now)
    assert not digest.write(anna, second, now=firm.now)
    assert Digest.objects.get(day=second).message is None
    factories.stuck_bills(firm, 1)
    assert digest.write(anna, third, now=firm.now)


def test_it_is_written_once_whoever_dies_and_whoever_comes_twice(
    firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, day = wants(firm.anna), NEXT_DAYS[0]

    class Killed(Exception):
        """The worker dies between the note and the message."""

    def dies(*_arguments: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(digest, "_message", dies)
        with pytest.raises(Killed), atomic():
            digest.write(anna, day, now=firm.now)
    assert not Digest.objects.exists()
    assert [digest.write(anna, day, now=firm.now) for _ in range(3)] == [True, False, False]
    assert Message.objects.count() == 1


def test_what_was_sent_but_not_noted_goes_out_under_the_same_id(firm: Firm, box: Mailbox) -> None:
    digest.write(wants(firm.anna), NEXT_DAYS[0], now=firm.now)
    box.drop = True
    delivering.deliver(now=firm.now)
    box.drop = False
    delivering.deliver(now=firm.now + timedelta(hours=1))
    first, again = box.mails
    assert first["Message-ID"] == again["Message-ID"]
    assert Message.objects.get().state == MessageState.SENT


def test_it_speaks_the_language_of_its_reader(firm: Firm) -> None:
    anna = wants(firm.anna)
    Person.objects.filter(pk=anna.pk).update(language="de")
    anna.refresh_from_db()
    digest.write(anna, NEXT_DAYS[0], now=firm.now)
    assert 'lang="de"' in Message.objects.get().html
