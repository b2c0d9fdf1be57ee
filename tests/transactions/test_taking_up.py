"""Events are taken up so that none pays for another: neither for its worker's death, nor for the
end of its job's time."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from rq.timeouts import JobTimeoutException

from controltower import queues
from controltower.canonical.events import CanonicalEvent
from controltower.transactions import intake, interpretation, stored
from controltower.transactions.models import EventState, InboundEvent
from tests.factories import Firm

RECEIVED, ACCEPTED = EventState.RECEIVED, EventState.ACCEPTED


class Killed(BaseException):
    """What ends a worker without a word."""


def told(firm: Firm, *facts: CanonicalEvent) -> None:
    intake.receive(facts=[(b"{}", fact) for fact in facts], signature="polled", now=firm.now)


def states() -> dict[str, str]:
    return dict(InboundEvent.objects.values_list("subject", "state"))


def at(subject: str, act: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """When the fact about this record is read, this happens."""

    def reading(event: InboundEvent) -> CanonicalEvent:
        if event.subject == subject:
            act()
        return stored.canonical(event)

    monkeypatch.setattr("controltower.transactions.interpretation.canonical", reading)


@pytest.mark.django_db
def test_who_kills_its_worker_takes_nobody_along(
    firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    deals = [firm.opportunity() for _ in range(12)]
    told(firm, *deals)

    def die() -> None:
        raise Killed

    at(deals[5].subject, die, monkeypatch)
    now, deaths = firm.now, 0
    while EventState.RECEIVED in states().values():
        try:
            while interpretation.interpret_due(limit=100, now=now):
                pass
        except Killed:
            deaths += 1
        now += timedelta(seconds=31)
    assert deaths == 3
    wrong = {subject for subject, state in states().items() if state != ACCEPTED}
    assert wrong == {deals[5].subject}
    assert "stopped its worker" in InboundEvent.objects.get(subject=deals[5].subject).reason


@pytest.mark.django_db
def test_the_end_of_a_jobs_time_is_no_fault_of_an_event(
    firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    (deal,) = deals = [firm.opportunity()]
    told(firm, *deals)
    at(deal.subject, lambda: time.sleep(60), monkeypatch)
    limit = queues.TowerWorker.death_penalty_class(1, JobTimeoutException)
    with pytest.raises(queues.OutOfTime), limit:
        interpretation.interpret_due(limit=100, now=firm.now)
    assert states() == {deal.subject: RECEIVED}
