"""CPU time of each piece of work: what a busy machine cannot blur as it blurs rates.

Read from /proc, so on Linux only; elsewhere there is no such figure.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from subprocess import Popen

from tests.bench.ground import Ground

TICKS = os.sysconf("SC_CLK_TCK")


class Meter:
    """CPU seconds of some programs and of the run's servers, against pieces that are done."""

    def __init__(self, ground: Ground, programs: Sequence[Popen[bytes]]) -> None:
        self._sessions = {program.pid for program in programs}
        self._servers = ground.server_pids()
        self._samples: list[tuple[int, float]] = []

    def look(self, done: int) -> None:
        """Note how much has been used for so many pieces."""
        self._samples.append((done, self.seconds()))

    def milliseconds_each(self) -> float:
        """From the first tenth to the end, so that starting up does not count; nan when there is
        nothing to tell."""
        if not self._samples:
            return float("nan")
        done, used = self._samples[-1]
        begun = next((one for one in self._samples if one[0] * 10 >= done), (done, used))
        pieces = done - begun[0]
        return 1000 * (used - begun[1]) / pieces if pieces and used else float("nan")

    def seconds(self) -> float:
        """Used by our sessions, by the servers and by the servers' children, living and ended."""
        total = 0
        for entry in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = entry.read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it has ended meanwhile
            parent, session = int(fields[1]), int(fields[3])
            pid = int(entry.parent.name)
            if session in self._sessions or pid in self._servers or parent in self._servers:
                total += sum(map(int, fields[11:15]))
        return total / TICKS
