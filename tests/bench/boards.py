"""Pages: every page and fragment of a filled tower, timed on the server by `manage.py bench`."""

from __future__ import annotations

import argparse
import re
import sys

from tests.bench.ground import Ground
from tests.bench.report import Part
from tests.bench.tower.running import Tower

PRODUCT = [sys.executable, "manage.py"]
LINE = re.compile(r"^(?P<page>\S.*?)\s+(?P<p50>\d+)\s+(?P<p95>\d+)\s+(?P<queries>\d+)\s+[\d.]+")
"""As the command prints a page: name, p50 and p95 in milliseconds, queries, kilobytes."""
GOAL = 60
"""Milliseconds that any of them may take at the 95th percentile."""


def measure(ground: Ground, wishes: argparse.Namespace) -> Part:
    """Fill the demo firm's tower, then time its pages in rounds."""
    part, tower = Part("boards"), Tower(ground, "boards")
    tower.migrate(PRODUCT)
    tower.run([*PRODUCT, "collectstatic", "--noinput", "--verbosity", "0"])
    tower.run([*PRODUCT, "seed_demo"])
    tower.run([*PRODUCT, "fill", str(wishes.transactions)], tower.owner)
    part.configured["tower"] = f"{wishes.transactions:,} transactions by manage.py fill; no load"
    for _round in range(wishes.rounds):
        said = tower.run([*PRODUCT, "bench", "pages", "--rounds", "10"])
        found = list(filter(None, map(LINE.match, said.splitlines())))
        for page in found:
            part.note(f"{page['page']}, p50", float(page["p50"]), "ms")
            part.note(f"{page['page']}, p95", float(page["p95"]), "ms")
        part.note("slowest page, p95", max(float(page["p95"]) for page in found), "ms")
    part.limit(part.figures["slowest page, p95"], at_most=GOAL)
    return part
