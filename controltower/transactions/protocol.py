"""The step protocol as one table: what a verdict does to a step. Pure; the engine plays it.

A step is planned → scheduled → sending → acked → verified. `unknown` is "sent, no answer": it is
asked for, never blindly sent again. `parked` waits for a person (dead letter), `held` for a
decision such as a closed period.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

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
    Verdict,
)


class State(StrEnum):
    """Where a step is."""

    PLANNED = "planned"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    UNKNOWN = "unknown"
    ACKED = "acked"
    VERIFIED = "verified"
    SKIPPED = "skipped"
    PARKED = "parked"
    HELD = "held"
    CANCELLED = "cancelled"


class Purpose(StrEnum):
    """Why a call is made."""

    SEND = "send"
    PROBE = "probe"
    READ_BACK = "read_back"


class Tried(StrEnum):
    """What came of one attempt."""

    SENDING = "sending"
    ACKED = "acked"
    FAILED_TRANSIENT = "failed_transient"
    FAILED_PERMANENT = "failed_permanent"
    UNKNOWN = "unknown"
    SKIPPED_DUPLICATE = "skipped_duplicate"


FINISHED = frozenset({State.VERIFIED, State.SKIPPED})
STUCK = frozenset({State.PARKED, State.HELD})
MAY_BE_THERE = frozenset({State.SENDING, State.UNKNOWN, State.ACKED, State.VERIFIED})
"""Waits for a person; a replay takes it up again."""
CLAIMABLE = frozenset({State.SCHEDULED, State.UNKNOWN, State.ACKED})
REPEATABLE = frozenset({Effect.READ, Effect.IDEMPOTENT, Effect.KEYED})
"""Effects whose send may simply be repeated with the same key when the answer was lost."""

THERE = frozenset({Kind.DUPLICATE, Kind.ALREADY_DONE})
"""A refusal that says "it is there already": a reason to look."""

MOST_TRIES = 6
MOST_PROBES = 8
MOST_DEATHS = 3
LONGEST_PAUSE = timedelta(days=1)
LONGEST_CALL = timedelta(seconds=45)
"""As long as a lease leaves for a call that has waited for its turn."""
IN_DOUBT = Kind.UNKNOWN


@dataclass(frozen=True, slots=True)
class Situation:
    """What the protocol must know of a step besides the verdict. `unsure` says that an earlier
    send was never answered: whatever this one comes to says nothing of that one."""

    purpose: Purpose
    effect: Effect
    unsure: bool = False
    tries: int = 0
    probes: int = 0
    absences: int = 0
    quarantine_over: bool = True
    quarantine: timedelta = timedelta(0)
    differs: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """What happens next. `after` delays it; `counts` says whether a try was used up."""

    to: State
    tried: Tried
    after: timedelta = timedelta(0)
    counts: bool = False
    kind: Kind | None = None
    text: str = ""


def purpose_of(state: State, effect: Effect, kind: str = "") -> Purpose:
    """Why a claimed step is called: the resolver's first question.

    An unanswered send may be repeated only under a key or where repeating is harmless; else, and
    where the target says that it is there already, the target is asked first.
    """
    if state is State.ACKED:
        return Purpose.READ_BACK
    if state is State.UNKNOWN and (effect not in REPEATABLE or kind in THERE):
        return Purpose.PROBE
    return Purpose.SEND


def judge(verdict: Verdict, at: Situation) -> Move:
    """The move that a verdict causes. A sign-in that is refused holds its connection, and parks a
    step only when that step is refused again and again on a connection that works."""
    if at.purpose is Purpose.READ_BACK:
        return _after_read_back(verdict, at)
    if at.purpose is Purpose.PROBE:
        return _after_probe(verdict, at)
    return _after_send(verdict, at)


def _after_send(verdict: Verdict, at: Situation) -> Move:
    match verdict:
        case Done(outcome=outcome):
            already = outcome is Outcome.ALREADY_DONE
            tried = Tried.SKIPPED_DUPLICATE if already else Tried.ACKED
            to = State.VERIFIED if at.effect is Effect.READ else State.ACKED
            return Move(to, tried, counts=True)
        case Unavailable(text=text):
            after = backoff(at.tries)
            return _again(Kind.OUTAGE, text, after, at)
        case TryLater():
            return _later(verdict, at)
        case Rejected():
            return _refused(verdict, at)
        case Misconfigured(kind=Kind.AUTH, text=text) if at.tries + 1 < MOST_TRIES:
            return _again(Kind.AUTH, text, backoff(at.tries), at, counts=True)
        case Misconfigured(kind=kind, text=text):
            return _refuse(kind, text, at)
        case Pending(after=after):
            return _in_the_dark("It was accepted, but is not done yet.", at, at_least=after)
    return _in_the_dark(str(getattr(verdict, "text", "The call ended without a verdict.")), at)


def _refused(verdict: Rejected, at: Situation) -> Move:
    """A closed period is held for a decision; "already there" is a reason to look where one can
    look, not a failure; anything else needs a person."""
    if verdict.kind is Kind.PERIOD_CLOSED:
        return Move(
            State.HELD,
            Tried.FAILED_PERMANENT,
            counts=True,
            kind=verdict.kind,
            text=verdict.text,
        )
    can_look = at.effect not in {Effect.READ, Effect.UNREPEATABLE}
    if verdict.kind in THERE and can_look and at.tries + 1 < MOST_TRIES:
        after = at.quarantine if at.effect is Effect.LAGGING else timedelta(0)
        return Move(
            State.UNKNOWN, Tried.UNKNOWN, after, counts=True, kind=verdict.kind, text=verdict.text
        )
    return _refuse(verdict.kind, verdict.text, at)


def _refuse(kind: Kind, text: str, at: Situation) -> Move:
    """A person must act; what may have arrived earlier stays in doubt."""
    return _park(IN_DOUBT if at.unsure else kind, text)


def _again(kind: Kind, text: str, after: timedelta, at: Situation, *, counts: bool = False) -> Move:
    """Proven not to have happened this time, so it may be sent again; an earlier doubt stays."""
    to, kind = (State.UNKNOWN, IN_DOUBT) if at.unsure else (State.SCHEDULED, kind)
    return Move(to, Tried.FAILED_TRANSIENT, after, counts=counts, kind=kind, text=text)


def _later(verdict: TryLater, at: Situation) -> Move:
    free = verdict.kind in {Kind.RATE_LIMITED, Kind.OUTAGE}
    if not free and at.tries + 1 >= MOST_TRIES:
        return _refuse(verdict.kind, verdict.text, at)
    return _again(verdict.kind, verdict.text, _pause(verdict, at.tries), at, counts=not free)


def _in_the_dark(text: str, at: Situation, at_least: timedelta = timedelta(0)) -> Move:
    """Nobody knows: asked for once it cannot be under way any more, sent again under its key, or
    (with neither) put before a person. A reading changes nothing and is only made again."""
    if at.effect is Effect.READ:
        return _later(TryLater(kind=Kind.TRANSIENT, text=text, after=at_least or None), at)
    exhausted = at.effect in REPEATABLE and at.tries + 1 >= MOST_TRIES
    if at.effect is Effect.UNREPEATABLE or exhausted:
        return Move(State.PARKED, Tried.UNKNOWN, counts=True, kind=IN_DOUBT, text=text)
    after = backoff(at.tries) if at.effect in REPEATABLE else at.quarantine
    after = max(after, at_least)
    return Move(State.UNKNOWN, Tried.UNKNOWN, after, counts=True, kind=IN_DOUBT, text=text)


def _after_probe(verdict: Verdict, at: Situation) -> Move:
    match verdict:
        case Done() if not at.differs:
            return Move(State.ACKED, Tried.SKIPPED_DUPLICATE)
        case Done() | Rejected(kind=Kind.NOT_FOUND) if at.effect is not Effect.UNREPEATABLE:
            return _absent(at)
        case Done():
            text = f"What is there under the number that was given differs: {at.differs}."
            return Move(State.PARKED, Tried.UNKNOWN, kind=IN_DOUBT, text=text)
        case Rejected(kind=Kind.DUPLICATE, text=text):
            return _park(Kind.DUPLICATE, text)
        case Misconfigured(kind=Kind.AUTH, text=text) if at.probes + 1 < MOST_PROBES:
            after = backoff(at.probes)
            return Move(State.UNKNOWN, Tried.UNKNOWN, after, kind=IN_DOUBT, text=text)
        case Rejected(text=text) | Misconfigured(text=text):
            return Move(State.PARKED, Tried.UNKNOWN, kind=IN_DOUBT, text=text)
    blind = at.effect is Effect.UNREPEATABLE
    if (blind or at.probes + 1 >= MOST_PROBES) and not away(verdict):
        text = "Nobody could say whether it arrived."
        return Move(State.PARKED, Tried.UNKNOWN, kind=IN_DOUBT, text=text)
    text = str(getattr(verdict, "text", ""))
    after = _pause(verdict, at.probes)
    return Move(State.UNKNOWN, Tried.UNKNOWN, after, kind=Kind.UNKNOWN, text=text)


def away(verdict: Verdict) -> bool:
    """Whether the target is out of reach for everybody, which says nothing of this record."""
    if isinstance(verdict, TryLater):
        return verdict.kind in {Kind.OUTAGE, Kind.RATE_LIMITED}
    return isinstance(verdict, Unavailable)


def _pause(verdict: Verdict, tries: int) -> timedelta:
    """As long as the target asks for, within a day; else the back-off."""
    asked = verdict.after if isinstance(verdict, TryLater) else None
    return backoff(tries) if asked is None else min(max(asked, timedelta(0)), LONGEST_PAUSE)


def _absent(at: Situation) -> Move:
    """ "Not there" counts only after the quarantine, twice where the index lags, and only where
    the target can be looked up reliably."""
    wanted = 2 if at.effect is Effect.LAGGING else 1
    if at.quarantine_over and at.absences + 1 >= wanted:
        return Move(State.SCHEDULED, Tried.FAILED_TRANSIENT, kind=Kind.NOT_FOUND)
    return Move(State.UNKNOWN, Tried.UNKNOWN, max(at.quarantine, backoff(0)), kind=Kind.NOT_FOUND)


def _after_read_back(verdict: Verdict, at: Situation) -> Move:
    match verdict:
        case Done() if not at.differs:
            return Move(State.VERIFIED, Tried.ACKED)
        case Done():
            return _park(Kind.CONTRACT, f"Read back, it differs: {at.differs}.")
        case Rejected(kind=Kind.NOT_FOUND):
            return _park(Kind.NOT_FOUND, "It was confirmed, but is not there when read back.")
        case Misconfigured(kind=Kind.AUTH, text=text) if at.probes + 1 < MOST_PROBES:
            after = backoff(at.probes)
            return Move(State.ACKED, Tried.FAILED_TRANSIENT, after, text=text)
        case Rejected(kind=kind, text=text) | Misconfigured(kind=kind, text=text):
            return _park(kind, text)
    text = str(getattr(verdict, "text", ""))
    if at.probes + 1 >= MOST_PROBES and not away(verdict):
        return _park(Kind.CONTRACT, f"It was confirmed, but cannot be read back. {text}")
    return Move(State.ACKED, Tried.FAILED_TRANSIENT, _pause(verdict, at.probes), text=text)


def _park(kind: Kind, text: str) -> Move:
    return Move(State.PARKED, Tried.FAILED_PERMANENT, counts=True, kind=kind, text=text)


def patience(usual: timedelta, late: int) -> timedelta:
    """How long one more call may take, after so many that used up their time: twice as long as the
    one before. A target that is only slow is heard out then, rather than asked in vain again."""
    return max(usual, min(usual * int(2 ** min(late, MOST_TRIES)), LONGEST_CALL))


def backoff(tries: int) -> timedelta:
    """2 s doubling to 5 min, with up to a quarter of jitter against retries in step."""
    seconds = min(2 * 2 ** min(tries, 8), 300)
    return timedelta(seconds=seconds * random.uniform(1.0, 1.25))  # noqa: S311 - not a secret
