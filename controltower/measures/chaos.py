"""The record of chaos runs: what breaking a whole tower at random showed, of which version.

`bin/chaos --record` appends to `docs/assurance.json`, which comes with the product. Seconds are
those until the first headway after a fault's end, times are UTC.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

RECORD = Path(__file__).resolve().parent.parent.parent / "docs" / "assurance.json"


@dataclass(frozen=True, slots=True)
class Run:
    """One run: what was done to the tower, and what came of what it had accepted."""

    at: datetime
    commit: str
    seed: int
    seconds: int
    faults: int
    accepted: int
    done: int
    closed: int
    lost: int
    twice: int
    stuck: int
    wrong: int
    in_doubt: int
    held: bool


@dataclass(frozen=True, slots=True)
class Recovery:
    """A kind of fault over all runs; `median` is that of the runs' medians, None where nothing
    waited to be done. `never` counts those after which nothing moved any more."""

    kind: str
    times: int
    median: float | None
    worst: float | None
    never: int


@dataclass(frozen=True, slots=True)
class Record:
    """Every recorded run, the newest first, and how long it took to recover in all of them."""

    runs: Sequence[Run]
    recoveries: Sequence[Recovery]


def record(path: Path = RECORD) -> Record | None:
    """What is on record; None where no run is, or the file did not come with the product."""
    try:
        told: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    if not told:
        return None
    runs = sorted(map(_run, told), key=lambda run: run.at, reverse=True)
    return Record(runs, recoveries(told))


def _run(told: dict[str, Any]) -> Run:
    return Run(
        at=datetime.fromisoformat(told["began"]),
        commit=told["commit"],
        faults=sum(told["faults"].values()),
        twice=told["duplicated"],
        held=told["passed"],
        **{
            name: told[name]
            for name in (
                "seed", "seconds", "accepted", "done", "closed", "lost", "stuck", "wrong",
                "in_doubt",
            )
        },
    )  # fmt: skip


def recoveries(told: Sequence[dict[str, Any]]) -> list[Recovery]:
    """Each kind of fault over all runs, by its name."""
    kinds = sorted({kind for run in told for kind in run["recovery"]})
    found = []
    for kind in kinds:
        each = [run["recovery"][kind] for run in told if kind in run["recovery"]]
        measured = sorted(one["median"] for one in each if one["measured"])
        found.append(
            Recovery(
                kind=kind,
                times=sum(one["times"] for one in each),
                median=measured[len(measured) // 2] if measured else None,
                worst=max(one["worst"] for one in each if one["measured"]) if measured else None,
                never=sum(one["never"] for one in each),
            )
        )
    return found
