"""The recipe under test: the engine's own pure functions, asked by the model.

A broken recipe overrides one of these methods; everything else stays the engine's.
"""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import NamedTuple

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
from controltower.transactions import protocol, resolver
from controltower.transactions.protocol import IN_DOUBT, Purpose, Situation, State
from controltower.transactions.resolver import Counts
from tests.model.world import Lease, Row, Says, Wait, Worker

QUARANTINE = timedelta(days=30)
"""Longer than any back-off, so that the two can be told apart."""
VERDICTS: dict[Says, Verdict] = {
    Says.DONE: Done(ref="1", outcome=Outcome.CREATED),
    Says.DIFFERS: Done(ref="1", outcome=Outcome.READ),
    Says.ABSENT: Rejected(kind=Kind.NOT_FOUND, text="not there"),
    Says.TWICE: Rejected(kind=Kind.DUPLICATE, text="two of them"),
    Says.UNKNOWN: Unknown(text="no answer"),
    Says.UNREACHED: Unavailable(text="never reached"),
    Says.LATER: TryLater(kind=Kind.TRANSIENT, text="busy"),
    Says.REFUSED: Rejected(kind=Kind.VALIDATION, text="refused"),
    Says.THERE: Rejected(kind=Kind.DUPLICATE, text="there already"),
    Says.CLOSED: Rejected(kind=Kind.PERIOD_CLOSED, text="closed"),
    Says.MISSET: Misconfigured(kind=Kind.PERMISSION, text="you may not"),
    Says.STRANGER: Misconfigured(kind=Kind.AUTH, text="who are you"),
    Says.PENDING: Pending(job="7", after=timedelta(seconds=5)),
}


class Fate(NamedTuple):
    """What an answer makes of a row."""

    state: State
    kind: Kind | None
    due: Wait
    counts: Counts


def wait(after: timedelta) -> Wait:
    """A time as the model keeps it."""
    if after <= timedelta(0):
        return Wait.NOW
    return Wait.LONG if after >= QUARANTINE else Wait.SOON


@cache
def engine_fate(
    says: Says, purpose: Purpose, effect: Effect, counts: Counts, over: bool, unsure: bool
) -> Fate:
    """The engine's own table and tally, asked once for each situation."""
    verdict = VERDICTS[says]
    at = Situation(
        purpose=purpose,
        effect=effect,
        unsure=unsure,
        tries=counts.tries,
        probes=counts.probes,
        absences=counts.absences,
        quarantine_over=over,
        quarantine=QUARANTINE,
        differs="the amount" if says is Says.DIFFERS else "",
    )
    move = protocol.judge(verdict, at)
    became = resolver.tally(counts, purpose, move, verdict)
    return Fate(move.to, move.kind, wait(move.after), became)


class Recipe:
    """The sound recipe, as the engine plays it."""

    fenced = True
    """Whether an answer without fence and proof never counts, so that it need not be followed."""
    sweeps = True
    """Whether lost leases are found and unrung bells rung again."""

    def stands_before(self, row: Row, other: Row) -> bool:
        """Whether another step of the same business record keeps a row from being sent."""
        doubtful = row.kind is IN_DOUBT
        return resolver.stands_before(
            other.state, other.kind or "", sent=other.sent, doubtful=doubtful
        )

    def aged(self, row: Row) -> Row:
        """The row as it is claimed: a key that the target has forgotten is none."""
        return row._replace(effect=resolver.aged(row.effect, key_lives=row.key_lives))

    def purpose(self, row: Row) -> Purpose:
        """Why a claimed step is called."""
        return protocol.purpose_of(row.state, row.effect, row.kind or "")

    def key(self, row: Row) -> int:
        """The idempotency key of the next send: one for ever."""
        return row.generation

    def looks_first(self, row: Row) -> bool:
        """Whether the target is asked before a send."""
        return resolver.may_be_there(row.effect, sent=row.sent)

    def intended(self, row: Row) -> Row:
        """The row as it is committed before a request leaves."""
        return row._replace(state=State.SENDING, sent=True, counts=resolver.sent_anew(row.counts))

    def fate(self, row: Row, worker: Worker) -> Fate:
        """What an answer makes of the row."""
        assert worker.purpose is not None
        unsure = resolver.unsure(row.effect, row.kind or "", worker.purpose)
        over = not row.quarantined
        return engine_fate(worker.says, worker.purpose, row.effect, row.counts, over, unsure)

    def holds(self, row: Row, worker: Worker) -> bool:
        """Whether a call still speaks for its step."""
        assert worker.purpose is not None
        return resolver.holds(row.state, ours=worker.ours, purpose=worker.purpose)

    def counts(self, row: Row, worker: Worker) -> bool:
        """Whether an answer moves the row at all."""
        assert worker.purpose is not None
        differs = worker.says is Says.DIFFERS
        proof = resolver.proves(row.effect, worker.purpose, VERDICTS[worker.says], differs=differs)
        return self.holds(row, worker) or (proof and resolver.provable(row.state, row.kind or ""))

    def reads_back_at_once(self, row: Row, worker: Worker) -> bool:
        """Whether a settled step may be read back under the claim that it was settled by."""
        assert worker.purpose is not None
        return resolver.read_back_at_once(row.state, ours=worker.ours, purpose=worker.purpose)

    def is_lost(self, row: Row) -> bool:
        """Whether the sweeper takes the step for its dead worker's."""
        return row.state is State.SENDING and row.lease is Lease.OVER

    def after_death(self, row: Row) -> Row:
        """What the sweeper makes of a step whose worker is gone."""
        counts = row.counts
        deaths = counts.deaths + 1
        to = resolver.after_death(row.effect, deaths)
        due = wait(resolver.still_at_work(row.effect, QUARANTINE))
        if to is State.PARKED:
            due = row.due
        return row._replace(
            state=to,
            kind=resolver.unheard(row.effect),
            counts=Counts(counts.tries, counts.probes, counts.absences, deaths),
            lease=Lease.NONE,
            due=due,
            quarantined=due is Wait.LONG or (row.quarantined and to is State.PARKED),
            left_open=False,
        )

    def refused_here(self, row: Row) -> Kind:
        """What a rule's refusal is called when the step may be in the target."""
        doubt = resolver.in_doubt(row.state, row.kind or "", sent=row.sent)
        return Kind.UNKNOWN if doubt else Kind.VALIDATION

    def replays(self, row: Row, *, ours: bool) -> bool:
        """Whether a released plan may take the step up."""
        return ours and row.state in protocol.STUCK

    waits_to_look = True
    """Whether what a person sees counts only once nothing can be under way any more."""

    def for_people_alone(self, row: Row) -> bool:
        """Whether a person who looks may end the doubt."""
        return resolver.for_people_alone(row.effect, row.state, row.kind or "")

    def believes(self, row: Row, *, ours: bool) -> bool:
        """Whether what a person saw still speaks of the step."""
        return ours and self.for_people_alone(row)

    def found(self, row: Row, *, there: bool) -> Row:
        """A step in doubt of which a person says whether it is there (`findings`)."""
        if there:
            return self.taken_up(row)._replace(state=State.UNKNOWN, numbered=True)
        absent = row._replace(kind=Kind.NOT_FOUND, generation=row.generation + 1, acked=False)
        return self.taken_up(absent)._replace(numbered=False)

    def taken_up(self, row: Row) -> Row:
        """A parked or held step that a person takes up again."""
        to = resolver.taken_up(row.effect, row.kind or "", sent=row.sent, confirmed=row.acked)
        return row._replace(state=to, counts=Counts(), lease=Lease.NONE, due=Wait.NOW)
