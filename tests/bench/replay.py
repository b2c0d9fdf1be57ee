"""Replay: many dead letters planned, surveyed and released by the product's own verbs."""

from __future__ import annotations

import argparse
import json
import time

from tests.bench.ground import Ground, until
from tests.bench.report import Part
from tests.bench.tower.running import EVERYTHING, FEED, PATIENCE, Tower

STEPS = (
    ("planned", "frozen and planned", 10.0),
    ("surveyed", "surveyed and sealed", None),
    ("released", "released (first wave)", 2.0),
)
ONE_BY_ONE = "all taken up row by row, reckoned from 200"
FIRST_WAVE = "planned, surveyed and released (first wave)"
LIVE = 15.0
"""Seconds for which the released steps are then played, once the first is proven."""
PROVEN = "SELECT count(*) FROM transactions_replayitem WHERE state = 'verified'"


def measure(ground: Ground, wishes: argparse.Namespace) -> Part:
    """In each round all of it anew, with other letters."""
    part, tower = Part("replay"), Tower(ground, "replay")
    tower.prepare()
    part.configured["tower"] = (
        f"{wishes.letters:,} steps parked for one cause; planned, surveyed, approved by a second "
        "person, released (its first wave; the next follow by the second, at the pace that live "
        "traffic leaves); by row: taken up and audited in a commit each"
    )
    for number in range(wishes.rounds):
        said = tower.run([*FEED, "replay", f"p{number}", str(wishes.letters)])
        told: dict[str, float] = json.loads(said)
        for name, title, _goal in STEPS:
            part.note(title, told[name], "s")
        part.note(FIRST_WAVE, sum(told[name] for name, _title, _goal in STEPS), "s")
        part.note(ONE_BY_ONE, told["by_row"] * wishes.letters, "s")
        _play(tower, part)
        part.verify("items of the plan", wanted=wishes.letters, kept=int(told["items"]))
    for _name, title, goal in STEPS:
        if goal is not None:
            part.limit(part.figures[title], at_most=goal)
    part.compare(ONE_BY_ONE, FIRST_WAVE)
    return part


def _play(tower: Tower, part: Part) -> None:
    """How long the first takes from the start of the workers, and how many follow a second."""
    before = tower.ask(PROVEN)
    with tower.running(EVERYTHING):
        begun = time.monotonic()
        until(lambda: tower.ask(PROVEN) > before, PATIENCE, "the first replayed step")
        part.note("first one proven, from its workers' start", time.monotonic() - begun, "s")
        first = tower.ask(PROVEN)
        time.sleep(LIVE)
        proven = tower.ask(PROVEN) - first
    part.note("replayed and proven after the first", proven / LIVE, "steps/s")
