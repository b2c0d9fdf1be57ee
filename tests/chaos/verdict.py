"""What a run came to: for programs and for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.ledger import Findings
from tests.chaos.pulse import Recovery
from tests.chaos.schedule import Blow

MOST_SHOWN = 20


@dataclass(slots=True)
class Verdict:
    """Everything that was measured in one run."""

    seed: int
    commit: str
    began: str
    seconds: float
    settled: float | None
    """Seconds from the end of the faults until nothing was live; None when that never came."""
    played: int
    acknowledged: int
    facts: int
    blows: Sequence[Blow]
    findings: Findings
    breaches: Mapping[str, Sequence[str]]
    recovery: Mapping[str, Recovery]
    restarts: Mapping[str, int]
    exchanges: Mapping[str, Mapping[str, int]]
    """How many HTTP exchanges met each manner of the network, by upstream."""
    complaints: Sequence[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Nothing lost, doubled, stuck or wrong, every invariant held, no 500 was answered."""
        return self.findings.sound and not self.breaches and not self.complaints

    def as_dict(self) -> dict[str, Any]:
        """For `--json` and the record of runs."""
        found = self.findings
        return {
            "passed": self.passed,
            "seed": self.seed,
            "commit": self.commit,
            "began": self.began,
            "seconds": round(self.seconds),
            "settled": None if self.settled is None else round(self.settled, 1),
            "events": self.played,
            "acknowledged": self.acknowledged,
            "accepted": self.facts,
            "faults": dict(sorted(Counter(str(blow.fault) for blow in self.blows).items())),
            "done": found.done,
            "closed": found.closed,
            "lost": found.lost,
            "duplicated": found.duplicated,
            "stuck": found.stuck,
            "wrong": found.wrong,
            "in_doubt": found.in_doubt,
            "parked": found.parked,
            "invariants_broken": {code: list(rows) for code, rows in self.breaches.items()},
            "complaints": list(self.complaints),
            "restarts": dict(self.restarts),
            "exchanges": {name: {**met} for name, met in self.exchanges.items()},
            "recovery": {name: r.as_dict() for name, r in sorted(self.recovery.items())},
        }

    def table(self) -> str:
        """For people."""
        return "\n".join([*self._summary(), *self._recoveries(), *self._details()])

    def _summary(self) -> list[str]:
        found, calm = self.findings, self.settled
        ended = "never settled" if calm is None else f"settled {calm:.0f} s after the last fault"
        counts = {
            "done": found.done, "closed": found.closed, "in doubt": len(found.in_doubt),
            "parked": len(found.parked), "lost": len(found.lost),
            "duplicated": len(found.duplicated), "stuck": len(found.stuck),
            "wrong": len(found.wrong), "invariants broken": len(self.breaches),
        }  # fmt: skip
        run = f"seed {self.seed} · {self.seconds:.0f} s · {len(self.blows)} faults"
        return [
            f"{run} · {self.played} events · {self.facts} accepted facts · {ended}",
            "  " + " · ".join(f"{name} {count}" for name, count in counts.items()),
        ]

    def _recoveries(self) -> list[str]:
        lines = ["", *self._network()]
        lines += ["", f"  {'seconds to recover after':<44} {'times':>5} {'median':>7} {'worst':>7}"]
        for name, recovery in sorted(self.recovery.items()):
            r = recovery.as_dict()
            never = f"  never {r['never']} ×" if r["never"] else ""
            shown = (r["median"], r["worst"]) if r["measured"] else ("–", "–")
            lines.append(f"  {name:<44} {r['times']:>5} {shown[0]:>7} {shown[1]:>7}{never}")
        return lines

    def _network(self) -> list[str]:
        return [
            f"  {name} exchanges: "
            + " · ".join(f"{mode} {count}" for mode, count in met.items() if count)
            for name, met in self.exchanges.items()
        ]

    def _details(self) -> list[str]:
        lines: list[str] = []
        for title in ("lost", "duplicated", "stuck", "wrong", "in_doubt", "parked"):
            lines += _shown(title.replace("_", " "), getattr(self.findings, title))
        for code, rows in self.breaches.items():
            lines += _shown(f"invariant {code}", rows)
        lines += _shown("complaints", self.complaints)
        return [*lines, "", "Held." if self.passed else "NOT held."]


def _shown(title: str, rows: Sequence[str]) -> list[str]:
    if not rows:
        return []
    more = [f"    … and {len(rows) - MOST_SHOWN} more"] if len(rows) > MOST_SHOWN else []
    return ["", f"  {title} ({len(rows)})", *(f"    {row}" for row in rows[:MOST_SHOWN]), *more]
