"""What the month's audit finds: each difference of two books, with its records, and no other."""

from __future__ import annotations

from decimal import Decimal

from controltower.web.tours.comparing import Comparison, Ledger, Place

EURO, DOLLAR = Place("LF-DE", "EUR", "2026-11"), Place("LF-US", "USD", "2026-11")


def ledger(*rows: tuple[str, Place, str]) -> Ledger:
    found = Ledger()
    for name, place, amount in rows:
        found.add(name, place, Decimal(amount))
    return found


def compared(here: Ledger, there: Ledger, **excuses: str) -> Comparison:
    return Comparison("Invoices", ("tower", "ERP"), here, there, excuses)


def test_books_that_agree_show_nothing() -> None:
    one = compared(
        ledger(("A", EURO, "10.00"), ("B", DOLLAR, "2.5"), ("nothing", EURO, "0")),
        ledger(("B", DOLLAR, "2.50"), ("A", EURO, "10")),
    )
    assert list(one.differences()) == []
    assert list(one.rows()) == [
        (EURO, Decimal(10), Decimal(10)), (DOLLAR, Decimal("2.5"), Decimal("2.5")),
    ]  # fmt: skip


def test_every_kind_of_difference_is_told_with_its_record() -> None:
    """Equal totals hide none of them: what is missing, twice, a cent off or somebody else's."""
    here = [("missing", "1.00"), ("twice", "5.00"), ("cent", "7.01"), ("place", "3.00")]
    there = [("twice", "5.00"), ("twice", "5.00"), ("cent", "7.00"), ("more", "1.00")]
    one = compared(
        ledger(*((name, EURO, amount) for name, amount in here)),
        ledger(*((name, EURO, amount) for name, amount in there), ("place", DOLLAR, "3.00")),
    )
    told = [difference.record for difference in one.unexplained()]
    assert told == ["cent", "missing", "more", "place", "twice"]
    assert "7.01 LF-DE EUR 2026-11 against 7.00" in str(one.unexplained()[0])
    assert "1.00 LF-DE EUR 2026-11 against nothing" in str(one.unexplained()[1])


def test_what_a_person_knows_of_is_open_and_not_wrong() -> None:
    one = compared(ledger(("A", EURO, "10.00")), ledger(), A="waits for a tax code")
    assert one.unexplained() == []
    (open_,) = one.differences()
    assert str(open_).endswith("against nothing (waits for a tax code)")
