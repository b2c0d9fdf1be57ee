"""Retainers: all work is covered, billed or held, to the cent, and none of it twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controltower.canonical.money import Money
from controltower.processes import capped_work, retained_work
from controltower.processes.definition import Facts, Refuse
from controltower.processes.retained_work import Terms

MONTHS = retained_work.months("2026-09", "2027-02")
NOTHING = Decimal(0)


def contract(**said: Any) -> dict[str, Any]:
    return {
        "number": "C-1", "name": "Advice", "currency": "EUR", "retainer": "8000.00",
        "retainer_hours": "40", "retainer_billed": "advance", "retainer_above": "bill",
        "retainer_unused": "expire", "starts_on": "2026-10-05", "ends_on": None,
        "signed_on": "2026-09-28",
    } | said  # fmt: skip


def entry(number: int, month: str, hours: Decimal, amount: Decimal) -> dict[str, Any]:
    project = {"source_id": "P-1", "name": "Advice", "correlation_id": "CT-1", "currency": "EUR"}
    return {
        "source_id": f"T-{number}", "number": f"TC-{number}", "project": project,
        "project_id": "P-1", "currency": "EUR", "hours": str(hours), "rate": "1",
        "amount": str(amount), "on": f"{month}-15",
    }  # fmt: skip


def facts(items: Sequence[Mapping[str, Any]], **books: Any) -> Facts:
    return Facts("CT-1", "R", items[0], items, {}, {}, {}, datetime.now(UTC), books)


def told(used: Mapping[str, str], terms: Mapping[str, Any], **cap: str) -> dict[str, Any]:
    retainer = {"terms": terms, "used": dict(used)}
    return {"P-1": {"number": "C-1", "currency": "EUR", "retainer": retainer, **cap}}


entries = st.lists(
    st.tuples(
        st.sampled_from(MONTHS),
        st.decimals("0.25", "60", places=2),
        st.decimals("0.01", "20000", places=2),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=150, deadline=None)
@given(
    runs=st.lists(entries, min_size=1, max_size=4),
    by_hours=st.booleans(),
    carries=st.booleans(),
    holds=st.booleans(),
)
def test_work_is_covered_or_billed_or_held_and_nothing_twice(
    runs: list[list[tuple[str, Decimal, Decimal]]], by_hours: bool, carries: bool, holds: bool
) -> None:
    """Over any sequence of invoices, in any order of their months."""
    terms = contract(
        retainer_hours="40" if by_hours else "0",
        retainer_unused="carry over" if carries else "expire",
        retainer_above="hold" if holds else "bill",
    )
    cap = {"cap": "1000.00", "billed": "0"} if holds else {}
    used: dict[str, Decimal] = {}
    billed = NOTHING
    for run in runs:
        items = [entry(number, *one) for number, one in enumerate(run)]
        if holds:
            cap["billed"] = str(billed)
        shown = {month: str(quantity) for month, quantity in used.items()}
        found = capped_work.within_cap(facts(items, contracts=told(shown, terms, **cap)))
        work = sum((Decimal(one["amount"]) for one in items), NOTHING)
        if isinstance(found, Refuse):
            assert holds and found.field == capped_work.CAP
            assert billed == 1000
            continue
        now = sum((part.amount for part in found.by_project.values()), NOTHING)
        covered = retained_work.total(found.covered, "EUR").amount
        assert now + covered + found.above.amount == work
        assert min(now, covered, found.above.amount) >= 0
        assert holds or not found.above.minor
        billed += now
        for part in found.covered:
            assert part.amount <= part.whole
            used[part.month] = used.get(part.month, NOTHING) + part.quantity
    each = Decimal(40) if by_hours else Decimal(8000)
    assert not holds or billed <= 1000
    assert not used or min(used) >= "2026-10"
    granted = taken = NOTHING
    for month in retained_work.months("2026-10", MONTHS[-1]):
        granted, taken = granted + each, taken + used.get(month, NOTHING)
        assert taken <= granted
        assert carries or used.get(month, NOTHING) <= each


@settings(max_examples=150, deadline=None)
@given(
    whole=st.decimals("1", "9000", places=2),
    share=st.decimals("0.01", "1", places=2),
    held=st.decimals("0", "1", places=2),
    backs=st.lists(st.decimals("0.01", "4000", places=2), min_size=1, max_size=6),
)
def test_what_is_taken_back_is_credited_and_given_back_once(
    whole: Decimal, share: Decimal, held: Decimal, backs: list[Decimal]
) -> None:
    """Never what was held nor more than was billed, never more hours than were covered, at the end
    all of them."""
    amount = Money.of(whole * share, "EUR").amount
    known = {
        "project": "P-1", "item": "T-1", "month": "2026-11", "quantity": "7.5",
        "amount": str(amount), "whole": str(whole), "taken": "0", "back": "0", "given": "0",
    }  # fmt: skip
    left, credited = whole, NOTHING
    holds = Money.of((whole - amount) * held, "EUR").amount
    billed = whole - amount - holds
    for asked in [*backs, None]:
        asked = left if asked is None else asked
        if not asked:
            break
        item = {"source_id": "T-2", "number": "TC-2", "currency": "EUR", "corrects": "T-1"}
        item["amount"] = str(-asked)
        found = retained_work.taken_back(facts([item], covered=known, held=str(holds)))
        if asked > left:
            assert isinstance(found, Refuse)
            continue
        assert not isinstance(found, Refuse)
        back = found.given_back
        assert back is not None
        above = found.credited.amount + found.held.amount
        assert above - back.amount.amount == asked
        holds, credited = holds - found.held.amount, credited + found.credited.amount
        assert holds >= 0 and not (holds and found.credited.minor)
        known["taken"] = str(Decimal(known["taken"]) + above)
        known["back"] = str(Decimal(known["back"]) - back.amount.amount)
        known["given"] = str(Decimal(known["given"]) - back.quantity)
        left -= asked
    assert credited <= billed
    assert Decimal(known["given"]) <= Decimal("7.5")
    if not left:
        assert Decimal(known["back"]) == amount
        assert not amount or Decimal(known["given"]) == Decimal("7.5")


def test_what_is_left_of_a_month_covers_later_ones_and_is_gone_then() -> None:
    terms = Terms(each=Decimal(40), first="2026-10", last="2026-12", carries=True)
    assert terms.room({}, "2026-12") == 120
    assert terms.room({"2026-12": Decimal(100)}, "2026-10") == 20
    assert terms.room({"2026-10": Decimal(40)}, "2026-10") == 0
    assert terms.room({}, "2026-09") == terms.room({}, "2027-01") == 0
    expiring = Terms(each=Decimal(40), first="2026-10")
    assert expiring.room({"2026-12": Decimal(100)}, "2026-10") == 40


@pytest.mark.parametrize(
    ("said", "today", "due"),
    [
        ({}, date(2026, 12, 1), ["2026-10", "2026-11", "2026-12"]),
        ({"retainer_billed": "arrears"}, date(2026, 12, 1), ["2026-10", "2026-11"]),
        ({"retainer_billed": "arrears"}, date(2026, 10, 31), []),
        ({"ends_on": "2026-11-03"}, date(2027, 3, 1), ["2026-10", "2026-11"]),
        ({"starts_on": None}, date(2026, 9, 30), ["2026-09"]),
        ({}, date(2026, 9, 30), []),
        ({"retainer_billed": "sometimes"}, date(2027, 3, 1), ["2027-03"]),
    ],
)
def test_which_months_are_due(said: dict[str, Any], today: date, due: list[str]) -> None:
    assert retained_work.months_due(contract(**said), today) == due


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"retainer_above": ""}, "whether work above it is billed or held"),
        ({"retainer_billed": "", "retainer_unused": "?"}, "nor whether what is left"),
        ({"starts_on": None, "signed_on": None}, "does not say when it begins"),
        ({"ends_on": "2026-09-30"}, "before it begins"),
        ({"starts_on": "1926-10-01"}, "long before it was signed"),
    ],
)
def test_terms_that_are_not_clear_are_named(said: dict[str, Any], words: str) -> None:
    terms = contract(**said)
    assert words in retained_work.fault_of(terms)
    item = entry(1, "2026-11", Decimal(8), Decimal(100))
    found = capped_work.within_cap(facts([item], contracts=told({}, terms)))
    assert isinstance(found, Refuse)
    assert words in found.text
