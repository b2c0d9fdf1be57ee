"""Revenue recognition: what is earned of a fixed price, and where the ledger contradicts it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controltower.canonical.events import WORK_DELIVERED, CanonicalEvent
from controltower.canonical.money import Money
from controltower.canonical.records import DeliveredMonth, Project
from controltower.canonical.verdicts import Kind
from controltower.canonical.wire import to_json
from controltower.processes import agreement
from controltower.processes import revenue_recognition as revenue
from controltower.processes.definition import (
    Entity,
    Facts,
    Hold,
    Learn,
    Prepared,
    Refuse,
    Result,
    Send,
    Skip,
)
from controltower.processes.delivered_work import Delivered, Ledger, earned, mismatch

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
BERLIN = Entity(
    "LF-DE", "Larkfield GmbH", "DE", "EUR", "Europe/Berlin", timedelta(), frozenset({"2026-09"})
)
PROJECT = Project(
    source_id="a0P1", name="Rail review", entity="LF-DE", currency="EUR", correlation_id="ct-1"
)
MONTH = DeliveredMonth(
    source_id="a0W1",
    name="PM-1",
    entity="LF-DE",
    project=PROJECT,
    project_id="a0P1",
    period="2026-10",
    method="hours",
    currency="EUR",
    value=Decimal(10000),
    value_before=Decimal(10000),
    budget=Decimal(300),
    budget_before=Decimal(300),
    done=Decimal(200),
    done_before=Decimal(100),
)


def facts_of(month: DeliveredMonth, shown: dict[str, str] | None = None, **decisions: str) -> Facts:
    subject: dict[str, Any] = to_json(month)
    months = [{"period": key, "amount": worth} for key, worth in (shown or {}).items()]
    results = {"ledger": Result("a0P1", {"months": months})}
    return Facts("ct-1", "CT-9", subject, [subject], results, {"LF-DE": BERLIN}, decisions, NOW)


def entry_of(month: DeliveredMonth, shown: dict[str, str] | None = None, **more: str) -> Prepared:
    return revenue.write_entry(facts_of(month, shown, **more))


amounts = st.integers(1, 10**11)
parts = st.lists(st.integers(0, 10**6), min_size=1, max_size=36)


@given(value=amounts, worked=parts, planned=st.integers(1, 10**7))
def test_the_months_come_to_what_is_earned_to_the_cent(
    value: int, worked: list[int], planned: int
) -> None:
    """And to the whole contract once all that was planned is done."""
    price, done = Money("EUR", value), Decimal(0)
    shares = []
    for hours in worked:
        month = {
            "method": "hours", "currency": "EUR", "value": price.amount,
            "value_before": price.amount, "budget": planned, "budget_before": planned,
            "done": done + hours, "done_before": done,
        }  # fmt: skip
        shares.append(Delivered.of(month).month.minor)
        done += hours
    whole = earned(price, "hours", done, Decimal(planned))
    assert sum(shares) == whole.minor
    assert min(shares) >= 0
    if done >= planned:
        assert whole == price


@given(
    values=st.lists(amounts, min_size=2, max_size=12),
    plans=st.lists(st.integers(1, 10**5), min_size=12, max_size=12),
    worked=st.lists(st.integers(0, 10**4), min_size=12, max_size=12),
)
def test_a_change_of_contract_or_estimate_is_caught_up_in_its_month(
    values: list[int], plans: list[int], worked: list[int]
) -> None:
    total, before = 0, (Decimal(0), Decimal(1), Decimal(0))
    for value, plan, hours in zip(values, plans, worked, strict=False):
        now = (Decimal(value) / 100, Decimal(plan), before[2] + hours)
        names = ("value", "budget", "done")
        month: dict[str, Any] = {"method": "cost", "currency": "EUR"}
        month |= dict(zip(names, now, strict=True))
        month |= {f"{name}_before": part for name, part in zip(names, before, strict=True)}
        total += Delivered.of(month).month.minor
        before = now
    assert total == earned(Money.of(before[0], "EUR"), "cost", before[2], before[1]).minor


@given(
    shares=st.tuples(st.integers(-(10**6), 10**6), st.integers(0, 10**6)),
    booked=st.tuples(st.integers(-(10**6), 10**6), st.integers(0, 10**6)),
    tolerance=st.integers(0, 1000),
)
def test_only_what_contradicts_beyond_the_tolerance_is_told(
    shares: tuple[int, int], booked: tuple[int, int], tolerance: int
) -> None:
    month, before = (Money("EUR", one) for one in shares)
    delivered = Delivered(month, before)
    ledger = Ledger(*(Money("EUR", one) for one in booked))
    kind = mismatch(delivered, ledger, Money("EUR", tolerance))
    excess = booked[0] - max(shares[0], 0)
    if excess > tolerance:
        assert kind == ("wrong_period" if shares[1] - booked[1] > tolerance else "not_delivered")
    elif shares[0] - booked[0] > tolerance and booked[1] - shares[1] > tolerance:
        assert kind == "wrong_period"
    else:
        assert kind == ""
    assert (month - before).minor == shares[0] - shares[1]


def test_half_a_cent_is_rounded_up_once() -> None:
    assert earned(Money("EUR", 1), "hours", Decimal(1), Decimal(2)) == Money("EUR", 1)
    assert earned(Money("EUR", 100), "cost", Decimal(1), Decimal(3)) == Money("EUR", 33)
    assert earned(Money("JPY", 101), "hours", Decimal(1), Decimal(2)) == Money("JPY", 51)


def test_more_than_was_planned_earns_no_more_than_the_contract() -> None:
    assert earned(Money("EUR", 5000), "hours", Decimal(400), Decimal(300)) == Money("EUR", 5000)


def test_a_month_opens_with_what_is_missing_of_it() -> None:
    event = CanonicalEvent(
        id="1", type=WORK_DELIVERED, source="psa", subject="m", time=NOW, version="1",
        record=replace(MONTH, recognised=Decimal("3000.00")),
    )  # fmt: skip
    opening = revenue.open_month(event, {"LF-DE": BERLIN}, NOW)
    assert (opening.amount, opening.currency, opening.entity) == ("333.34", "EUR", "LF-DE")
    assert revenue.PROCESS.exposure == "unposted revenue"


def test_a_sound_month_passes() -> None:
    passed = revenue.check_month(facts_of(MONTH))
    assert passed == Learn({"earned": "3333.34", "before": "3333.33"})


@pytest.mark.parametrize(
    ("month", "kind", "words"),
    [
        (replace(MONTH, project=None), Kind.REFERENCE_MISSING, "which the PSA does not have"),
        (replace(MONTH, entity="LF-XX"), Kind.VALIDATION, "names no legal entity"),
        (
            replace(MONTH, project=replace(PROJECT, correlation_id="")),
            Kind.REFERENCE_MISSING,
            "no contract by which revenue could be earned",
        ),
        (replace(MONTH, method="gut feeling"), Kind.VALIDATION, "does not say how revenue"),
        (replace(MONTH, budget=Decimal(0)), Kind.VALIDATION, "but nothing is planned"),
        (replace(MONTH, budget_before=Decimal(0)), Kind.VALIDATION, "but nothing is planned"),
        (replace(MONTH, period="2026-13"), Kind.VALIDATION, "no accounting period"),
        (replace(MONTH, period="9026-01"), Kind.VALIDATION, "no accounting period"),
        (replace(MONTH, period="2026-12"), Kind.VALIDATION, "has not begun"),
        (replace(MONTH, currency="DM"), Kind.VALIDATION, "no currency the firm trades in"),
        (replace(MONTH, currency="USD"), Kind.VALIDATION, "keeps its books in EUR"),
        (replace(MONTH, done=Decimal(-1)), Kind.VALIDATION, "less than nothing"),
        (
            replace(MONTH, method="milestones", done=Decimal(10001)),
            Kind.VALIDATION,
            "its contract is worth 10000",
        ),
    ],
)
def test_what_cannot_be_recognised_is_refused_in_words(
    month: DeliveredMonth, kind: Kind, words: str
) -> None:
    refused = revenue.check_month(facts_of(month))
    assert isinstance(refused, Refuse), refused
    assert refused.kind is kind
    assert words in refused.text


def test_an_entry_says_all_that_the_month_has_earned() -> None:
    entry = entry_of(MONTH, {"2026-09": "3333.33", "2026-10": "1000.00"})
    assert isinstance(entry, Send)
    assert (entry.record["amount"], entry.record["period"]) == ("3333.34", "2026-10")
    assert entry.record["date"] == "2026-10-31"
    assert entry.find == {"reference": "CT-9", "company": "LF-DE"}


def test_the_running_month_is_booked_today() -> None:
    entry = entry_of(replace(MONTH, period="2026-11"))
    assert isinstance(entry, Send)
    assert entry.record["date"] == "2026-11-20"


def test_what_the_ledger_shows_already_needs_no_entry() -> None:
    assert isinstance(entry_of(MONTH, {"2026-10": "3333.34"}), Skip)


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        ({"2026-10": "3334.35", "2026-09": "3333.33"}, "recognised but not delivered"),
        ({"2026-09": "6666.67"}, "in the wrong period"),
        ({"2026-10": "6666.67"}, "in the wrong period"),
    ],
    ids=["not delivered", "booked too early", "booked too late"],
)
def test_a_ledger_that_contradicts_is_for_a_person(shown: dict[str, str], words: str) -> None:
    refused = entry_of(MONTH, shown)
    assert isinstance(refused, Refuse), refused
    assert (refused.kind, words in refused.text) == (Kind.CONFLICT, True), refused.text


def test_a_cent_within_the_tolerance_is_put_right_by_itself() -> None:
    entry = entry_of(MONTH, {"2026-10": "3334.34", "2026-09": "3333.33"})
    assert isinstance(entry, Send)
    assert entry.record["amount"] == "3333.34"


def test_a_closed_month_waits_for_its_owner() -> None:
    closed = replace(MONTH, period="2026-09")
    held = entry_of(closed)
    assert isinstance(held, Hold)
    assert (held.kind, "3333.34 EUR were delivered in 2026-09" in held.text) == (
        "period_closed",
        True,
    )
    entry = entry_of(closed, period="next_period")
    assert isinstance(entry, Send)
    assert (entry.record["date"], entry.record["period"]) == ("2026-10-01", "2026-09")
    small = entry_of(closed, {"2026-09": "3333.33"})
    assert isinstance(small, Send), "a cent does not wait for anybody"


def test_a_month_of_which_all_is_closed_waits_for_the_next() -> None:
    months = frozenset({"2026-09", "2026-10", "2026-11"})
    facts = facts_of(MONTH, period="next_period")
    entities = {"LF-DE": replace(BERLIN, closed_periods=months)}
    held = revenue.write_entry(replace(facts, entities=entities))
    assert isinstance(held, Hold)
    assert held.until is not None
    assert f"{held.until:%Y-%m-%d}" == "2026-12-01"


def test_a_measure_that_was_replaced_is_not_carried_on() -> None:
    facts = replace(facts_of(MONTH), items=[])
    assert isinstance(revenue.write_entry(facts), Skip)
    assert isinstance(revenue.update_schedule(facts), Skip)


def test_the_schedule_shows_what_was_posted() -> None:
    facts = facts_of(MONTH, {"2026-10": "3333.34"})
    unchanged = revenue.update_schedule(facts)
    assert isinstance(unchanged, Send)
    assert unchanged.record == {"recognised": "3333.34", "journal_entry": ""}
    posted = {**facts.results, "post": Result("7", {"recognised": "12.00", "number": "M7"})}
    shown = revenue.update_schedule(replace(facts, results=posted))
    assert isinstance(shown, Send)
    assert shown.record == {"recognised": "12.00", "journal_entry": "M7"}


def test_read_back_says_how_the_books_differ() -> None:
    sent = {"amount": "10.00", "period": "2026-10", "recognised": "10.00"}
    agreed = {"recognised": "10", "period": "2026-10", "state": "posted", "amount": "10.0"}
    for differs in (
        agreement.recognition_differs,
        agreement.not_recognised,
        agreement.schedule_differs,
    ):
        assert differs(sent, agreed) == ""
    assert "shows 9" in agreement.recognition_differs(sent, {**agreed, "recognised": 9})
    assert "“2026-11”" in agreement.recognition_differs(sent, {**agreed, "period": "2026-11"})
    assert "as “draft”" in agreement.not_recognised(sent, {**agreed, "state": "draft"})
    assert "shows 9" in agreement.not_recognised(sent, {**agreed, "amount": 9})
    assert "shows 9" in agreement.schedule_differs(sent, {**agreed, "recognised": 9})


@pytest.mark.parametrize(
    ("period", "month"), [("2026-10", "2026-10"), ("2026-13", ""), ("1926-10", ""), ("", "")]
)
def test_revenue_belongs_to_the_month_it_is_earned_in(period: str, month: str) -> None:
    """So that what is not recognised by that month's cut-off is told of."""
    event = CanonicalEvent(
        id="e", type=WORK_DELIVERED, source="certinia/delivered_month", subject="month:a0W1",
        time=NOW, version="1", record=replace(MONTH, period=period),
    )  # fmt: skip
    assert revenue.open_month(event, {BERLIN.code: BERLIN}, NOW).month == month
