"""A worker's own clock may be wrong; what it writes down for others may not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from controltower.systems.models import Feed, System
from controltower.transactions import clock, polling

pytestmark = pytest.mark.django_db
A_MOMENT = timedelta(seconds=30)


@pytest.fixture
def feed() -> Feed:
    """A feed of a system where nobody listens, so that it is due again in ten seconds."""
    away = System.objects.create(
        slug="crm", title="CRM", domain="CRM", role="crm", connector="salesforce",
        connection="crm", base_url="http://127.0.0.1:9",
    )  # fmt: skip
    due = timezone.now() - timedelta(seconds=1)
    return Feed.objects.create(system=away, entity="opportunity", every_seconds=3, due_at=due)


@pytest.mark.parametrize("wrong_by", [timedelta(hours=-2), timedelta(0), timedelta(hours=2)])
def test_a_wrong_clock_puts_nothing_off(
    feed: Feed, wrong_by: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = timezone.now
    with monkeypatch.context() as here:
        here.setattr(timezone, "now", lambda: right() + wrong_by)
        assert abs(clock.now() - right()) < A_MOMENT
        polling.poll()
    feed.refresh_from_db()
    assert feed.trouble
    assert timedelta(0) < feed.due_at - timezone.now() < A_MOMENT
