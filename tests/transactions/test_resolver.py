"""The resolver: what was lost, repeated or taken up again. Each test names what it would cost; the
histories behind them are those that the model found (`tests/model/broken.py`)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from controltower.canonical.verdicts import (
    Done,
    Effect,
    Kind,
    Misconfigured,
    Outcome,
    Pending,
    Rejected,
    TryLater,
    Unavailable,
    Unknown,
    Verdict,
)
from controltower.transactions import resolver
from controltower.transactions.protocol import IN_DOUBT, Purpose, Situation, State, judge
from controltower.transactions.resolver import Counts

QUARANTINE = timedelta(seconds=15)
writes = pytest.mark.parametrize("effect", [one for one in Effect if one is not Effect.READ])


@pytest.mark.parametrize(
    ("effect", "goes"),
    [
        (Effect.KEYED, State.SCHEDULED),
        (Effect.IDEMPOTENT, State.SCHEDULED),
        (Effect.PROBED, State.UNKNOWN),
        (Effect.LAGGING, State.UNKNOWN),
        (Effect.UNREPEATABLE, State.ACKED),
    ],
)
def test_what_was_confirmed_is_never_simply_sent_again(effect: Effect, goes: State) -> None:
    """Sent, confirmed, its read-back refused, parked, replayed: the index lags, or there is none,
    and the second send would be a second record."""
    assert resolver.taken_up(effect, Kind.AUTH, sent=True, confirmed=True) is goes


@writes
def test_what_was_refused_is_played_again(effect: Effect) -> None:
    taken = resolver.taken_up(effect, Kind.VALIDATION, sent=True, confirmed=False)
    assert taken is State.SCHEDULED


@pytest.mark.parametrize("effect", [Effect.KEYED, Effect.IDEMPOTENT])
@pytest.mark.parametrize(
    ("verdict", "goes"),
    [
        (Rejected(kind=Kind.VALIDATION, text="no"), State.PARKED),
        (Misconfigured(kind=Kind.PERMISSION, text="you may not"), State.PARKED),
        (Misconfigured(kind=Kind.AUTH, text="who"), State.UNKNOWN),
        (TryLater(kind=Kind.TRANSIENT, text="busy"), State.UNKNOWN),
        (Unavailable(text="away"), State.UNKNOWN),
    ],
)
def test_a_refusal_ends_no_earlier_doubt(effect: Effect, verdict: Verdict, goes: State) -> None:
    """Sent and late, sent again and refused: the first may still arrive, so that nobody may be
    told that nothing was written."""
    move = judge(verdict, Situation(Purpose.SEND, effect, unsure=True, tries=1))
    assert (move.to, move.kind) == (goes, IN_DOUBT)


def test_only_a_write_that_was_never_answered_is_unsure() -> None:
    assert resolver.unsure(Effect.KEYED, Kind.UNKNOWN, Purpose.SEND)
    assert not resolver.unsure(Effect.READ, Kind.UNKNOWN, Purpose.SEND)
    assert not resolver.unsure(Effect.KEYED, Kind.OUTAGE, Purpose.SEND)


@pytest.mark.parametrize("effect", [Effect.PROBED, Effect.LAGGING])
def test_a_job_of_the_target_is_given_the_whole_quarantine(effect: Effect) -> None:
    """Accepted for later, asked after five seconds, not there yet, sent again: done twice."""
    pending = Pending(job="7", after=timedelta(seconds=5))
    move = judge(pending, Situation(Purpose.SEND, effect, quarantine=QUARANTINE))
    assert (move.to, move.after) == (State.UNKNOWN, QUARANTINE)


def test_a_job_of_a_target_without_look_up_is_put_before_a_person() -> None:
    pending = Pending(job="7", after=timedelta(seconds=5))
    move = judge(pending, Situation(Purpose.SEND, Effect.UNREPEATABLE))
    assert (move.to, move.kind) == (State.PARKED, IN_DOUBT)


@pytest.mark.parametrize(
    "verdict", [Rejected(kind=Kind.NOT_FOUND, text="no such"), Unknown(text="cannot say")]
)
def test_where_nothing_can_be_looked_up_no_answer_is_proof(verdict: Verdict) -> None:
    move = judge(verdict, Situation(Purpose.PROBE, Effect.UNREPEATABLE))
    assert (move.to, move.kind) == (State.PARKED, IN_DOUBT)


def test_there_already_is_a_reason_to_look() -> None:
    """Sent and not answered, sent again under the same key: it exists, so the answer is ours."""
    there = Rejected(kind=Kind.DUPLICATE, text="exists")
    move = judge(there, Situation(Purpose.SEND, Effect.KEYED, unsure=True, tries=1))
    assert (move.to, move.kind) == (State.UNKNOWN, Kind.DUPLICATE)


def test_a_new_send_is_asked_for_anew() -> None:
    """Two absences, sent, the worker dies: one more absence is not two of the new send."""
    assert resolver.sent_anew(Counts(tries=1, probes=2, absences=2)) == Counts(tries=1)


def test_a_forgotten_key_is_none() -> None:
    assert resolver.aged(Effect.KEYED, key_lives=False) is Effect.PROBED
    assert resolver.aged(Effect.KEYED, key_lives=True) is Effect.KEYED
    assert resolver.aged(Effect.IDEMPOTENT, key_lives=False) is Effect.IDEMPOTENT


@writes
def test_late_proof_ends_a_doubt_before_a_person_has_to(effect: Effect) -> None:
    done = Done(ref="7", outcome=Outcome.CREATED)
    assert resolver.proves(effect, Purpose.SEND, done, differs=False)
    assert not resolver.proves(effect, Purpose.PROBE, done, differs=True)
    assert resolver.provable(State.PARKED, IN_DOUBT)
    assert not resolver.provable(State.PARKED, Kind.VALIDATION)
    assert not resolver.provable(State.CANCELLED, IN_DOUBT)


@pytest.mark.parametrize("state", [State.CANCELLED, State.VERIFIED, State.ACKED])
def test_a_call_does_not_speak_for_a_step_that_has_moved(state: State) -> None:
    assert not resolver.holds(state, ours=True, purpose=Purpose.SEND)
    assert not resolver.holds(State.SENDING, ours=False, purpose=Purpose.SEND)
    assert resolver.holds(State.SENDING, ours=True, purpose=Purpose.SEND)
