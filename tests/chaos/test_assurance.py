"""The table in the docs is the record, and nothing but the record."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chaos import assurance

RUN: dict[str, Any] = {
    "passed": True, "seed": 7, "commit": "abc1234", "began": "2026-11-21T06:30:00+00:00",
    "seconds": 120, "settled": 31.5, "events": 96, "acknowledged": 20, "accepted": 110,
    "faults": {"killed": 12, "frozen": 9}, "done": 110, "closed": 0, "lost": 0, "duplicated": 0,
    "stuck": 0, "wrong": 0, "in_doubt": 1, "parked": 0, "invariants_broken": [], "complaints": 0,
    "restarts": {}, "exchanges": {}, "recovery": {
        "web killed": {"times": 2, "measured": 2, "median": 1.5, "worst": 2.0, "never": 0}
    },
}  # fmt: skip


def test_the_published_table_matches_the_record() -> None:
    text = assurance.PAGE.read_text()
    assert assurance.page(text, assurance.runs()) == text, "run python -m tests.chaos.assurance"


def test_another_record_is_another_table() -> None:
    text = assurance.PAGE.read_text()
    other = [*assurance.runs(), RUN]
    assert "| 2026-11-21 06:30 | abc1234 | 7 | 120 | 21 |" in assurance.page(text, other)
    assert assurance.page(text, other) != text


def test_a_run_that_did_not_hold_says_so() -> None:
    failed = RUN | {"passed": False, "lost": 2, "settled": None, "invariants_broken": ["I4"]}
    table = assurance.tables([failed])
    assert "| **no** |" in table
    assert "| I4 | never |" in table


def test_recoveries_are_taken_over_all_runs() -> None:
    slow = RUN | {"recovery": {
        "web killed": {"times": 1, "measured": 1, "median": 9.0, "worst": 9.0, "never": 1}
    }}  # fmt: skip
    assert "| web killed | 3 | 9.0 | 9.0 | 1 |" in assurance.tables([RUN, slow])


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="marks"):
        assurance.page("no marks", [])
