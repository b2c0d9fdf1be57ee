"""What a runbook's steps may say. A step is JSON: `kind`, `title`, `words`, and by its kind
`what` (check, act, wait), `choices` (decide: each `label` and `to`) and `minutes` (wait: for so
long, or at most so long where `what` is waited for). `to`, which every step may have, is where it
goes on: a later step, "next" or "end"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

CHECK, ACT, DECIDE, WAIT = "check", "act", "decide", "wait"
KINDS = (CHECK, ACT, DECIDE, WAIT)
NEXT, END = "next", "end"

REACHABLE, PERIOD_OPEN, NOTHING_STUCK, HOW_MANY = (
    "system_reachable",
    "period_open",
    "nothing_stuck",
    "how_many",
)
CHECKS = (REACHABLE, PERIOD_OPEN, NOTHING_STUCK, HOW_MANY)

REPLAY, PAUSE, RESUME = "replay", "pause_system", "resume_system"
NEXT_PERIOD, REOPENED, CREDIT = "next_period", "reopened", "credit"
WRITE_AGAIN, LET_STAND = "write_again", "let_stand"
ELSEWHERE, WRITE_OFF = "settle_elsewhere", "write_off"
ACTS = (
    REPLAY, PAUSE, RESUME, NEXT_PERIOD, REOPENED, CREDIT, WRITE_AGAIN, LET_STAND,
    ELSEWHERE, WRITE_OFF,
)  # fmt: skip
WITHOUT_REASON = (REPLAY, RESUME)
MOST_STEPS, LONGEST_WAIT = 30, 7 * 24 * 60

Step = Mapping[str, Any]


class BadSteps(Exception):
    """The steps could not be followed; the text says which and why."""


def check_steps(steps: Sequence[Step]) -> None:
    """Every step must be complete and possible. Raises BadSteps."""
    if not steps:
        raise BadSteps("A runbook needs at least one step.")
    if len(steps) > MOST_STEPS:
        raise BadSteps(f"A runbook has {MOST_STEPS} steps at most.")
    for number, step in enumerate(steps, start=1):
        if problem := _problem(step, number, len(steps)):
            raise BadSteps(f"Step {number}: {problem}")


def _problem(step: Step, number: int, count: int) -> str:
    kind, what = step.get("kind"), step.get("what", "")
    if kind not in KINDS:
        return "say whether it checks, acts, asks for a decision or waits."
    if not str(step.get("title", "")).strip():
        return "it needs a title."
    if not _leads_on(step, number, count):
        return "it must lead to a later step, to the next, or to the end."
    if kind == CHECK and what not in CHECKS:
        return "say what it checks."
    if kind == ACT and what not in ACTS:
        return "say what it does."
    if kind == DECIDE:
        return _choices(step.get("choices") or (), number, count)
    return _wait(step) if kind == WAIT else ""


def _choices(choices: Sequence[Step], number: int, count: int) -> str:
    if len(choices) < 2:
        return "a decision needs two choices at least."
    for choice in choices:
        if not str(choice.get("label", "")).strip():
            return "every choice needs a label."
        if not _leads_on(choice, number, count):
            return f"“{choice['label']}” must lead to a later step, to the next, or to the end."
    return ""


def _leads_on(step: Step, number: int, count: int) -> bool:
    to = step.get("to", NEXT)
    return to in (NEXT, END) or (isinstance(to, int) and number < to <= count)


def _wait(step: Step) -> str:
    minutes = step.get("minutes")
    if not isinstance(minutes, int) or not 0 < minutes <= LONGEST_WAIT:
        return "say for how many minutes it waits, a week at most."
    if step.get("what") and step["what"] not in CHECKS:
        return "say what it waits for."
    return ""
