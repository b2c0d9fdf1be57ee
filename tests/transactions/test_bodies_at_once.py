"""Bodies go while others work: what somebody holds is left for the next round."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.db.transaction import atomic
from pytest_django import Settings

from controltower.transactions import bodies
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
