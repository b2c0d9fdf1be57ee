"""The comparison finds what is wrong: each kind of breach, and nothing in sound books."""

from __future__ import annotations

from decimal import Decimal

from tests.chaos.ledger import Effect, Fact, Findings, Position, Standing, compare

REFERENCE = "CT-7F3K9QA2WX"
FACT = Fact("TC-1", "TC-1", "time")
INVOICE = Effect(
    "ERP invoices", REFERENCE, "2026-17", frozenset({"TC-1"}), Decimal("990.00"), Decimal("990")
)


def found(
    position: Position | None = Position(Standing.DONE, REFERENCE),  # noqa: B008 - frozen
    effects: tuple[Effect, ...] = (INVOICE,),
    references: frozenset[str] = frozenset({REFERENCE}),
) -> Findings:
    """What is found of one approved timecard."""
    positions = {} if position is None else {"TC-1": position}
    return compare([FACT], positions, effects, references)


def test_sound_books_show_nothing() -> None:
    findings = found()
    assert findings.sound
    assert findings.done == 1


def test_a_fact_that_the_tower_never_heard_of_is_lost() -> None:
    findings = found(None)
    assert "not in the tower's books" in findings.lost[0]
    assert not findings.sound


def test_a_fact_that_is_done_in_the_tower_only_is_lost() -> None:
    findings = found(effects=())
    assert "not in the target's books" in findings.lost[0]
    assert not findings.sound


def test_one_key_in_two_records_is_doubled() -> None:
    twin = Effect("ERP invoices", REFERENCE, "2026-18")
    findings = found(effects=(INVOICE, twin))
    assert findings.duplicated == [f"ERP invoices holds {REFERENCE} 2 times"]
    assert not findings.sound


def test_one_fact_in_two_records_is_doubled() -> None:
    other = Effect("ERP invoices", f"{REFERENCE}-2", "2026-18", frozenset({"TC-1"}))
    assert found(effects=(INVOICE, other)).duplicated == ["ERP invoices holds TC-1 in 2 records"]


def test_the_same_record_in_two_kinds_of_books_is_not_doubled() -> None:
    event = Effect("PSA billing", REFERENCE, "BE-1", frozenset({"TC-1"}))
    assert found(effects=(INVOICE, event)).sound


def test_a_live_fact_is_stuck_and_so_is_an_unread_one() -> None:
    for standing in (Standing.LIVE, Standing.UNREAD):
        findings = found(Position(standing, REFERENCE), effects=())
        assert len(findings.stuck) == 1
        assert not findings.sound


def test_doubt_and_parking_are_sound_only_while_somebody_sees_them() -> None:
    for standing, where in ((Standing.IN_DOUBT, "in_doubt"), (Standing.PARKED, "parked")):
        findings = found(Position(standing, REFERENCE), effects=())
        assert len(getattr(findings, where)) == 1
        assert findings.sound
        unseen = found(Position(standing, REFERENCE, owned=False), effects=())
        assert "nobody sees it" in unseen.stuck[0]
        assert not unseen.sound


def test_an_invoice_over_another_sum_is_wrong() -> None:
    short = Effect(
        "ERP invoices", REFERENCE, "17", frozenset({"TC-1"}), Decimal("989.99"), Decimal("990")
    )
    findings = found(effects=(short,))
    assert "989.99" in findings.wrong[0]
    assert not findings.sound


def test_a_record_that_the_tower_does_not_know_is_wrong() -> None:
    findings = found(references=frozenset())
    assert "does not know" in findings.wrong[0]
    assert not findings.sound


def test_what_is_closed_needs_no_effect() -> None:
    findings = found(Position(Standing.CLOSED), effects=())
    assert findings.sound
    assert findings.closed == 1
