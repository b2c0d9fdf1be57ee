"""Which parts a workflow needs played, and what a feed is read for. Pure."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from controltower.processes.catalogue import PROCESSES, WATCHES
from controltower.processes.definition import Facts, Process, Workflow

BLANK = Facts(
    "", "", {"billing_method": "Fixed fee"}, (), {}, {}, {}, datetime.min.replace(tzinfo=UTC)
)
"""Of nothing in particular: what a workflow plays in general."""


def needed(process: Process) -> tuple[str, ...]:
    """The parts that systems play in a process ("crm", "erp"), in the order of its steps."""
    return tuple(dict.fromkeys(step.role for step in process.steps(BLANK) if step.role))


def read_for(role: str, entity: str, tells: Collection[str]) -> list[Workflow]:
    """What a feed of that part starts, by the types of events that come of it; else what waits for
    it to tell that something has happened."""
    started = [one for one in PROCESSES if set(one.starts_on) & set(tells)]
    awaited = [one for one in WATCHES if (role, entity) in _tellers(one)]
    if not started and not awaited:
        awaited = [one for one in WATCHES if (role, "") in _tellers(one)]
    return [*started, *awaited]


def _tellers(watch: Workflow) -> set[tuple[str, str]]:
    return {one.told_by for one in getattr(watch, "milestones", ())}
