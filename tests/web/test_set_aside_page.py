"""What could not become a transaction is shown, and read again on request."""

from __future__ import annotations

import pytest
from django.urls import reverse

from controltower.firm.models import AuditEntry
from controltower.transactions.models import EventState, InboundEvent
from tests.factories import found, signed_in, unreadable

pytestmark = pytest.mark.django_db


@pytest.fixture
def event() -> InboundEvent:
    return unreadable()


def test_it_is_listed_with_its_reason_and_linked_from_exceptions(event: InboundEvent) -> None:
    client = signed_in(found().otto)
    page = client.get(reverse("set_aside")).content.decode()
    assert "PT-9" in page
    assert event.reason.split(".")[0] in page
    assert reverse("set_aside") in client.get(reverse("exceptions")).content.decode()


def test_reading_it_again_is_recorded(event: InboundEvent) -> None:
    client = signed_in(found().otto)
    address = reverse("set_aside_readings", args=[event.pk])
    assert client.get(address).status_code == 405
    assert client.post(address).status_code == 302
    event.refresh_from_db()
    assert (event.state, event.deaths) == (EventState.RECEIVED, 0)
    assert AuditEntry.objects.filter(verb="read event again", allowed=True).count() == 1
    assert client.post(address).status_code == 404


def test_an_auditor_may_look_but_not_act(event: InboundEvent) -> None:
    client = signed_in(found().jonas)
    assert client.get(reverse("set_aside")).status_code == 200
    client.post(reverse("set_aside_readings", args=[event.pk]))
    event.refresh_from_db()
    assert event.state == EventState.QUARANTINED
    assert AuditEntry.objects.filter(verb="read event again", allowed=False).count() == 1


def test_one_companys_people_do_not_see_what_names_no_company(event: InboundEvent) -> None:
    client = signed_in(found().callum)
    assert "PT-9" not in client.get(reverse("set_aside")).content.decode()
    address = reverse("set_aside_readings", args=[event.pk])
    assert client.post(address).status_code == 404
