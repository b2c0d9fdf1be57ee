"""The figures follow every change, in the same commit, and a recount agrees."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from io import StringIO
from typing import TypeGuard

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from controltower.firm.models import Duty, LegalEntity, Person, Role
from controltower.measures import invariants, rollups
from controltower.measures.checks.finding import Span
from controltower.measures.exposure import Scope
from controltower.measures.kpis import span
from controltower.measures.kpis.catalogue import MEASURES
from controltower.measures.models import Delta, Kind, Rollup
from controltower.processes import catalogue
from controltower.transactions import cases, engine
from controltower.transactions.models import Transaction, TransactionState
from tests.factories import Firm, stuck_bills

pytestmark = pytest.mark.django_db


def standing(firm: Firm) -> dict[str, int]:
    """Transactions by state, as the figures have them."""
    rows = rollups.figures(Scope(firm.anna), Kind.STANDING).values_list("state")
    return {state: items for state, items in rows.annotate(n=Sum("items")) if items}


def count(person: Person, entity: str = "") -> int:
    """How many transactions the person sees, as the figures have them."""
    found = rollups.figures(Scope(person, entity), Kind.STANDING).aggregate(n=Sum("items"))
    return found["n"] or 0


def test_a_figure_is_exact_before_and_after_it_is_folded(firm: Firm) -> None:
    deal = firm.deal()
    assert Delta.objects.exists()
    assert not Rollup.objects.exists()
    before = standing(firm)
    assert before == {deal.state: 1}
    assert rollups.fold() > 0
    assert not Delta.objects.exists()
    assert standing(firm) == before
    assert rollups.fold() == 0


def elsewhere(one: Transaction) -> LegalEntity:
    """An entity that the transaction is not of."""
    assert one.entity
    return LegalEntity.objects.exclude(code=one.entity.code)[0]


A_SECOND, A_DAY = timedelta(seconds=1), timedelta(days=1)
CHANGES: dict[str, Callable[[Transaction], object]] = {
    "amount": lambda one: Transaction.objects.filter(pk=one.pk).update(amount=one.amount + 1),
    "entity": lambda one: Transaction.objects.filter(pk=one.pk).update(entity=elsewhere(one)),
    "promise": lambda one: Transaction.objects.update(due_at=one.started_at - A_SECOND),
    "clock": lambda one: Transaction.objects.update(clock_from=one.started_at - A_DAY),
    "when it happened": lambda one: Transaction.objects.update(happened_at=one.started_at - A_DAY),
    "a person": lambda one: Transaction.objects.update(needed_person=True),
    "nothing that counts": lambda one: Transaction.objects.update(title="Another"),
    "gone": lambda one: one.delete(),
}


BREAKING = {"gone": ("I1", "I2")}


@pytest.mark.parametrize(
    "change",
    [
        *(name for name in CHANGES if name not in BREAKING),
        *(pytest.param(name, marks=pytest.mark.breaks(*codes)) for name, codes in BREAKING.items()),
    ],
)
def test_whatever_changes_a_recount_agrees(firm: Firm, change: str) -> None:
    deal = firm.deal()
    rollups.fold()
    CHANGES[change](Transaction.objects.get(pk=deal.pk))
    assert Delta.objects.exists() is (change != "nothing that counts")
    assert rollups.differences() == []
    assert rollups.differences(timezone.now() - timedelta(days=1)) == []


def test_a_wrong_figure_is_found_and_rebuilt(firm: Firm) -> None:
    begun = timezone.now()
    firm.deal()
    rollups.fold()
    right = standing(firm)
    Rollup.objects.filter(kind=Kind.ARRIVED).update(items=7)
    assert len(rollups.differences()) == 1
    assert len(invariants.figures_agree(Span(begun)).breaches) == 1
    with pytest.raises(CommandError, match="1 sum"):
        call_command("rollups", "check", stdout=StringIO())
    out = StringIO()
    call_command("rollups", "rebuild", stdout=out)
    assert "1 sum" in out.getvalue()
    assert rollups.differences() == []
    assert standing(firm) == right
    call_command("rollups", "check", stdout=StringIO())


def test_they_are_built_from_nothing(firm: Firm) -> None:
    firm.bill(firm.deal())
    before = standing(firm)
    Delta.objects.all().delete()
    assert standing(firm) == {}
    assert rollups.rebuild() > 0
    assert standing(firm) == before


def test_only_what_the_person_may_see_is_counted(firm: Firm) -> None:
    deal = firm.deal()
    assert deal.entity
    other = elsewhere(deal)
    assert count(firm.anna) == count(firm.anna, deal.entity.code) == 1
    assert count(firm.anna, other.code) == 0
    stranger = Person.objects.create(username="stranger")
    Duty.objects.create(person=stranger, role=Role.OPERATOR, entity=other)
    assert count(stranger) == count(stranger, deal.entity.code) == 0


def test_rows_without_a_clock_are_graded_by_what_was_promised_then() -> None:
    """Whatever began after clocks were kept says itself from when its promise counts."""
    known = {}
    with connection.cursor() as cursor:
        for process in catalogue.PROCESSES:
            cursor.execute("SELECT rollup_promise(%s)", [process.name])
            known[process.name] = cursor.fetchone()[0]
    promised = {one.name: one.promise for one in catalogue.PROCESSES if known[one.name]}
    assert {name: length for name, length in known.items() if length} == promised
    assert len(promised) >= 12


def test_a_span_is_kept_of_what_a_measure_asks_it_of() -> None:
    asked = {one.read.keywords["process"] for one in MEASURES if _is_of(one.read, span.read)}
    kept = set()
    with connection.cursor() as cursor:
        for process in catalogue.PROCESSES:
            cursor.execute(
                """SELECT count(*) FROM rollup_facts(%s, 'EUR', 'verified', '', 1, now(), now(),
                       now(), false, now()) WHERE kind = 'span'""",
                [process.name],
            )
            kept |= {process.name} if cursor.fetchone()[0] else set()
    assert len(asked) == 2
    assert kept == asked


def _is_of(read: object, function: object) -> TypeGuard[partial[object]]:
    return isinstance(read, partial) and read.func is function


def test_the_database_grades_as_the_reader_does() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT grade FROM rollup_facts('opportunity-to-project', 'EUR', 'verified', '', 1,
                   now(), now() - interval '7 hours', NULL, false, NULL) WHERE kind = 'pace'"""
        )
        grade = cursor.fetchone()[0]
    hour = timedelta(hours=1)
    low, high = (timedelta(seconds=rollups.GRADE_RATIO ** (grade + more)) for more in (0, 1))
    assert low <= hour <= high


def test_what_a_person_was_needed_for_stays_apart_however_it_goes_on(firm: Firm) -> None:
    deal = firm.deal()
    (bill,) = stuck_bills(firm, 1)
    with cases.case_of(bill, now=firm.now) as case:
        engine.again(case, case.step("draft"), why="by a test")
    bill = firm.play(bill)
    assert bill.state == TransactionState.VERIFIED
    assert bill.needed_person
    assert not Transaction.objects.get(pk=deal.pk).needed_person
    apart = rollups.figures(Scope(firm.anna), Kind.DAY).values_list("process", "wait")
    sums = {tuple(key): items for *key, items in apart.annotate(n=Sum("items"))}
    assert sums[bill.process, rollups.PERSON] == 1
    assert sums[deal.process, ""] == 2, "with the one that the bill is of"
    assert rollups.differences() == []
