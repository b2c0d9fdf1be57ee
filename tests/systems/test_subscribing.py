"""Subscriptions of vendors are watched: missed when they are gone, told before they end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from controltower.canonical.verdicts import Kind, Rejected
from controltower.incidents import expiring
from controltower.incidents.models import OPEN, Incident
from controltower.systems import subscribing
from controltower.systems.calls import Door
from controltower.systems.models import Feed, Subscription, System
from integrations.connector import CallFailed
from integrations.connector import Subscription as Seen
from tests.factories import found

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Seen]:
    """What the vendor says that it sends us; changed by the test."""
    found()
    System.objects.create(
        slug="hooks", title="Hooks", domain="HRIS", role="hris", connector="bamboohr",
        connection="hooks", base_url="http://127.0.0.1:9",
    )  # fmt: skip
    told = list[Seen]()

    async def answered(door: Door, address: str) -> Sequence[Seen]:
        assert address == f"{settings.ADDRESS}/inbound/{door.system.slug}/"
        return told if door.system.slug == "hooks" else []

    monkeypatch.setattr(Door, "subscriptions", answered)
    return told


def _due(now: datetime) -> list[str]:
    expiring.follow(now=now)
    mine = Incident.objects.filter(state__in=OPEN, subject__contains=":subscription:")
    return list(mine.values_list("title", flat=True))


def test_what_was_never_there_is_not_missed(seen: list[Seen]) -> None:
    now = timezone.now()
    assert subscribing.watch(now=now)
    assert not Subscription.objects.exists()
    assert _due(now) == []


def test_what_has_to_be_there_is_missed(seen: list[Seen]) -> None:
    now = timezone.now()
    System.objects.filter(slug="hooks").update(options={"messages": True})
    subscribing.watch(now=now)
    (title,) = _due(now)
    assert f"There is none that points at {settings.ADDRESS}/inbound/hooks/" in title
    seen.append(Seen("resource", "7"))
    subscribing.watch(now=now + timedelta(minutes=5))
    assert Subscription.objects.get().trouble == ""


def test_what_vanishes_is_an_incident_until_it_is_back(seen: list[Seen]) -> None:
    now = timezone.now()
    seen.append(Seen("resource", "7"))
    subscribing.watch(now=now)
    assert _due(now) == []
    seen.clear()
    for minutes in (5, 10):
        subscribing.watch(now=now + timedelta(minutes=minutes))
    (title,) = _due(now + timedelta(minutes=10))
    assert "resource" in title and subscribing.GONE in title
    assert Subscription.objects.get().troubled_at == now + timedelta(minutes=5)
    seen.append(Seen("resource", "8"))
    subscribing.watch(now=now + timedelta(minutes=15))
    _due(now + timedelta(minutes=15))
    (incident,) = Incident.objects.filter(subject__contains=":subscription:")
    assert incident.quiet_since is not None


def test_what_ends_is_told_a_day_ahead(seen: list[Seen]) -> None:
    now = timezone.now()
    seen.append(Seen("resource", "7", expires_at=now + timedelta(days=3)))
    seen.append(Seen("resource", "8", expires_at=now + timedelta(days=2)))
    subscribing.watch(now=now)
    assert Subscription.objects.get().ref == "7"
    assert _due(now + timedelta(hours=47)) == []
    (title,) = _due(now + timedelta(hours=49))
    assert "ends on" in title


def test_one_that_works_counts_before_one_that_does_not(seen: list[Seen]) -> None:
    now = timezone.now()
    seen.append(Seen("resource", "6", trouble="Switched off."))
    subscribing.watch(now=now)
    assert Subscription.objects.get().trouble == "Switched off."
    seen.append(Seen("resource", "7", expires_at=now + timedelta(days=1)))
    subscribing.watch(now=now)
    assert (Subscription.objects.get().ref, Subscription.objects.get().trouble) == ("7", "")


def test_nobody_misses_what_need_not_be_there(seen: list[Seen]) -> None:
    now = timezone.now()
    seen.append(Seen("resource", "7"))
    subscribing.watch(now=now)
    System.objects.filter(slug="hooks").update(options={"messages": False})
    seen.clear()
    subscribing.watch(now=now)
    assert not Subscription.objects.exists()
    assert _due(now) == []


def test_a_system_that_does_not_answer_says_nothing_new(seen: list[Seen]) -> None:
    now = timezone.now()
    seen.append(Seen("resource", "7"))
    subscribing.watch(now=now)
    System.objects.filter(slug="hooks").update(paused_at=now)
    seen.clear()
    subscribing.watch(now=now + timedelta(minutes=5))
    assert Subscription.objects.get().trouble == ""


REFUSED = "The notification URL did not answer."


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Seen]:
    """What a vendor tells us whose subscriptions are ours to make; of invoices it tells nothing."""
    found()
    system = System.objects.create(
        slug="books", title="Books", domain="ERP", role="erp", connector="business_central",
        connection="books", base_url="http://127.0.0.1:9", options={"messages": True},
    )  # fmt: skip
    for entity in ("customer", "invoice"):
        Feed.objects.create(system=system, entity=entity, due_at=timezone.now())
    told = list[Seen]()

    async def subscribed(door: Door, address: str, entities: Sequence[str]) -> None:
        assert address == f"{settings.ADDRESS}/inbound/books/"
        assert set(entities) == {"customer", "invoice"}
        if not any(one.entity == "customer" for one in told):
            told.append(Seen("customer", "1", expires_at=timezone.now() + timedelta(days=3)))
        raise CallFailed(Rejected(kind=Kind.VALIDATION, text=REFUSED))

    async def answered(door: Door, address: str) -> Sequence[Seen]:
        return told if door.system.slug == "books" else []

    monkeypatch.setattr(Door, "subscribe", subscribed)
    monkeypatch.setattr(Door, "subscriptions", answered)
    return told


def test_what_is_ours_to_subscribe_is_made_for_what_is_read(made: list[Seen]) -> None:
    now = timezone.now()
    subscribing.watch(now=now)
    seen = {one.entity: one.trouble for one in Subscription.objects.all()}
    assert seen.keys() == {"customer", "invoice"}, "credit notes are not read"
    assert (seen["customer"], REFUSED in seen["invoice"]) == ("", True)


def test_what_cannot_be_renewed_is_told_while_there_is_time(made: list[Seen]) -> None:
    now = timezone.now()
    for hours, troubled in ((47, False), (20, True)):
        made[:] = [Seen("customer", "1", expires_at=now + timedelta(hours=hours))]
        subscribing.watch(now=now)
        trouble = Subscription.objects.get(entity="customer").trouble
        assert (REFUSED in trouble) is troubled, hours


def test_nothing_is_subscribed_that_nobody_asked_for(made: list[Seen]) -> None:
    System.objects.update(options={})
    subscribing.watch(now=timezone.now())
    assert made == []
    assert not Subscription.objects.exists()
