"""The record of chaos runs and the table made from it: ``python -m tests.chaos.assurance``.

A run with ``--record`` appends to ``docs/assurance.json``; the table in ``docs/assurance.md``
between its two marks is made from that file and from nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from controltower.measures.chaos import RECORD, recoveries
from controltower.supervisor.home import REPOSITORY

PAGE = REPOSITORY / "docs" / "assurance.md"
BEGIN, END = "<!-- runs -->", "<!-- end of runs -->"
COUNTED = ("lost", "duplicated", "stuck", "wrong", "in_doubt", "parked")
COLUMNS = (
    "When (UTC)", "Commit", "Seed", "Seconds", "Faults", "Events", "Accepted", "Lost", "Twice",
    "Stuck", "Wrong", "In doubt", "Parked", "Broken invariants", "Settled (s)", "Held",
)  # fmt: skip
SLOWEST = ("Fault", "Times", "Median (s)", "Worst (s)", "Never")


def append(verdict: dict[str, Any]) -> None:
    """Add a run to the record and make the table anew. Lists become counts: the record says how
    many, the run itself said which."""
    kept = {name: len(value) if name in COUNTED else value for name, value in verdict.items()}
    kept["invariants_broken"] = sorted(verdict["invariants_broken"])
    kept["complaints"] = len(verdict["complaints"])
    RECORD.write_text(json.dumps([*runs(), kept], indent=1, ensure_ascii=False) + "\n")
    PAGE.write_text(page(PAGE.read_text(), runs()))


def runs() -> list[dict[str, Any]]:
    """Every recorded run, oldest first."""
    found: list[dict[str, Any]] = json.loads(RECORD.read_text()) if RECORD.exists() else []
    return found


def page(text: str, recorded: Sequence[dict[str, Any]]) -> str:
    """The page with its tables made from the record. Raises ValueError without the marks."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page needs the marks {BEGIN} and {END}")
    return "".join((before, BEGIN, "\n", tables(recorded), "\n", END, after))


def tables(recorded: Sequence[dict[str, Any]]) -> str:
    """All runs, and how long it took to recover after each kind of fault in all of them."""
    lines = [*_head(COLUMNS), *(_row(_cells(run)) for run in recorded), ""]
    return "\n".join([*lines, *_head(SLOWEST), *(_row(cells) for cells in _slowest(recorded))])


def _cells(run: dict[str, Any]) -> list[Any]:
    return [
        run["began"][:16].replace("T", " "), run["commit"], run["seed"], run["seconds"],
        sum(run["faults"].values()), run["events"], run["accepted"], run["lost"],
        run["duplicated"], run["stuck"], run["wrong"], run["in_doubt"], run["parked"],
        ", ".join(run["invariants_broken"]) or 0, _shown(run["settled"]),
        "yes" if run["passed"] else "**no**",
    ]  # fmt: skip


def _slowest(recorded: Sequence[dict[str, Any]]) -> list[list[Any]]:
    """Each kind of fault over all runs."""
    return [
        [
            one.kind, one.times, "–" if one.median is None else one.median,
            "–" if one.worst is None else one.worst, one.never,
        ]
        for one in recoveries(recorded)
    ]  # fmt: skip


def _shown(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:g}"


def _head(columns: Sequence[str]) -> list[str]:
    return [_row(columns), _row(["---"] * len(columns))]


def _row(cells: Sequence[Any]) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(), runs()))
