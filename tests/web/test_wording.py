"""The phrases that pages generate, without a database."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from controltower.canonical.money import Money
from controltower.web import wording
from controltower.web.charts.value import Backlog, Part

LINKS = wording.Links("/stuck", "/late", "/due")
NOW = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)


def part(count: int, euros: int) -> Part:
    return Part(count, Money.of(euros, "EUR"))


def says(late: Part, due: Part, in_time: Part, arrived: int = 0, arrived_late: int = 0) -> str:
    return wording.headline(Backlog(late, due, in_time), LINKS, arrived, arrived_late)


NONE = part(0, 0)


def test_sentence_names_stuck_late_and_due_and_links_each_figure() -> None:
    text = says(part(2, 466_000), part(3, 968_000), part(1, 156_000))
    assert '<a class="is-stuck" href="/stuck"><b>€1.59M</b> is stuck</a> between systems.' in text
    assert '<a href="/late"><b>€466K</b> is already late</a> and' in text
    assert '<a href="/due"><b>€968K</b> falls due today</a>.' in text


def test_sentence_says_what_is_not_the_case() -> None:
    assert "Nothing is late yet; <a" in says(NONE, part(1, 5), NONE)
    assert "Nothing is late, and nothing falls due today." in says(NONE, NONE, part(1, 5))
    assert "falls due" not in says(part(1, 5), NONE, NONE)


def test_what_has_no_rate_is_counted_instead_of_valued() -> None:
    assert "<b>1 transaction</b> is stuck" in says(part(1, 0), NONE, NONE)
    assert "<b>2 transactions</b> are already late" in says(part(2, 0), NONE, NONE)


@pytest.mark.parametrize(
    ("arrived", "late", "expected"),
    [
        (0, 0, "Nothing has arrived since midnight."),
        (1, 0, "1 transaction has arrived since midnight, in time."),
        (1842, 0, "1,842 transactions have arrived since midnight, all in time."),
        (10, 2, "10 transactions have arrived since midnight, 2 after their promise."),
    ],
)
def test_calm_says_how_much_went_well(arrived: int, late: int, expected: str) -> None:
    text = says(NONE, NONE, NONE, arrived, late)
    assert "Nothing is stuck." in text
    assert expected in text


@pytest.mark.parametrize(
    ("step", "count", "expected"),
    [
        ("post", 39, "39 invoices"),
        ("draft", 1, "1 invoice"),
        ("milestone-2", 2, "2 milestones"),
        ("client-link", 1, "1 client"),
        ("something new", 3, "3 transactions"),
    ],
)
def test_noun(step: str, count: int, expected: str) -> None:
    assert wording.noun(step, count) == expected


@pytest.mark.parametrize(
    ("kind", "rights", "expected"),
    [
        ("validation", {"may_replay": False, "may_assign": False}, "Look into it"),
        ("period_closed", {"may_replay": True, "may_assign": True}, "Decide"),
        ("unknown", {"may_replay": True, "may_assign": True}, "Clear the doubt"),
        ("validation", {"may_replay": True, "may_assign": True}, "Assign"),
        ("validation", {"may_replay": True, "may_assign": False}, "Review and replay"),
    ],
)
def test_verb_is_one_that_the_person_may_do(
    kind: str, rights: dict[str, bool], expected: str
) -> None:
    assert wording.verb(kind, has_owner=False, has_fix=False, **rights) == expected


def test_verb_of_a_fixed_cause_is_to_replay_even_without_an_owner() -> None:
    verb = wording.verb(
        "validation", has_owner=False, has_fix=True, may_replay=True, may_assign=True
    )
    assert verb == "Review and replay"


def test_totals_note_dates_the_rates_and_owns_up_to_gaps() -> None:
    assert wording.totals_note("EUR", None, 0) == ""
    note = wording.totals_note("EUR", date(2026, 11, 1), 2)
    assert note == (
        "totals in EUR at the rates of 1 November; 2 without a known rate are not in the totals"
    )


@pytest.mark.parametrize(
    ("hours", "token"), [(None, "nt"), (3.0, "ok"), (7.5, "rk"), (8.0, "rk"), (8.1, "br")]
)
def test_promise_mark(hours: float | None, token: str) -> None:
    slowest = None if hours is None else timedelta(hours=hours)
    assert wording.promise_mark(slowest, timedelta(hours=8)).token == token


def test_a_silent_system_says_for_how_long() -> None:
    mark = wording.condition_mark("silent", last_ok=NOW - timedelta(minutes=46), now=NOW)
    assert mark.word == "Silent for 46 min"
    assert wording.condition_mark("silent", last_ok=None, now=NOW).word == "Not called yet"


def test_queue_note_says_what_waits_and_that_nothing_is_lost() -> None:
    note = wording.queue_note("Tryton ERP", 2, Money.of(7200, "EUR"), 140)
    assert "2 calls for Tryton ERP worth €7K wait now." in note
    assert "about 140 calls an hour" in note
    assert "Nothing is lost" in note
