"""Bodies go while others work: what somebody holds is left, and others have their turn between."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.db.transaction import atomic
from pytest_django import Settings

from controltower import queues
from controltower.transactions import bodies, jobs
from controltower.transactions.models import InboundEvent
from tests.factories import found

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_somebody_holds_is_left_for_the_next_round(settings: Settings) -> None:
    settings.KEEP_RAW = timedelta(days=30)
    firm = found()
    later, held = firm.now + timedelta(days=31), firm.deal()
    firm.deal()
    gone: list[int] = []

    def elsewhere() -> None:
        gone.append(bodies.remove(now=later))
        connection.close()

    with atomic():
        InboundEvent.objects.select_for_update().get(items__transaction=held)
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    assert gone == [1]
    assert bodies.remove(now=later) == 1


def test_a_job_takes_one_set_and_rings_for_the_next(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.KEEP_RAW = timedelta(days=30)
    firm = found()
    for _deal in range(3):
        firm.deal()
    InboundEvent.objects.update(received_at=firm.now - timedelta(days=31))
    monkeypatch.setattr(bodies, "SET", 2)
    rung: list[str] = []
    monkeypatch.setattr(queues, "ring_now", lambda _queue, name: rung.append(name))
    there = InboundEvent.objects.filter(raw__isnull=False)
    jobs.remove_bodies()
    assert (there.count(), rung) == (1, ["remove_bodies"])
    jobs.remove_bodies()
    assert (there.count(), rung) == (0, ["remove_bodies"])
