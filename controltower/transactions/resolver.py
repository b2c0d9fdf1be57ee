"""The resolver: what becomes of a step whose answer, worker or lease was lost, or that a person
takes up again. Pure, like `protocol`: the engine and the model in the tests play the same rules.
"""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

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
UNDER_WAY = frozenset({State.SENDING, State.UNKNOWN})
UNDECIDED = frozenset({State.PLANNED, State.SCHEDULED, State.PARKED, State.HELD})
"""Where a step in doubt may wait: for a person, or for its turn once one has taken it up."""
PROVABLE = frozenset({State.SENDING, State.UNKNOWN, State.SCHEDULED})


class Counts(NamedTuple):
    """How often a step was sent, asked for and not found, and how many workers it has stopped."""

    tries: int = 0
    probes: int = 0
    absences: int = 0
    deaths: int = 0


def sent_anew(was: Counts) -> Counts:
    """The counts once a send is intended: what was not found before says nothing of this one."""
    return was._replace(probes=0, absences=0)


def holds(state: State, *, ours: bool, purpose: Purpose) -> bool:
    """Whether a call still speaks for its step: under its fence (`ours`) and in the state in which
    it was made, both."""
    return ours and state is EXPECTED[purpose]


def read_back_at_once(state: State, *, ours: bool, purpose: Purpose) -> bool:
    """Whether what an answer has made of a step may be read back by the very commit that settles
    it, under the same claim: it was confirmed just now, and nobody has claimed it since."""
    return ours and state is State.ACKED and purpose is not Purpose.READ_BACK


def provable(state: State, kind: str) -> bool:
    """Whether "it exists" moves the step, whoever says so: also one that waits in doubt for a
    person, since the doubt is over."""
    return state in PROVABLE or (state is State.PARKED and kind == IN_DOUBT)


def proves(effect: Effect, purpose: Purpose, verdict: Verdict, *, differs: bool) -> bool:
    """ "It exists": what a late worker read from a source proves nothing and may be out of date,
    nor does a record that differs from what was sent (a bill that is there, but not posted)."""
    written = effect is not Effect.READ and purpose is not Purpose.READ_BACK
    return written and isinstance(verdict, Done) and not differs


def after_death(effect: Effect, deaths: int) -> State:
    """Where a step goes whose worker stopped between intent and answer (this death counted)."""
    if effect is Effect.UNREPEATABLE or deaths >= MOST_DEATHS:
        return State.PARKED
    return State.SCHEDULED if effect is Effect.READ else State.UNKNOWN


def unheard(effect: Effect) -> Kind:
    """Why a step stands still whose workers stopped before the answer came: a reading changes
    nothing, so that nothing is in doubt about it."""
    return Kind.TRANSIENT if effect is Effect.READ else IN_DOUBT


def still_at_work(effect: Effect, quarantine: timedelta) -> timedelta:
    """How long the target may still be busy with a request whose sender is gone."""
    return timedelta(0) if effect in REPEATABLE else quarantine


def aged(effect: Effect, *, key_lives: bool) -> Effect:
    """The class of a step now: a key that the target has forgotten protects nothing, so that from
    then on the target is asked before anything is sent again."""
    return effect if key_lives or effect is not Effect.KEYED else Effect.PROBED


def may_be_there(effect: Effect, *, sent: bool) -> bool:
    """Sent before to a target without keys: looked for before it is sent again."""
    return sent and effect not in REPEATABLE and effect is not Effect.UNREPEATABLE


def for_people_alone(effect: Effect, state: State, kind: str) -> bool:
    """Whether only a person who looks in the target can end the doubt: it is put before them, and
    can be neither repeated nor looked up."""
    return effect is Effect.UNREPEATABLE and state is State.PARKED and kind == IN_DOUBT


def beyond_asking(effect: Effect) -> bool:
    """Of a step in books from a backup: whether nobody can find out if it was sent after it. A
    person settles it outside, as with any doubt of this class."""
    return effect is Effect.UNREPEATABLE


def in_doubt(state: State, kind: str, *, sent: bool) -> bool:
    """Whether it may be in the target without our knowing: no rule of ours changes that."""
    return state in {State.UNKNOWN, State.ACKED} or (sent and kind == IN_DOUBT)


def stands_before(state: State, kind: str, *, sent: bool, doubtful: bool) -> bool:
    """Whether a step keeps another of its business record from being sent: while it is under way,
    and as long as nobody knows whether it is there. A step in such doubt itself (`doubtful`) only
    repeats what it sent, and waits for nobody's doubt."""
    if state in UNDER_WAY:
        return True
    return state in UNDECIDED and sent and kind == IN_DOUBT and not doubtful


def unsure(effect: Effect, kind: str, purpose: Purpose) -> bool:
    """Whether a send repeats one that was never answered (`kind` is still that of the doubt)."""
    return purpose is Purpose.SEND and effect is not Effect.READ and kind == IN_DOUBT


def taken_up(effect: Effect, kind: str, *, sent: bool, confirmed: bool) -> State:
    """Where a parked or held step goes that a person takes up again.

    What is, or may be, in the target is asked for; without a look-up it is only read back. What may
    be repeated under its key, and what was never written, is played again.
    """
    if effect in REPEATABLE or not sent or not (confirmed or kind == IN_DOUBT):
        return State.SCHEDULED
    return State.ACKED if confirmed and effect is Effect.UNREPEATABLE else State.UNKNOWN


def tally(was: Counts, purpose: Purpose, move: Move, verdict: Verdict) -> Counts:
    """The counts after an answer that counted."""
    if purpose is Purpose.SEND:
        return Counts(tries=was.tries + int(move.counts))
    found = move.to is State.ACKED and purpose is Purpose.PROBE
    return was._replace(
        probes=0 if found else was.probes + int(not away(verdict)),
        absences=was.absences + int(move.kind is Kind.NOT_FOUND),
        deaths=0,
    )
