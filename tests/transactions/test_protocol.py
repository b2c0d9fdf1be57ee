"""The step protocol: what may be sent again, what must be asked first, what waits for a person."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from controltower.transactions.protocol import (
    MOST_PROBES,
    MOST_TRIES,
    REPEATABLE,
    Purpose,
    Situation,
    State,
    backoff,
    judge,
    purpose_of,
)

done = Done(ref="1", outcome=Outcome.CREATED)
absent = Rejected(kind=Kind.NOT_FOUND, text="no such record")
unknown = Unknown(text="no answer")
kinds = st.sampled_from(list(Kind))
verdicts = st.one_of(
    st.just(done),
    st.builds(Rejected, kind=kinds, text=st.text(max_size=9)),
    st.builds(TryLater, kind=kinds, text=st.just("later")),
    st.builds(Misconfigured, kind=kinds, text=st.just("ours")),
    st.just(Unavailable(text="away")),
    st.just(unknown),
    st.just(Pending(job="7", after=timedelta(seconds=30))),
)
situations = st.builds(
    Situation,
    purpose=st.sampled_from(list(Purpose)),
    effect=st.sampled_from(list(Effect)),
    tries=st.integers(0, MOST_TRIES),
    probes=st.integers(0, MOST_PROBES),
    absences=st.integers(0, 2),
    quarantine_over=st.booleans(),
    quarantine=st.just(timedelta(seconds=15)),
    differs=st.sampled_from(["", "amount"]),
)


@given(verdicts, situations)
def test_every_verdict_in_every_situation_has_a_move(verdict: Verdict, at: Situation) -> None:
    move = judge(verdict, at)
    assert move.to in State
    assert move.after >= timedelta(0)


@given(situations)
def test_a_lost_answer_is_never_simply_sent_again(at: Situation) -> None:
    """Unless a key or the nature of the call makes repeating harmless."""
    move = judge(unknown, at)
    if at.purpose is Purpose.SEND:
        assert move.to is not State.SCHEDULED or at.effect is Effect.READ
    if move.to is State.UNKNOWN and at.effect not in REPEATABLE:
        assert purpose_of(State.UNKNOWN, at.effect) is Purpose.PROBE


def test_without_key_or_look_up_a_person_decides() -> None:
    move = judge(unknown, Situation(Purpose.SEND, Effect.UNREPEATABLE))
    assert (move.to, move.kind) == (State.PARKED, Kind.UNKNOWN)


def test_absence_counts_only_after_the_quarantine() -> None:
    early = Situation(Purpose.PROBE, Effect.PROBED, quarantine_over=False)
    assert judge(absent, early).to is State.UNKNOWN
    assert judge(absent, Situation(Purpose.PROBE, Effect.PROBED)).to is State.SCHEDULED


def test_a_lagging_index_must_say_it_twice() -> None:
    assert judge(absent, Situation(Purpose.PROBE, Effect.LAGGING)).to is State.UNKNOWN
    assert judge(absent, Situation(Purpose.PROBE, Effect.LAGGING, absences=1)).to is State.SCHEDULED


def test_what_is_found_was_delivered() -> None:
    assert judge(done, Situation(Purpose.PROBE, Effect.PROBED)).to is State.ACKED


def test_two_records_for_one_reference_are_a_persons_choice() -> None:
    several = Rejected(kind=Kind.DUPLICATE, text="two")
    assert judge(several, Situation(Purpose.PROBE, Effect.PROBED)).to is State.PARKED


def test_a_closed_period_is_held_not_failed() -> None:
    closed = Rejected(kind=Kind.PERIOD_CLOSED, text="closed")
    assert judge(closed, Situation(Purpose.SEND, Effect.IDEMPOTENT)).to is State.HELD


@pytest.mark.parametrize("kind", [Kind.RATE_LIMITED, Kind.OUTAGE])
def test_being_told_to_wait_uses_up_no_try(kind: Kind) -> None:
    later = TryLater(kind=kind, text="slow down", after=timedelta(seconds=30))
    move = judge(later, Situation(Purpose.SEND, Effect.KEYED, tries=MOST_TRIES))
    assert move.to is State.SCHEDULED
    assert not move.counts
    assert move.after == timedelta(seconds=30)


def test_a_transient_failure_ends_after_its_tries() -> None:
    later = TryLater(kind=Kind.TRANSIENT, text="row lock")
    assert judge(later, Situation(Purpose.SEND, Effect.KEYED)).to is State.SCHEDULED
    last = Situation(Purpose.SEND, Effect.KEYED, tries=MOST_TRIES - 1)
    assert judge(later, last).to is State.PARKED


def test_what_differs_when_read_back_is_not_verified() -> None:
    move = judge(done, Situation(Purpose.READ_BACK, Effect.KEYED, differs="sent 1, shows 2"))
    assert move.to is State.PARKED
    assert "sent 1, shows 2" in move.text


@given(st.integers(0, 1000))
def test_back_off_grows_and_stays_below_its_limit(tries: int) -> None:
    assert timedelta(seconds=2) <= backoff(tries) <= timedelta(seconds=375)
