"""The report's arithmetic: ratios within rounds, goals, and books that differ."""

from __future__ import annotations

from tests.bench.report import Part, table


def measured() -> Part:
    part = Part("engine")
    for ours, theirs in ((300.0, 100.0), (200.0, 50.0), (90.0, 90.0)):
        part.note("ours", ours, "steps/s")
        part.note("theirs", theirs, "steps/s")
    return part


def test_a_ratio_is_taken_within_each_round() -> None:
    part = measured()
    part.compare("ours", "theirs", goal=3)
    (ratio,) = part.ratios
    assert list(ratio.rounds) == [3.0, 4.0, 1.0]
    assert ratio.median == 3.0 and ratio.met is True


def test_a_ceiling_is_missed_from_above() -> None:
    part = measured()
    part.compare("ours", "theirs", goal=1.2, at_least=False)
    part.limit(part.figures["theirs"], at_most=90)
    assert [ratio.met for ratio in part.ratios] == [False, True]


def test_what_was_not_measured_is_not_compared() -> None:
    part = measured()
    part.compare("ours", "nobody's")
    assert part.ratios == []


def test_books_that_differ_are_shown() -> None:
    part = Part("engine")
    part.verify("well", wanted=10, kept=10, calls=20, calls_each=2)
    part.verify("lost", wanted=10, kept=9, calls=10)
    part.verify("doubled", wanted=10, kept=10, calls=11)
    assert [line.rpartition(" ")[2] for line in part.fidelity] == ["agrees", "DIFFERS", "DIFFERS"]


def test_the_table_names_median_and_spread() -> None:
    part, lines = measured(), list[str]()
    part.compare("ours", "theirs", goal=5)
    table(part, lines.append)
    assert "| ours ÷ theirs | **3.00 ×** | 3.00 · 4.00 · 1.00 | ≥ 5: not reached |" in lines
    assert "| ours | 200 | 90 – 300 | steps/s |" in lines
