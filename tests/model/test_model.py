"""The step protocol, searched: the sound recipe holds in every history, simpler ones do not.

By hand, deeper and with every counterexample told: `python -m tests.model --faults 4`.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from tests.model import broken
from tests.model.broken import KNOWN, Broken
from tests.model.game import Game
from tests.model.recipe import Recipe
from tests.model.search import TWICE, Search
from tests.model.world import A_HORIZON, OFFERS, A, B, C, D, Offer, world


@pytest.fixture(autouse=True)
def _no_collection() -> Iterator[None]:
    """A search keeps all that it makes: looking for what could be thrown away takes a third of
    its time."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


offers = pytest.mark.parametrize("offer", OFFERS, ids=lambda offer: offer.name)


@offers
def test_the_sound_recipe_holds_in_every_history(offer: Offer) -> None:
    found = Search(Game(Recipe(), offer)).run(world(offer), faults=3)
    print(f"{offer.name}: {found}")
    assert not found.broken, found
    assert found.moves > 50_000, "hardly anything was searched"


@offers
def test_without_faults_every_step_is_verified(offer: Offer) -> None:
    search = Search(Game(Recipe(), offer))
    assert not search.run(world(offer), faults=0).broken
    assert {row.state for now in search.at_rest() for row in now.rows} == {"verified"}


@offers
def test_an_end_is_an_end(offer: Offer) -> None:
    found = Search(Game(Recipe(), offer)).run(world(offer, replays=1, ends=1), faults=2)
    assert not found.broken, found


@offers
def test_of_one_business_record_one_step_is_in_flight(offer: Offer) -> None:
    found = Search(Game(Recipe(), offer)).run(world(offer, replays=0, steps=2), faults=1)
    assert not found.broken, found


def test_what_nobody_can_ask_is_sent_again_once_by_those_who_looked() -> None:
    search = Search(Game(Recipe(), D))
    found = search.run(world(D, replays=1, findings=2), faults=2)
    print(found)
    assert not found.broken, found
    decided = [row for now in search.at_rest() for row in now.rows if row.generation]
    assert {row.state for row in decided} >= {"verified", "parked"}
    assert any(row.numbered and row.state == "verified" for now in search.at_rest()
               for row in now.rows)  # fmt: skip


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.recipe.__name__)
def test_a_broken_recipe_is_rejected(known: Broken) -> None:
    for offer in known.against:
        game = Game(known.recipe(), offer)
        found = Search(game, known.rule).run(known.start(offer), faults=known.faults)
        print(f"{known.recipe.__name__} against {offer.name}: {found}")
        assert found.broken.startswith(known.rule) and found.broken, found


def test_a_key_makes_blind_retry_harmless_and_nothing_else_does() -> None:
    """What the classes are for: the same recipe, another target."""
    found = Search(Game(broken.BlindRetry(), A), TWICE).run(world(A), faults=2)
    assert not found.broken, found


@pytest.mark.parametrize("offer", [A, A_HORIZON], ids=lambda offer: offer.name)
def test_a_new_generation_is_safe_once_absence_is_proven(offer: Offer) -> None:
    found = Search(Game(broken.NextGenerationProven(), offer), TWICE).run(world(offer), faults=2)
    assert not found.broken, found


@pytest.mark.parametrize("offer", [B, C], ids=lambda offer: offer.name)
def test_a_target_that_is_later_than_it_declares_may_act_twice(offer: Offer) -> None:
    """The limit of the promise: no look-up can see what arrives after it."""
    found = Search(Game(Recipe(), offer, punctual=False), TWICE).run(world(offer), faults=1)
    assert found.broken, "the declared limit would not be needed"
    for safe in (A, D):
        found = Search(Game(Recipe(), safe, punctual=False), TWICE).run(world(safe), faults=2)
        assert not found.broken, found
