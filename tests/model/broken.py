"""Recipes that are simpler than the sound one, or that it once was, each broken in one place.

Every one is a small override of the engine's own rules. `KNOWN` says against which classes of
target it breaks.
"""

from __future__ import annotations

from dataclasses import dataclass

from controltower.canonical.verdicts import Effect
from controltower.transactions.protocol import IN_DOUBT, Purpose, State
from controltower.transactions.resolver import UNDER_WAY, Counts
from tests.model.recipe import Fate, Recipe, engine_fate
from tests.model.search import LOST, NO_END, PASSED, SAID, STUCK, TWICE
from tests.model.world import (
    A_HORIZON,
    OFFERS,
    A,
    B,
    C,
    D,
    Lease,
    Offer,
    Row,
    Says,
    Wait,
    Worker,
    World,
    world,
)


class BlindRetry(Recipe):
    """When a lease has run out, the step is simply sent again."""

    def after_death(self, row: Row) -> Row:
        """unknown → scheduled."""
        return super().after_death(row)._replace(state=State.SCHEDULED, due=Wait.NOW)

    def looks_first(self, row: Row) -> bool:
        """Never."""
        return False


class NewKeyPerAttempt(Recipe):
    """Each attempt has a key of its own."""

    def intended(self, row: Row) -> Row:
        """The next key."""
        return super().intended(row)._replace(generation=min(row.generation + 1, 3))


class NoQuarantine(Recipe):
    """The target is asked at once, while the request may still be on its way."""

    def fate(self, row: Row, worker: Worker) -> Fate:
        """Nothing waits long."""
        fate = super().fate(row._replace(quarantined=False), worker)
        return fate._replace(due=min(fate.due, Wait.SOON))

    def after_death(self, row: Row) -> Row:
        """Due at once."""
        return super().after_death(row)._replace(due=Wait.NOW, quarantined=False)


class ReplayEnqueuesAnew(Recipe):
    """A replay makes a fresh step of the same order, past the resolver."""

    def taken_up(self, row: Row) -> Row:
        """A row that knows nothing of the past."""
        return Row(row.effect, generation=row.generation + 1, acked=row.acked)


class FenceWithoutState(Recipe):
    """An answer counts while the fence is ours, whatever has become of the step."""

    fenced = False

    def holds(self, row: Row, worker: Worker) -> bool:
        """The fence alone."""
        return worker.ours


class StateWithoutFence(Recipe):
    """An answer counts in the state in which such calls are made, whoever brings it."""

    fenced = False

    def holds(self, row: Row, worker: Worker) -> bool:
        """The state alone."""
        return super().holds(row, worker._replace(ours=True))


class CallThenMark(Recipe):
    """Nothing is committed before the request leaves; what came of it is written afterwards."""

    fenced = False

    def intended(self, row: Row) -> Row:
        """As it was."""
        return row

    def holds(self, row: Row, worker: Worker) -> bool:
        """The step is still scheduled while it is sent."""
        marked = row.state is State.SCHEDULED and worker.purpose is Purpose.SEND
        return worker.ours if marked else super().holds(row, worker)


class MarkThenCall(Recipe):
    """What was about to be sent counts as done; nobody looks whether it left."""

    def after_death(self, row: Row) -> Row:
        """sending → verified."""
        return super().after_death(row)._replace(state=State.VERIFIED, kind=None)


class NoSweeper(Recipe):
    """A stable key, but nobody looks for lost leases and unrung bells."""

    sweeps = False


class StaleAbsence(Recipe):
    """ "Not there" is believed whoever says so."""

    fenced = False

    def holds(self, row: Row, worker: Worker) -> bool:
        """Also from a worker that lost its fence."""
        absent = worker.says is Says.ABSENT and worker.purpose is Purpose.PROBE
        return super().holds(row, worker._replace(ours=worker.ours or absent))


class OneAbsence(Recipe):
    """One "not there" is enough, although the index lags."""

    def fate(self, row: Row, worker: Worker) -> Fate:
        """As though it had been said once before."""
        counts = row.counts._replace(absences=1)
        return super().fate(row._replace(counts=counts), worker)


class KeysForEver(Recipe):
    """A key is trusted beyond the time for which the target remembers it."""

    def aged(self, row: Row) -> Row:
        """It never ages."""
        return row


class NextGenerationUnproven(Recipe):
    """A replay of what was never answered takes a new generation of the key."""

    def taken_up(self, row: Row) -> Row:
        """The same step under the next key."""
        taken = super().taken_up(row)
        return taken._replace(generation=row.generation + (row.kind is IN_DOUBT))


class AskTheUnaskable(Recipe):
    """A target without look-up is treated as though its "not there" meant something."""

    def fate(self, row: Row, worker: Worker) -> Fate:
        """As for class B."""
        probed = row._replace(effect=Effect.PROBED)
        return super().fate(probed, worker)

    def after_death(self, row: Row) -> Row:
        """As for class B."""
        return super().after_death(row._replace(effect=Effect.PROBED))


class ResendWhatFailedItsReadBack(Recipe):
    """As the engine did once: a step that was confirmed, and could not be read back, is taken up
    again by sending it, after one look."""

    def taken_up(self, row: Row) -> Row:
        """Only what was never answered is asked for."""
        doubt = row.kind is IN_DOUBT and row.sent
        to = State.UNKNOWN if doubt else State.SCHEDULED
        return row._replace(state=to, counts=Counts(), lease=Lease.NONE, due=Wait.NOW)


class OldAbsencesCount(Recipe):
    """As the engine did once: "not there", said of an earlier send, counts for the next one too."""

    def intended(self, row: Row) -> Row:
        """The counts stay."""
        return super().intended(row)._replace(counts=row.counts)


class RefusalEndsDoubt(Recipe):
    """As the engine did once: a repeated send that is refused is said to have written nothing,
    although the first was never answered."""

    def fate(self, row: Row, worker: Worker) -> Fate:
        """The earlier doubt is forgotten."""
        assert worker.purpose is not None
        over = not row.quarantined
        return engine_fate(worker.says, worker.purpose, row.effect, row.counts, over, False)


class PendingIsShort(Recipe):
    """As the engine did once: a target that will do it later is asked after its own short time."""

    def fate(self, row: Row, worker: Worker) -> Fate:
        """A moment instead of the quarantine."""
        fate = super().fate(row, worker)
        short = worker.says is Says.PENDING and fate.due is Wait.LONG
        return fate._replace(due=Wait.SOON) if short else fate


class ParkedDoubtBlocksNothing(Recipe):
    """As the engine did once: only what is under way keeps another step of its record waiting."""

    def stands_before(self, row: Row, other: Row) -> bool:
        """Not what a person must decide."""
        return super().stands_before(row, other) and other.state in UNDER_WAY


class SendsAgainUndecided(Recipe):
    """Whoever replays a doubt that nobody can ask about has it sent again."""

    def taken_up(self, row: Row) -> Row:
        """In doubt → scheduled."""
        return super().taken_up(row)._replace(state=State.SCHEDULED)


class LooksTooEarly(Recipe):
    """What a person sees counts at once, while the request may still be on its way."""

    waits_to_look = False


class OldFindingCounts(Recipe):
    """What a person saw counts, whatever has become of the step since."""

    def believes(self, row: Row, *, ours: bool) -> bool:
        """While it waits for a person again."""
        return self.for_people_alone(row)


class NextGenerationProven(Recipe):
    """Sound: a new generation after the target was asked, past the quarantine, and has nothing."""

    def taken_up(self, row: Row) -> Row:
        """What was never answered is looked for, by key, before anything else."""
        taken = super().taken_up(row)
        doubt = row.effect is Effect.KEYED and row.kind is IN_DOUBT
        if not doubt:
            return taken
        return taken._replace(state=State.UNKNOWN, effect=Effect.PROBED, due=Wait.LONG,
                              quarantined=True)  # fmt: skip

    def intended(self, row: Row) -> Row:
        """Sent after a proven absence: under the next key."""
        proven = row.effect is Effect.PROBED and row.sent
        return super().intended(row)._replace(generation=row.generation + proven)


@dataclass(frozen=True, slots=True)
class Broken:
    """A recipe, the classes of target against which it breaks, and the rule that it breaks."""

    recipe: type[Recipe]
    against: tuple[Offer, ...]
    rule: str = TWICE
    faults: int = 3
    ends: int = 0
    steps: int = 1
    findings: int = 0

    def start(self, offer: Offer) -> World:
        """The beginning of the search."""
        return world(offer, ends=self.ends, steps=self.steps, findings=self.findings)


KNOWN = (
    Broken(BlindRetry, (B, C, D)),
    Broken(NewKeyPerAttempt, (A, A_HORIZON)),
    Broken(NoQuarantine, (B, C)),
    Broken(ReplayEnqueuesAnew, OFFERS),
    Broken(FenceWithoutState, OFFERS, NO_END, ends=1),
    Broken(StateWithoutFence, (B, C)),
    Broken(CallThenMark, (B, C, D)),
    Broken(MarkThenCall, OFFERS, LOST),
    Broken(NoSweeper, OFFERS, STUCK, faults=1),
    Broken(StaleAbsence, (C,), SAID),
    Broken(OneAbsence, (C,)),
    Broken(KeysForEver, (A_HORIZON,)),
    Broken(NextGenerationUnproven, (A, A_HORIZON)),
    Broken(AskTheUnaskable, (D,)),
    Broken(ResendWhatFailedItsReadBack, (C, D)),
    Broken(OldAbsencesCount, (C,), SAID),
    Broken(RefusalEndsDoubt, (A, A_HORIZON), SAID),
    Broken(PendingIsShort, (B,)),
    Broken(ParkedDoubtBlocksNothing, (D,), PASSED, faults=1, steps=2),
    Broken(SendsAgainUndecided, (D,)),
    Broken(LooksTooEarly, (D,), findings=1),
    Broken(OldFindingCounts, (D,), findings=2),
)
