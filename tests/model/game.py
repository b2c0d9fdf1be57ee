"""The rules of the world itself: a recipe, and a target of one class."""

from __future__ import annotations

from dataclasses import dataclass

from controltower.canonical.verdicts import Effect
from controltower.transactions.protocol import CLAIMABLE, State
from tests.model.recipe import Recipe
from tests.model.world import Lease, Offer, Phase, Says, Target, Wait, World


@dataclass(slots=True)
class Game:
    """Who plays against what. `punctual` is the declared limit: what was sent arrives before its
    quarantine ends. `may_fail` says whether one more fault may happen now."""

    recipe: Recipe
    offer: Offer
    punctual: bool = True
    may_fail: bool = False

    def claimable(self, now: World, step: int) -> bool:
        """The rule of the CLAIM statement (`claiming.py`)."""
        row = now.rows[step]
        if row.state not in CLAIMABLE or row.due is not Wait.NOW or row.lease is Lease.LIVE:
            return False
        return row.state is not State.SCHEDULED or not self.waits(now, step)

    def waits(self, now: World, step: int) -> bool:
        """Whether another step of the same business record stands before this one."""
        return any(
            self.recipe.stands_before(now.rows[step], row)
            for other, row in enumerate(now.rows)
            if other != step
        )

    def under_way(self, now: World, step: int, since: Phase = Phase.SENT) -> bool:
        """Whether a request may still arrive, in which case no declared limit has passed."""
        if not self.punctual:
            return False
        sending = any(w.step == step and since <= w.phase <= Phase.SENT for w in now.workers)
        return sending or bool(now.targets[step].late)

    def looked_up(self, target: Target, *, numbered: bool = False) -> Says:
        """What a search by our reference says, or the number that a person gave."""
        if self.offer.effect is Effect.UNREPEATABLE and not numbered:
            return Says.UNKNOWN
        seen = target.shown if self.offer.effect is Effect.LAGGING else target.effects
        return (Says.ABSENT, Says.DONE, Says.TWICE)[seen]

    def landed(self, target: Target, key: int) -> Target:
        """The target's books after a request under a key."""
        if self.offer.effect is Effect.KEYED and target.keys >> key & 1:
            return target
        effects = min(target.effects + 1, 2)
        return target._replace(effects=effects, keys=target.keys | 1 << key)
