"""The product's runbook for whatever no other one is about: a rule of ours, or a system's own,
says no to a record."""

from __future__ import annotations

from controltower.canonical.verdicts import Kind
from controltower.incidents import steps
from controltower.incidents.library.wording import (
    CORRECTED,
    HOW_MUCH,
    NOTHING_LEFT,
    REPLAY,
    Book,
    act,
    decide,
)
from controltower.processes import catalogue, facts_to_analytics, facts_to_subscribers
from controltower.processes.parts import BLANK

_TOLD_BY_OTHERS = (facts_to_analytics.PROCESS, facts_to_subscribers.PROCESS)
STEPS = sorted(
    {
        step.name
        for one in catalogue.PROCESSES
        if one not in _TOLD_BY_OTHERS
        for step in one.steps(BLANK)
    }
)
"""Every step that carries a record of somebody's, as the workflows have them in general."""
KINDS = [
    Kind.VALIDATION, Kind.REFERENCE_MISSING, Kind.CONFLICT, Kind.NOT_FOUND, Kind.ALREADY_DONE,
    Kind.CONTRACT, Kind.TRANSIENT,
]  # fmt: skip

RUNBOOKS: tuple[Book, ...] = (
    (
        "record-refused",
        "A record cannot go on as it is",
        {"kinds": KINDS, "steps": STEPS},
        [
            HOW_MUCH,
            decide(
                "What is wrong?",
                "The exception says it in words, and names the record. Where a rule of ours has "
                "stopped it nothing was sent; where a system has refused it, its own words stand "
                "there.",
                ("The record: it is corrected where it is mastered", 3),
                ("Our mapping, or that system's settings: they are put right", 4),
                ("It was settled by hand, or nothing is to be done", 6),
            ),
            CORRECTED | {"to": "end"},
            REPLAY,
            NOTHING_LEFT | {"to": "end"},
            act("Settle it", steps.ELSEWHERE, "Say what was done, and under which number."),
        ],
    ),
)
