"""The resolver: what becomes of a step whose answer, worker or lease was lost, or that a person
takes up again. Pure, like `protocol`: the engine and the model in the tests play the same rules.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from controltower.canonical.verdicts import Done, Effect, Kind, Verdict
from controltower.transactions.protocol import (
    IN_DOUBT,
    MOST_DEATHS,
    REPEATABLE,
    Move,
    Purpose,
    State,
    away,
)

EXPECTED = {
    Purpose.SEND: State.SENDING,
    Purpose.PROBE: State.UNKNOWN,
    Purpose.READ_BACK: State.ACKED,
}
"""Where a step is while it waits for the answer to such a call."""
PROVABLE = frozenset({State.SENDING, State.UNKNOWN, State.SCHEDULED})


@dataclass(frozen=True, slots=True)
class Counts:
    """How often a step was sent, asked for and not found, and how many workers it has stopped."""

    tries: int = 0
    probes: int = 0
    absences: int = 0
    deaths: int = 0


def counts(state: State, *, ours: bool, effect: Effect, purpose: Purpose, verdict: Verdict) -> bool:
    """Whether an answer moves the step: `ours` says that the fence is still that of the call.

    Positive proof is accepted from any worker; anything else under the fence and in the state in
    which the call was made, both.
    """
    if ours and state is EXPECTED[purpose]:
        return True
    return proves(effect, purpose, verdict) and state in PROVABLE


def proves(effect: Effect, purpose: Purpose, verdict: Verdict) -> bool:
    """ "It exists": what a late worker read from a source proves nothing and may be out of date."""
    written = effect is not Effect.READ and purpose is not Purpose.READ_BACK
    return written and isinstance(verdict, Done)


def after_death(effect: Effect, deaths: int) -> State:
    """Where a step goes whose worker stopped between intent and answer (this death counted)."""
    if effect is Effect.UNREPEATABLE or deaths >= MOST_DEATHS:
        return State.PARKED
    return State.UNKNOWN


def still_at_work(effect: Effect, quarantine: timedelta) -> timedelta:
    """How long the target may still be busy with a request whose sender is gone."""
    return timedelta(0) if effect in REPEATABLE else quarantine


def may_be_there(effect: Effect, *, sent: bool) -> bool:
    """Sent before to a target without keys: looked for before it is sent again."""
    return sent and effect not in REPEATABLE


def taken_up(kind: str, *, sent: bool) -> State:
    """Where a parked or held step goes that a person takes up again: what may have arrived is
    asked for, anything else is played again with the same key."""
    return State.UNKNOWN if kind == IN_DOUBT and sent else State.SCHEDULED


def tally(was: Counts, purpose: Purpose, move: Move, verdict: Verdict) -> Counts:
    """The counts after an answer that counted."""
    if purpose is Purpose.SEND:
        return Counts(tries=was.tries + int(move.counts))
    found = move.to is State.ACKED and purpose is Purpose.PROBE
    return replace(
        was,
        probes=0 if found else was.probes + int(not away(verdict)),
        absences=was.absences + int(move.kind is Kind.NOT_FOUND),
        deaths=0,
    )
