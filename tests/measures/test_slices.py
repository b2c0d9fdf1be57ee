"""The whole books, asked again slice by slice: all of them, in so many looks, at so much a look."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from controltower.incidents.models import Incident
from controltower.measures import assurance, rollups
from controltower.measures.invariants import INVARIANTS
from controltower.measures.models import Check
from controltower.transactions.models import Delivery, InboundEvent, Item, Transaction
from tests.factories import Firm, at_work
from tests.kept import kept

pytestmark = pytest.mark.django_db
LATER = timedelta(days=30)
"""After so long everything here is old."""


@pytest.fixture(scope="module")
def billed(founded: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Firm]:
    """Eight transactions and eight events, once for all tests here."""
    with kept(django_db_blocker):
        firm = at_work()
        for _ in range(4):
            firm.bill(firm.deal())
        yield firm


@pytest.fixture
def firm(billed: Firm, db: None, monkeypatch: pytest.MonkeyPatch) -> Firm:
    """They are looked at in slices of two."""
    monkeypatch.setattr(assurance, "AT_ONCE", 2)
    return billed


SLICES = 5
"""Of a pass: as many as there are rows divided by the rows of a slice, and what is left."""
TOGETHER = ("I1", "I2")
"""An event that leads nowhere breaks both."""


def _minutes() -> Iterator[datetime]:
    now = timezone.now() + LATER
    while True:
        yield now
        now += timedelta(minutes=1)


def _oldest() -> Transaction:
    return Transaction.objects.filter(process="time-and-expense-to-billing").order_by("id")[0]


PLANTED: Mapping[str, Callable[[Transaction], object]] = {
    "I1": lambda bill: Item.objects.filter(transaction=bill).update(source_id="another"),
    "I2": lambda bill: Item.objects.filter(transaction=bill).update(source_id="another"),
    "I3": lambda bill: bill.steps.filter(name="post").update(values={"untaxed": "1.00"}),
    "I4": lambda bill: Delivery.objects.filter(
        idempotency_key=bill.steps.get(name="draft").idempotency_key
    ).update(ref="another"),
    "I5": lambda bill: bill.steps.filter(name="post").update(state="planned"),
}


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(code, marks=pytest.mark.breaks(*(TOGETHER if code in TOGETHER else (code,))))
        for code in PLANTED
    ],
)
@pytest.mark.parametrize("passed", [0, 1, SLICES - 1])
def test_what_is_changed_in_an_old_row_is_found_within_a_pass(
    firm: Firm, code: str, passed: int
) -> None:
    """Wherever the pass under way has come to: at most its rest, and then the row's own slice."""
    minutes = _minutes()
    for _ in range(passed):
        assurance.look(now=next(minutes))
    PLANTED[code](_oldest())
    for _look in range(SLICES + 1):
        assurance.look(now=next(minutes))
        if Check.objects.get(code=code).breaches:
            break
    else:
        pytest.fail(f"not found in {SLICES + 1} looks")
    assert Incident.objects.filter(subject=code).exists()
    assurance.look(now=next(minutes))
    assert Check.objects.get(code=code).breaches, "it stays where it has found something"


def test_a_pass_takes_its_slices_and_says_when_it_ended(firm: Firm) -> None:
    minutes, looked = _minutes(), []
    for _look in range(2 * SLICES):
        now = next(minutes)
        assurance.look(now=now)
        check = Check.objects.get(code="I5")
        looked.append((bool(check.position), check.began_at, check.whole_at))
    first, second = looked[0][1], looked[SLICES][1]
    assert first is not None
    assert second == first + SLICES * timedelta(minutes=1)
    ended = [at for under_way, _began, at in looked if not under_way]
    assert ended == [first + n * timedelta(minutes=1) for n in (SLICES - 1, 2 * SLICES - 1)]
    assert looked[SLICES - 2][2] is None, "it does not count before its end"


def test_what_is_asked_of_all_each_time_is_whole_each_time(firm: Firm) -> None:
    now = next(_minutes())
    assurance.look(now=now)
    whole = {check.code: check.whole_at for check in Check.objects.all()}
    assert {code for code, at in whole.items() if at == now} == {"I6", "I7", "I8", "I9", "I10"}
    assert whole["figures"] is None, "they are compared for what is live and since yesterday"


def test_a_slice_costs_the_same_however_large_the_books(firm: Firm) -> None:
    """Rows that the plans of one look go through, with twice the books."""
    minutes = _minutes()
    assurance.look(now=next(minutes))
    few = _rows_of_a_look(next(minutes))
    for _ in range(4):
        firm.bill(firm.deal())
    assert InboundEvent.objects.count() == Transaction.objects.count() == 16
    many = _rows_of_a_look(next(minutes))
    assert set(many) == set(few)
    assert {code: many[code] for code in PLANTED if many[code] > few[code]} == {}


def _rows_of_a_look(now: datetime) -> dict[str, int]:
    """Rows read from tables by each sliced invariant, by indexes, as large tables are."""
    told = {}
    rollups.fold()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    for invariant in INVARIANTS:
        if not invariant.table:
            continue
        asked: list[tuple[str, Any]] = []

        def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            asked.append((sql, params))  # noqa: B023 - used within the round
            return execute(sql, params, many, context)

        with connection.execute_wrapper(note):
            assurance._ask(invariant, Check.objects.get(code=invariant.code), now)
        told[invariant.code] = sum(_rows(*one) for one in asked if one[0].lstrip()[:6] == "SELECT")
    return told


def _rows(sql: str, params: Any) -> int:
    with connection.cursor() as cursor:
        for way in ("seqscan", "bitmapscan", "hashjoin", "mergejoin"):
            cursor.execute(f"SET LOCAL enable_{way} = off")
        for cost in ("cpu_tuple_cost", "cpu_index_tuple_cost"):
            # rows are what costs on large tables; on small ones every index is as good as another
            cursor.execute(f"SET LOCAL {cost} = 100")
        cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + sql, params)
        (answer,) = cursor.fetchone()
    plan = json.loads(answer) if isinstance(answer, str) else answer
    return _read(plan[0]["Plan"])


def _read(node: Mapping[str, Any]) -> int:
    """The rows that scans of this plan have read, those that a filter removed as well."""
    below = sum(_read(child) for child in node.get("Plans", ()))
    if "Scan" not in node["Node Type"]:
        return below
    each = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
    return int(each * node["Actual Loops"]) + below
