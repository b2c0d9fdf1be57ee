"""Interpretation gives way to steps that have fallen behind, and what waits in turn is in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from controltower.canonical.events import CanonicalEvent
from controltower.measures.checks import events
from controltower.measures.checks.finding import Span
from controltower.systems.models import System
from controltower.transactions import giving_way, intake, interpretation, locks
from controltower.transactions.lines import Line
from controltower.transactions.locks import BEHIND, Sign
from controltower.transactions.world import world
from tests.factories import Firm, found

pytestmark = pytest.mark.django_db
FAR = 600.0
"""Seconds of work, of which the rest would outlast every test."""


@pytest.fixture
def firm() -> Firm:
    return found()


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Callable[[], None]], None]]:
    """Does something as another worker would, in a session of its own."""
    session = connection.copy()

    def there(what: Callable[[], None]) -> None:
        with monkeypatch.context() as its:
            its.setattr(locks, "connection", session)
            what()

    yield there
    session.close()


def test_it_rests_until_the_steps_have_caught_up(
    elsewhere: Callable[[Callable[[], None]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    behind, looks = Sign(BEHIND), []
    elsewhere(behind.show)
    assert behind.shown

    def sleep(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            elsewhere(behind.hide)

    monkeypatch.setattr(giving_way, "sleep", sleep)
    giving_way.give_way(FAR)
    assert len(looks) == 3


def test_it_goes_on_though_the_steps_never_catch_up(
    elsewhere: Callable[[Callable[[], None]], None],
) -> None:
    """The events of others wait for their share, not for ever."""
    elsewhere(Sign(BEHIND).show)
    giving_way.give_way(0.01)


def test_a_worker_that_dies_holds_nothing_back(monkeypatch: pytest.MonkeyPatch) -> None:
    session = connection.copy()
    with monkeypatch.context() as its:
        its.setattr(locks, "connection", session)
        Sign(BEHIND).show()
    session.close()
    giving_way.give_way(FAR)


def test_steps_are_behind_when_systems_have_nothing_to_do(firm: Firm) -> None:
    """More is due than there is room for; but a system that does not answer is what is slow."""
    System.objects.filter(connection="salesforce-org").update(concurrency=2)
    for _deal in range(10):
        firm.tell(firm.opportunity())
    line, now = Line("salesforce-org"), timezone.now()
    assert len(line.claim(world(), now, unanswered=0)) == 4
    assert (line.crowded, line.behind) == (True, True)
    assert len(line.claim(world(), now, unanswered=4)) == 4
    assert (line.crowded, line.behind) == (True, False)
    assert len(line.claim(world(), now, unanswered=0)) == 2
    assert (line.crowded, line.behind) == (False, False)


def test_an_event_may_wait_as_long_as_it_is_in_turn(firm: Firm) -> None:
    """Received long ago: while events are read, oldest first, it is only late."""
    now = timezone.now()
    _read(firm.opportunity(), received=firm.now, taken_up=now)
    _store(firm.opportunity(), received=firm.now)
    assert _unread(now) == []
    _read(firm.opportunity(), received=now, taken_up=now)
    assert len(_unread(now)) == 1


def test_no_event_waits_while_nothing_is_read(firm: Firm) -> None:
    _read(firm.opportunity(), received=firm.now, taken_up=firm.now)
    _store(firm.opportunity(), received=firm.now)
    assert len(_unread(firm.now + timedelta(minutes=5))) == 1


def _store(fact: CanonicalEvent, *, received: datetime) -> intake.Receipt:
    return intake.receive(facts=[(b"{}", fact)], signature="polled", now=received)


def _read(fact: CanonicalEvent, *, received: datetime, taken_up: datetime) -> None:
    (event,) = _store(fact, received=received).stored
    interpretation.interpret(event, now=taken_up)


def _unread(now: datetime) -> list[str]:
    return list(events.in_one_state(Span(now)).breaches)
