"""Search by hand: `python -m tests.model [--faults N] [--replays N] [--class B] [--tell]`."""

from __future__ import annotations

import argparse
from time import monotonic

from tests.model.broken import KNOWN
from tests.model.game import Game
from tests.model.recipe import Recipe
from tests.model.search import Found, Search
from tests.model.world import OFFERS, Offer, World, world


def main() -> int:
    """Search the sound recipe, then each broken one; 1 when anything is not as it should be."""
    asked = argparse.ArgumentParser(prog="python -m tests.model")
    asked.add_argument("--faults", type=int, default=3)
    asked.add_argument("--replays", type=int, default=2)
    asked.add_argument("--class", dest="offer", choices=[offer.name for offer in OFFERS])
    asked.add_argument("--tell", action="store_true", help="print the counterexamples")
    given = asked.parse_args()
    offers = [offer for offer in OFFERS if given.offer in {None, offer.name}]
    wrong = 0
    for offer in offers:
        start = world(offer, replays=given.replays)
        found = _searched("sound", Search(Game(Recipe(), offer)), start, given.faults, offer)
        wrong += bool(found.broken)
        print(found.broken and str(found))
    for known in KNOWN:
        for offer in (one for one in offers if one in known.against):
            search = Search(Game(known.recipe(), offer), known.rule)
            found = _searched(
                known.recipe.__name__, search, known.start(offer), known.faults, offer
            )
            wrong += not found.broken
            print(str(found) if given.tell else found.broken)
    return int(wrong > 0)


def _searched(name: str, search: Search, start: World, faults: int, offer: Offer) -> Found:
    began = monotonic()
    found = search.run(start, faults=faults)
    spent = monotonic() - began
    counted = f"{found.worlds:>9} worlds {found.moves:>9} moves {spent:6.1f} s"
    print(f"{name:28} {offer.name:3}{counted} ", end="", flush=True)
    return found


if __name__ == "__main__":
    raise SystemExit(main())
