"""No page reads more than what it shows and what is open, however much has ended.

A planner that has twelve thousand rows before it rightly reads whole tables and joins them as a
whole. Without those ways it shows what it would do with ten million, and the cost of a look-up is
set to that of a disk without arms. What then still reads a big table as a whole has no index to go
by.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from controltower.firm.models import Person
from controltower.measures import assurance
from controltower.measures.invariants import INVARIANTS
from controltower.transactions.models import Step, Transaction
from controltower.web import every_page
from tests import factories
from tests.web.cast import browser

pytestmark = pytest.mark.django_db

BIG = (
    "transactions_",
    "incidents_deadletter",
    "systems_call",
)
SUMS = "measures_rollup"
"""Of these as many are read as lie in the days that are asked for, but never all."""
COUNT = 12_000
OF_A_MONTH = ("ended=", "passed_by=", "recovered=")
"""Filters that ask for 30 days: beyond the first thousand of them nothing older is read."""
SCANS = {"Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Heap Scan"}


@dataclass
class Plans:
    """An execute wrapper that runs each query once more, explained, and keeps what reads too
    much: a whole table, or more rows than `bound`."""

    bound: int
    explained: int = 0
    found: list[str] = field(default_factory=list)

    def __call__(self, execute: Any, sql: str, values: Any, many: bool, context: Any) -> Any:
        if sql.lstrip().startswith(("SELECT", "WITH")) and not many:
            self.explained += 1
            explain = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}"
            with connection.connection.cursor() as cursor:
                cursor.execute(explain, values)
                document = cursor.fetchone()[0]
            plan = json.loads(document) if isinstance(document, str) else document
            self._judge(list(_nodes(plan[0]["Plan"])), sql)
        return execute(sql, values, many, context)

    def _judge(self, nodes: list[dict[str, Any]], sql: str) -> None:
        for node in _of(nodes, *BIG, SUMS):
            if node["Node Type"] == "Seq Scan" and _read(node) > 100:
                self.found.append(f"reads all of {node['Relation Name']}: {sql[:300]}")
        rows = sum(_read(node) for node in _of(nodes, *BIG))
        if rows > self.bound:
            self.found.append(f"reads {rows:.0f} rows: {sql[:600]}")


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)


def _of(nodes: list[dict[str, Any]], *tables: str) -> list[dict[str, Any]]:
    return [node for node in nodes if str(node.get("Relation Name", "")).startswith(tables)]


def _read(node: dict[str, Any]) -> float:
    """Rows that a scan looked at, kept or not."""
    if node["Node Type"] not in SCANS:
        return 0
    looked = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
    return float(sum(node.get(name, 0) for name in looked) * node["Actual Loops"])


def test_no_page_reads_what_has_ended() -> None:
    firm = factories.found()
    call_command("fill", COUNT, stdout=StringIO())
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        for way in ("seqscan", "hashjoin", "mergejoin"):
            cursor.execute(f"SET LOCAL enable_{way} = off")
        cursor.execute("SET LOCAL random_page_cost = 1.1")
    open_ = Transaction.objects.live().count()
    plans = Plans(bound=open_ * 4 + 2_000)
    assert plans.bound < COUNT / 2
    with connection.execute_wrapper(plans):
        _the_check_can_fail(plans)
        wrong = [*_look(firm.anna, plans), *_look(firm.callum, plans)]
    assert plans.explained > 200
    assert wrong == [], "\n".join(wrong)


def test_no_look_at_the_invariants_reads_all_there_ever_was() -> None:
    """The planner's own settings would: here, too, a whole table is cheap to read."""
    factories.found()
    call_command("fill", 1_500, stdout=StringIO())
    plans = Plans(bound=1_000_000)
    with connection.execute_wrapper(plans):
        list(Step.objects.order_by().filter(text__contains="Tax code").values_list("pk"))
        assert any("reads all of transactions_step" in one for one in plans.found)
        plans.found.clear()
        for invariant in INVARIANTS:
            assurance._look(invariant, timezone.now())
    assert plans.explained > 20
    assert plans.found == [], "\n".join(plans.found)


def _the_check_can_fail(plans: Plans) -> None:
    def seen(words: str) -> bool:
        found = any(words in one for one in plans.found)
        plans.found.clear()
        return found

    assert Transaction.objects.count() == COUNT
    assert seen("rows: SELECT COUNT")
    Transaction.objects.aggregate(Sum("amount"))
    assert seen("reads all of transactions_transaction")
    list(Step.objects.order_by().filter(text__contains="Tax code").values_list("pk"))
    assert seen("reads all of transactions_step")
    list(Transaction.objects.order_by("-started_at", "-pk")[COUNT - 50 :])
    assert seen("rows: SELECT")
    list(Transaction.objects.order_by("-started_at", "-pk")[:50])
    assert not seen("")


def _look(person: Person, plans: Plans) -> list[str]:
    """What is wrong with any page that this person opens, with its name."""
    client, wrong, usual = browser(person), [], plans.bound
    lately = timezone.now() - timedelta(days=31)
    month = Transaction.objects.filter(ended_at__gte=lately).count()
    assert usual + month < COUNT
    for page in every_page.pages(person):
        if page.export:
            continue  # told in full, and read along an index piece by piece
        plans.found.clear()
        is_of_month = any(name in page.url for name in OF_A_MONTH)
        plans.bound = usual + month if is_of_month else usual
        answer = client.get(page.url, headers={"HX-Request": "true"} if page.by_htmx else {})
        assert answer.status_code == 200, page.url
        wrong += [f"{page.name}, {person}: {one}" for one in plans.found]
    plans.bound = usual
    return wrong
