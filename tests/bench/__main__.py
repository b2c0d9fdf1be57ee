"""Measure the hot paths beside the machine's floor and beside what a user would pick instead.

bin/bench [intake|engine|boards|replay|all] [--rounds N] [--seconds S] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench import boards, engine, intake, replay
from tests.bench.ground import Ground, Trouble, ground
from tests.bench.report import Part, machine, table

PARTS: dict[str, Callable[[Ground, argparse.Namespace], Part]] = {
    "intake": intake.measure,
    "engine": engine.measure,
    "boards": boards.measure,
    "replay": replay.measure,
}


def main() -> int:
    """Run the parts that are wanted, print their tables, write them down when asked to."""
    wishes = _wishes()
    wanted = list(PARTS) if wishes.part == "all" else [wishes.part]
    about, begun = machine(), time.monotonic()
    print(", ".join(f"{name} {value}" for name, value in about.items()), flush=True)
    parts = []
    try:
        with ground() as prepared:
            for name in wanted:
                print(f"measuring {name} …", flush=True)
                parts.append(PARTS[name](prepared, wishes))
    except Trouble as trouble:
        print(f"The run stopped: {trouble}", file=sys.stderr)
        return 1
    for part in parts:
        table(part, print)
    print(f"\n{time.monotonic() - begun:.0f} s")
    if wishes.json:
        found = {"machine": about, "parts": {part.name: part.as_dict() for part in parts}}
        wishes.json.write_text(json.dumps(found, indent=1) + "\n")
    return 1 if any("DIFFERS" in line for part in parts for line in part.fidelity) else 0


def _wishes() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bin/bench", description=__doc__)
    parser.add_argument("part", nargs="?", choices=[*PARTS, "all"], default="all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="for each single measurement")
    parser.add_argument("--surge", type=float, default=60.0, help="seconds of the surge")
    parser.add_argument("--transactions", type=int, default=100_000, help="behind the boards")
    parser.add_argument("--letters", type=int, default=20_000, help="to be replayed")
    parser.add_argument("--peers", default="", help="only these, by name, separated by commas")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
