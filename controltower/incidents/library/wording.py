"""The steps of a runbook, as the product words them."""

from __future__ import annotations

from typing import Any

from controltower.incidents import steps

Rule = dict[str, Any]
Book = tuple[str, str, Rule, list[Rule]]
"""Name, title, what it fits, and its steps."""


def check(title: str, what: str, words: str = "") -> Rule:
    return {"kind": steps.CHECK, "what": what, "title": title, "words": words}


def act(title: str, what: str, words: str = "") -> Rule:
    return {"kind": steps.ACT, "what": what, "title": title, "words": words}


def decide(title: str, words: str, *choices: tuple[str, int | str]) -> Rule:
    found = [{"label": label, "to": to} for label, to in choices]
    return {"kind": steps.DECIDE, "title": title, "words": words, "choices": found}


def wait(title: str, what: str, minutes: int, words: str = "") -> Rule:
    return {
        "kind": steps.WAIT, "what": what, "title": title, "words": words, "minutes": minutes,
    }  # fmt: skip


HOW_MUCH = check(
    "See how much hangs on it", steps.HOW_MANY, "The figures of this moment are kept as evidence."
)
CORRECTED = wait(
    "Wait for the correction to come in",
    steps.NOTHING_STUCK,
    60,
    "What is corrected at its source is taken up by itself.",
)
REPLAY = act(
    "Replay what is stuck",
    steps.REPLAY,
    "A plan is made first and asks every target what would happen. Release it on its page; above "
    "the firm's limit a second person approves exactly that plan.",
)
NOTHING_LEFT = check("See that nothing of it is stuck", steps.NOTHING_STUCK)
