"""What a run found: figures of several rounds, ratios between them, in words and as JSON.

A ratio is taken within each round, where both sides met the same machine in the same minute, and
only then its median over the rounds.
"""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any


@dataclass(slots=True)
class Figure:
    """One measured thing, a value for each round (nan when a round gave none)."""

    name: str
    unit: str
    rounds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The middle of the rounds."""
        return statistics.median(self.rounds)

    @property
    def spread(self) -> tuple[float, float]:
        """The lowest and the highest round."""
        return min(self.rounds), max(self.rounds)


@dataclass(frozen=True, slots=True)
class Ratio:
    """One figure over another, and what is asked of it ("" = only for information).

    `at_least` says whether the goal is a floor or a ceiling.
    """

    name: str
    rounds: Sequence[float]
    goal: float | None = None
    at_least: bool = True

    @property
    def median(self) -> float:
        """The middle of the rounds' ratios."""
        return statistics.median(self.rounds)

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None without a goal."""
        if self.goal is None:
            return None
        return self.median >= self.goal if self.at_least else self.median <= self.goal


@dataclass
class Part:
    """The findings about one path: ratios, figures, how everything was configured, and whether
    each run's books agreed with the far side's."""

    name: str
    figures: dict[str, Figure] = field(default_factory=dict)
    ratios: list[Ratio] = field(default_factory=list)
    configured: dict[str, str] = field(default_factory=dict)
    fidelity: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    def note(self, name: str, value: float, unit: str) -> None:
        """One round's value of a figure."""
        self.figures.setdefault(name, Figure(name, unit)).rounds.append(value)

    def verify(
        self, who: str, *, wanted: int, kept: int, calls: int | None = None, calls_each: int = 1
    ) -> None:
        """Write down what the books say at the end of a run; a difference is shown as one."""
        agree = kept == wanted and calls in (None, wanted * calls_each)
        heard = "" if calls is None else f", the far side saw {calls:,} calls"
        verdict = "agrees" if agree else "DIFFERS"
        self.fidelity.append(f"{who}: {wanted:,} given, {kept:,} durable{heard}: {verdict}")

    def compare(
        self,
        ours: str,
        theirs: str,
        *,
        goal: float | None = None,
        at_least: bool = True,
    ) -> None:
        """Add the ratio of two figures, if both were measured."""
        if ours not in self.figures or theirs not in self.figures:
            return
        pairs = zip(self.figures[ours].rounds, self.figures[theirs].rounds, strict=False)
        rounds = [one / other for one, other in pairs if other]
        if rounds:
            self.ratios.append(Ratio(f"{ours} ÷ {theirs}", rounds, goal, at_least))

    def limit(self, figure: Figure, *, at_most: float) -> None:
        """Ask of a figure itself that it stays within a bound; shown as a share of the bound."""
        name = f"{figure.name} ÷ {at_most:g} {figure.unit}"
        rounds = [value / at_most for value in figure.rounds]
        self.ratios.append(Ratio(name, rounds, 1.0, at_least=False))

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "ratios": [
                {
                    "name": r.name,
                    "median": r.median,
                    "rounds": list(r.rounds),
                    "goal": r.goal,
                    "met": r.met,
                }
                for r in self.ratios
            ],
            "figures": [
                {"name": f.name, "unit": f.unit, "median": f.median, "rounds": f.rounds}
                for f in self.figures.values()
            ],
            "configured": self.configured,
            "fidelity": self.fidelity,
            "left_out": self.left_out,
        }


def machine() -> dict[str, str]:
    """What ran it, as far as figures depend on it."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": str(os.cpu_count()),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "load before": f"{os.getloadavg()[0]:.1f}",
    }


def table(part: Part, say: Callable[[str], None]) -> None:
    """Ratios first, absolute figures second, then how it was done and what was checked."""
    say(f"\n## {part.name}\n")
    if part.ratios:
        say("| ratio | median | rounds | goal |\n|---|---|---|---|")
        for ratio in part.ratios:
            rounds = " · ".join(f"{value:.2f}" for value in ratio.rounds)
            say(f"| {ratio.name} | **{ratio.median:.2f} ×** | {rounds} | {_goal(ratio)} |")
        say("")
    say("| figure | median | lowest – highest | unit |\n|---|---|---|---|")
    for figure in part.figures.values():
        low, high = figure.spread
        say(
            f"| {figure.name} | {_number(figure.median)} | {_number(low)} – {_number(high)} "
            f"| {figure.unit} |"
        )
    for title, lines in (
        ("How each was configured", [f"{who}: {how}" for who, how in part.configured.items()]),
        ("What the books say", part.fidelity),
        ("Left out", [f"{who}: {why}" for who, why in part.left_out.items()]),
    ):
        if lines:
            say(f"\n{title}:\n")
            for line in lines:
                say(f"- {line}")


def _goal(ratio: Ratio) -> str:
    if ratio.goal is None:
        return ""
    sign, verdict = "≥" if ratio.at_least else "≤", "reached" if ratio.met else "not reached"
    return f"{sign} {ratio.goal:g}: {verdict}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
