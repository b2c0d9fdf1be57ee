"""What holds a whole connection: a refused sign-in, and the wish to be called less often."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from time import monotonic
from typing import Any

import pytest
from django.utils import timezone

from controltower.canonical.verdicts import (
    Done,
    Effect,
    Kind,
    Misconfigured,
    Outcome,
    TryLater,
    Verdict,
)
from controltower.systems import calls, circuit, holding, upkeep
from controltower.systems.models import System
from controltower.systems.pace import Pace
from controltower.transactions.drain import connections_due
from controltower.transactions.protocol import (
    MOST_PROBES,
    MOST_TRIES,
    Purpose,
    Situation,
    State,
    judge,
)
from tests.factories import Firm

stranger = Misconfigured(kind=Kind.AUTH, text="Signing in was refused.")
slower = TryLater(kind=Kind.RATE_LIMITED, text="slower", after=timedelta(seconds=40))
busy = TryLater(kind=Kind.TRANSIENT, text="busy")
well = Done(ref="1", outcome=Outcome.READ)


def _of(slug: str) -> System:
    return System.objects.get(slug=slug)


@pytest.mark.django_db
def test_a_refused_sign_in_holds_its_connection_alone(firm: Firm) -> None:
    now, crm = timezone.now(), _of("salesforce")
    firm.tell(firm.opportunity())
    assert crm.connection in connections_due()
    assert circuit.note(crm, [well, stranger, stranger], now)
    assert not circuit.note(_of("certinia"), [stranger], now), "it is known"
    assert _of("certinia").refused_at == now, "one connection, one sign-in"
    assert _of("tryton").refused_at is None
    assert circuit.allowance(_of("salesforce"), 5, now) == 0
    assert circuit.allowance(_of("tryton"), 5, now) == 5
    assert connections_due() == []
    circuit.note(_of("salesforce"), [well], now)
    assert _of("salesforce").refused_at == now, "what was under way ends no hold"
    upkeep.resume(system=_of("certinia"), by=firm.otto, now=now)
    assert _of("salesforce").refused_at is None
    assert crm.connection in connections_due()


@pytest.mark.django_db
def test_a_limit_rests_its_connection_until_then(firm: Firm) -> None:
    now, soon = timezone.now(), timedelta(seconds=5)
    assert circuit.note(_of("salesforce"), [slower], now)
    shorter = TryLater(kind=Kind.RATE_LIMITED, text="slower", after=soon)
    circuit.note(_of("certinia"), [shorter], now)
    assert _of("certinia").slow_until == now + timedelta(seconds=40), "the longest counts"
    assert circuit.allowance(_of("certinia"), 5, now) == 0
    assert circuit.allowance(_of("tryton"), 5, now) == 5
    assert circuit.allowance(_of("certinia"), 5, now + timedelta(seconds=41)) == 5
    held = set(System.objects.filter(active=True)) - set(System.objects.callable(now))
    assert {one.slug for one in held} == {"salesforce", "certinia"}


@pytest.mark.parametrize(
    "verdict",
    [
        well,
        TryLater(kind=Kind.TRANSIENT, text="busy", after=timedelta(seconds=9)),
        Misconfigured(kind=Kind.PERMISSION, text="not this object"),
    ],
)
def test_what_is_of_one_record_holds_nobody(verdict: Verdict) -> None:
    assert not holding.refuses_sign_in(verdict)
    assert holding.pause_asked(verdict) is None


def test_nobody_is_believed_for_ever() -> None:
    endless = TryLater(kind=Kind.RATE_LIMITED, text="", after=timedelta(days=900))
    assert holding.pause_asked(endless) == holding.LONGEST_PAUSE
    assert holding.pause_asked(TryLater(kind=Kind.RATE_LIMITED, text="")) == holding.PAUSE


@pytest.mark.parametrize("answer", [stranger, slower])
def test_what_was_about_to_leave_stays(answer: Verdict, monkeypatch: pytest.MonkeyPatch) -> None:
    """The books learn of the hold after the first answer; the others are at the door by then."""
    asked = []

    async def call(_door: calls.Door, order: calls.Order) -> Verdict:
        asked.append(order)
        return answer

    monkeypatch.setattr(calls.Door, "_call", call)
    system = System(title="CRM", deadline_seconds=20)
    pace = Pace(0.0)
    connector: Any = None
    gate = asyncio.Semaphore(1)
    doors = [calls.Door(system, connector, gate, pace) for _ in range(2)]

    async def all_at_once() -> list[Any]:
        orders = [door.perform(calls.Order("send", "x", "upsert")) for door in doors * 5]
        return await asyncio.gather(*orders, return_exceptions=True)

    came = asyncio.run(all_at_once())
    assert len(asked) == 1
    assert [type(one) for one in came] == [type(answer)] + [calls.TooLate] * 9
    assert pace.closed_until > monotonic()


def test_who_asks_while_a_connection_is_held_is_told_to_come_again() -> None:
    """A replay's survey asks the sources of many: one that is held must not end it."""
    pace = Pace(0.0)
    pace.heed(slower)
    connector: Any = None
    door = calls.Door(System(title="CRM"), connector, asyncio.Semaphore(1), pace)
    told = asyncio.run(door.ask(calls.Order("read_back", "customer", "get", ref="1")))
    assert isinstance(told, TryLater)
    assert told.text == "CRM is not called at present."


@pytest.mark.parametrize(("trouble", "answered"), [(stranger, "a"), (slower, "a"), (busy, "ac")])
def test_rows_of_which_nobody_could_say_are_not_judged(trouble: Verdict, answered: str) -> None:
    """One that cannot be asked about hinders no other, save where its connection is held."""

    class Source:
        async def reread(self, _entity: str, row: calls.Unread) -> calls.Change | None:
            if row.ref == "b":
                raise calls.CallFailed(trouble)
            return None

    rows = [calls.Unread(ref.encode(), ref, "“Amount” is missing") for ref in "abc"]
    connector: Any = Source()
    system = System(title="CRM", deadline_seconds=20)
    door = calls.Door(system, connector, asyncio.Semaphore(1), Pace(0.0))
    found = asyncio.run(door.reread("invoice", rows))
    assert "".join(row.ref for row in found) == answered


@pytest.mark.parametrize(
    ("purpose", "stays"),
    [
        (Purpose.SEND, State.SCHEDULED),
        (Purpose.PROBE, State.UNKNOWN),
        (Purpose.READ_BACK, State.ACKED),
    ],
)
def test_a_step_waits_where_it_is_and_is_parked_when_it_is_refused_alone(
    purpose: Purpose, stays: State
) -> None:
    """A connection that works, and refuses one step each time, must not be held for ever."""
    at = Situation(purpose, Effect.PROBED)
    assert judge(stranger, at).to is stays
    often = Situation(purpose, Effect.PROBED, tries=MOST_TRIES - 1, probes=MOST_PROBES - 1)
    assert judge(stranger, often).to is State.PARKED
