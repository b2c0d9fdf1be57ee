"""Systems' health over HTTP, and pausing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from controltower.canonical.verdicts import Kind, Misconfigured, TryLater
from controltower.firm.models import AuditEntry
from controltower.systems import circuit
from controltower.systems.models import Call, Circuit, Feed, System
from tests.factories import Firm
from tests.web.cast import browser

pytestmark = pytest.mark.django_db
TRYTON = "/systems/tryton/"


@pytest.fixture
def tryton(firm: Firm) -> System:
    system = System.objects.get(slug="tryton")
    system.last_ok_at = timezone.now()
    system.save()
    return system


def page(client: Client, url: str = TRYTON) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def called(system: System, *milliseconds: int, reached: bool = True) -> None:
    now = timezone.now()
    Call.objects.bulk_create(
        Call(
            system=system,
            at=now - timedelta(minutes=len(milliseconds) - number),
            operation="send upsert invoice",
            milliseconds=length,
            verdict="done" if reached else "unavailable",
            reached=reached,
        )
        for number, length in enumerate(milliseconds)
    )


def test_call_time_and_errors_are_of_the_last_two_hours(firm: Firm, tryton: System) -> None:
    called(tryton, *[100] * 18, 300, 4000)
    called(tryton, 50, reached=False)
    Call.objects.create(
        system=tryton, at=timezone.now() - timedelta(hours=3), operation="old", milliseconds=60_000,
        verdict="done", reached=True,
    )  # fmt: skip
    text = page(browser(firm.jonas))
    assert "100 ms" in text
    assert "slowest 5 % 300 ms" in text
    assert "4.8%" in text
    assert "not reached" in text


def test_an_open_circuit_says_when_it_tries_again(firm: Firm, tryton: System) -> None:
    tryton.circuit, tryton.failures = Circuit.OPEN, 5
    tryton.retry_at = timezone.now() + timedelta(minutes=3)
    tryton.save()
    text = page(browser(firm.jonas))
    assert "Circuit open" in text
    assert "asks again" in text
    assert "Nothing is lost: calls wait here" in text
    tryton.retry_at = timezone.now() - timedelta(seconds=1)
    tryton.save()
    assert "Circuit testing" in page(browser(firm.jonas))


def test_the_list_says_whom_to_look_at_and_begins_with_it(firm: Firm, tryton: System) -> None:
    System.objects.exclude(pk=tryton.pk).update(last_ok_at=timezone.now())
    systems = System.objects.filter(active=True).count()
    assert f"All {systems} systems that are called are healthy." in page(
        browser(firm.jonas), "/systems/"
    )
    tryton.circuit, tryton.retry_at = Circuit.OPEN, timezone.now() + timedelta(minutes=3)
    tryton.save()
    text = page(browser(firm.jonas), "/systems/")
    assert f"{systems - 1} of {systems} systems are healthy; look at Tryton ERP." in text
    assert text.index('id="system-') == text.index('id="system-tryton"')


def test_those_never_called_are_told_and_stand_last(firm: Firm, tryton: System) -> None:
    System.objects.update(last_ok_at=timezone.now())
    System.objects.filter(pk=tryton.pk).update(last_ok_at=None)
    systems = System.objects.filter(active=True).count()
    text = page(browser(firm.jonas), "/systems/")
    assert f"All {systems - 1} systems that are called are healthy." in text
    assert "1 has not been called yet." in text
    assert text.rindex('id="system-') == text.index('id="system-tryton"')
    System.objects.exclude(pk=tryton.pk).filter(role="crm").update(paused_at=timezone.now())
    ill = System.objects.filter(paused_at__isnull=False).count()
    text = page(browser(firm.jonas), "/systems/")
    assert f"{systems - 1 - ill} of {systems} systems are healthy; look at" in text
    assert text.rindex('id="system-') == text.index('id="system-tryton"')


def test_a_held_connection_says_why_and_what_it_does_not_cost(firm: Firm, tryton: System) -> None:
    stranger = Misconfigured(kind=Kind.AUTH, text="Tryton refused the password of “tower”.")
    circuit.note(tryton, [stranger], timezone.now())
    client = browser(firm.otto)
    shown = page(client)
    assert "Sign-in refused" in shown and "refused the password" in shown
    assert "nothing has failed" in shown and "Sign in to Tryton ERP again" in shown
    assert "Sign-in refused" in page(client, "/systems/")
    client.post(f"{TRYTON}resumption/")
    assert "Sign-in refused" not in page(client)
    slower = TryLater(kind=Kind.RATE_LIMITED, text="slower", after=timedelta(minutes=9))
    circuit.note(System.objects.get(pk=tryton.pk), [slower], timezone.now())
    shown = page(client)
    assert "Asked us to wait" in shown and "other systems are not delayed" in shown


def test_slow_and_silent_have_their_own_words(firm: Firm, tryton: System) -> None:
    called(tryton, 9000, 9000)
    assert "Slow" in page(browser(firm.jonas))
    tryton.last_ok_at = timezone.now() - timedelta(minutes=46)
    tryton.save()
    assert "Silent for 46 min" in page(browser(firm.jonas))
    tryton.last_ok_at = None
    tryton.save()
    assert "Not called yet" in page(browser(firm.jonas), "/systems/")


def test_pausing_needs_a_reason_and_shows_what_queues(firm: Firm, tryton: System) -> None:
    firm.tell(firm.opportunity())
    otto = browser(firm.otto)
    assert "Nothing is lost: they go out in their order afterwards." in page(otto)
    assert (
        "Say why it is paused."
        in otto.post(f"{TRYTON}pause/", {"reason": " "}, follow=True).content.decode()
    )
    tryton.refresh_from_db()
    assert tryton.paused_at is None
    otto.post(f"{TRYTON}pause/", {"reason": "Upgrade at noon"})
    text = page(otto)
    assert "Paused by Otto Brandt: Upgrade at noon" in text
    assert "Resume Tryton ERP" in text
    otto.post(f"{TRYTON}resumption/")
    assert "Paused by" not in page(otto)
    assert [x.verb for x in AuditEntry.objects.filter(allowed=True).order_by("id")] == [
        "pause system",
        "resume system",
    ]


def test_without_the_right_pausing_is_shown_disabled_and_refused(
    firm: Firm, tryton: System
) -> None:
    anna = browser(firm.anna)
    assert "Only the administrator or integration operator may do this." in page(anna)
    answer = anna.post(f"{TRYTON}pause/", {"reason": "I want to"}, follow=True)
    assert "Only the administrator or integration operator may do this." in answer.content.decode()
    tryton.refresh_from_db()
    assert tryton.paused_at is None
    assert AuditEntry.objects.filter(verb="pause system", allowed=False).count() == 1


def test_waiting_work_is_counted_and_valued_within_the_persons_entities(
    firm: Firm, tryton: System
) -> None:
    firm.tell(firm.opportunity())
    otto, callum = browser(firm.otto), browser(firm.callum)
    assert "1 call for Salesforce worth €48K waits now." in page(otto, "/systems/salesforce/")
    assert "€48K, oldest" in page(otto, "/systems/salesforce/")
    assert "€48K" not in page(callum, "/systems/salesforce/")


def test_credentials_are_shown_as_references_never_as_values(
    firm: Firm, tryton: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANDBOX_TRYTON_PASSWORD", "not to be shown")
    tryton.secrets |= {"token": "planted in the row"}
    tryton.save()
    text = page(browser(firm.amara))
    assert "env:SANDBOX_TRYTON_PASSWORD" in text
    assert "not to be shown" not in text
    assert "planted in the row" not in text
    assert "kept in the settings" in text


def test_the_page_says_how_far_the_connector_is_proven(firm: Firm, tryton: System) -> None:
    text = page(browser(firm.jonas))
    assert "Proven so far" in text
    assert "JSON-RPC" in text


def test_a_feed_that_is_not_read_is_late(firm: Firm) -> None:
    Feed.objects.filter(system__slug="certinia", entity="timecard").update(
        polled_at=timezone.now() - timedelta(minutes=10)
    )
    Feed.objects.filter(system__slug="certinia", entity="expense").update(
        polled_at=timezone.now(), trouble="No permission to read expenses."
    )
    text = page(browser(firm.jonas), "/systems/certinia/")
    assert "read less often than agreed" in text
    assert "No permission to read expenses." in text


def test_a_feed_says_which_way_it_is_read_and_of_its_gaps(firm: Firm) -> None:
    crm, now = System.objects.get(slug="salesforce"), timezone.now()
    feeds = Feed.objects.filter(system=crm, entity="opportunity")
    feeds.update(polled_at=now)
    assert "by asking" in page(browser(firm.jonas), "/systems/salesforce/")
    crm.options = {"stream": {"url": "https://unset.invalid", "entities": ["opportunity"]}}
    crm.save()
    feeds.update(gap_at=now, ended_at=now - timedelta(seconds=1))
    text = page(browser(firm.jonas), "/systems/salesforce/")
    assert "by its stream" in text
    assert "what may be missing is read again" in text
    feeds.update(ended_at=now)
    assert "a gap, all read again" in page(browser(firm.jonas), "/systems/salesforce/")


def test_reading_writes_nothing(firm: Firm, tryton: System) -> None:
    client = browser(firm.otto)
    page(client, "/systems/")
    page(client)
    for url in ("pause", "resumption"):
        assert client.get(f"{TRYTON}{url}/").status_code == 405
    assert not AuditEntry.objects.exists()
    assert client.get("/systems/none/").status_code == 404
