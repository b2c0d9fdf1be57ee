"""Events are taken up by two workers at once, and by one job after the other."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection

from controltower import queues
from controltower.canonical.records import TimeEntry
from controltower.transactions import clock, interpretation, jobs
from controltower.transactions.models import EventState, InboundEvent, Item
from tests import factories
from tests.transactions.test_taking_up import RECEIVED, states, told

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_backlog_is_left_to_the_next_job(monkeypatch: pytest.MonkeyPatch) -> None:
    firm = factories.found()
    told(firm, *(firm.opportunity() for _ in range(101)))
    queues.connection().flushdb()
    monkeypatch.setattr(clock, "now", lambda: firm.now)
    monkeypatch.setattr(jobs, "AT_ONCE", 0)
    jobs.interpret()
    assert sorted(states().values()).count(RECEIVED) == 1
    assert queues.queue(queues.INTAKE).count == 1, "and it is rung for"
    jobs.interpret()
    assert RECEIVED not in states().values()


@pytest.mark.parametrize("first", ["approved", "withdrawn"])
def test_of_one_record_a_fact_is_read_at_a_time(
    first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers, and neither has seen what the other one was about to keep."""
    firm = factories.found()
    card = firm.timecard(firm.deal())
    assert isinstance(card.record, TimeEntry)
    withdrawn = replace(card.record, approved=False)
    facts = [card, replace(card, id=f"{card.id}:2", version="9" * 12, record=withdrawn)]
    reading, kept = threading.Event(), threading.Event()
    close = interpretation._close

    def closing(event: InboundEvent, state: EventState, reason: str) -> None:
        close(event, state, reason)
        if threading.current_thread() is other:
            reading.set()
            kept.wait(60)

    def work() -> None:
        try:
            interpretation.interpret_due(limit=100, now=firm.now)
        finally:
            connection.close()

    monkeypatch.setattr(interpretation, "_close", closing)
    other = threading.Thread(target=work)
    told(firm, facts.pop(0 if first == "approved" else 1))
    other.start()
    assert reading.wait(60)
    told(firm, *facts)
    interpretation.interpret_due(limit=100, now=firm.now)
    kept.set()
    other.join()
    interpretation.interpret_due(limit=100, now=firm.now + timedelta(seconds=2))
    assert RECEIVED not in InboundEvent.objects.values_list("state", flat=True)
    billed = [one.transaction for one in Item.objects.filter(source_id=card.record.source_id)]
    assert sum((one.amount for one in billed if one.gathering), Decimal(0)) == 0
