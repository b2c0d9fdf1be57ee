"""Rows of a set: documents keep what they hold, changes are found, facts are read on demand."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from unittest.mock import ANY
from uuid import UUID

import pytest
from django.db import connection
from django.db.transaction import atomic
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as examples

from controltower import logs
from controltower.canonical.money import NotAnAmount
from controltower.transactions import cases, sets
from controltower.transactions.models import Step, Transaction
from tests.factories import Firm, found
from tests.unfit import NUMBERS_THAT_ARE_NONE, holding

LONGEST = 10**40 - 1
"""As many digits as a number of a payload may have."""


@pytest.fixture
def firm() -> Firm:
    return found()


def _read(step: Step) -> Step:
    return sets.read(Step, "id", [step.pk], order="id")[0]


def _kept(step: Step, **values: Any) -> Step:
    """The step as it is read after these were set and kept under its guards."""
    row = _read(step)
    seen = {id(row): dict(row.__dict__)}
    for name, value in values.items():
        setattr(row, name, value)
    with atomic():
        sets.keep(Step, [row], seen, cases.GUARD)
    return _read(step)


@pytest.mark.django_db
def test_documents_lose_nothing(firm: Firm) -> None:
    step = firm.tell(firm.opportunity()).steps.first()
    assert step is not None
    said = {
        "count": LONGEST, "less": -LONGEST, "name": "Zoë “quoted” \\ 日本 🏗", "none": None,
        "amount": Decimal("1200.10"), "day": date(2026, 11, 22), "deep": [{"is": True}, [1.5]],
        "at": datetime(2026, 11, 22, 8, 30, tzinfo=UTC), "id": UUID(int=7), "empty": {},
    }  # fmt: skip
    now = _kept(step, values=said, due_at=said["at"])
    assert now.due_at == said["at"]
    assert now.values == {
        **said, "amount": "1200.10", "day": "2026-11-22", "at": "2026-11-22T08:30:00Z",
        "id": "00000000-0000-0000-0000-000000000007",
    }  # fmt: skip


@pytest.mark.django_db
@examples(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=holding(NUMBERS_THAT_ARE_NONE))
def test_a_number_that_is_none_is_refused_not_written_as_null(firm: Firm, said: Any) -> None:
    step = Step.objects.first() or firm.tell(firm.opportunity()).steps.get(position=1)
    before = _read(step)
    for change in ({"values": {"lines": [said]}}, {"sent": {"one": 1, "two": said}}):
        with pytest.raises(NotAnAmount):
            _kept(step, **change)
    assert _read(step).__dict__ == before.__dict__ | {"_state": ANY}


@pytest.mark.django_db
@pytest.mark.parametrize("amount", [Decimal("NaN"), Decimal("Infinity"), float("nan")])
def test_nor_is_it_an_amount(firm: Firm, amount: Any) -> None:
    deal = firm.tell(firm.opportunity())
    with pytest.raises(NotAnAmount), atomic():
        sets.update(Transaction, {deal.pk: {"amount": amount}})
    assert Transaction.objects.get(pk=deal.pk).amount == deal.amount


@pytest.mark.django_db
def test_a_row_that_has_moved_is_not_written(firm: Firm) -> None:
    step = firm.tell(firm.opportunity()).steps.first()
    assert step is not None
    row = _read(step)
    seen = {id(row): dict(row.__dict__)}
    Step.objects.filter(pk=step.pk).update(fence=row.fence + 1)
    row.text = "late"
    with pytest.raises(sets.Moved), atomic():
        sets.keep(Step, [row], seen, cases.GUARD)
    assert _read(step).text == step.text


@pytest.mark.django_db
def test_only_rows_that_differ_are_written(firm: Firm) -> None:
    step = firm.tell(firm.opportunity()).steps.first()
    assert step is not None
    with CaptureQueriesContext(connection) as asked:
        _kept(step, text=step.text)
    assert not [one for one in asked.captured_queries if "UPDATE" in one["sql"]]


@pytest.mark.django_db
def test_what_is_written_again_has_room_on_its_page() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' "
            "AND relname ~ '^transactions_(transaction|step|attempt_.*)$' "
            "AND relnamespace = 'public'::regnamespace "
            "AND NOT coalesce(reloptions::text ~ 'fillfactor=[4-8]0', false)"
        )
        assert cursor.fetchall() == []


@pytest.mark.django_db
def test_facts_are_read_when_asked_for_and_for_the_whole_set(firm: Firm) -> None:
    deals = [firm.tell(firm.opportunity()) for _ in range(3)]
    with CaptureQueriesContext(connection) as asked:
        read = cases.read([deal.pk for deal in deals], now=timezone.now())
        assert not _of_items(asked)
        names = [str(read[deal.pk].items[0].record["name"]) for deal in deals]
    assert len(_of_items(asked)) == 1
    assert names == [
        Transaction.objects.get(pk=deal.pk).items.get().record["name"] for deal in deals
    ]


def _of_items(asked: CaptureQueriesContext) -> list[str]:
    return [one["sql"] for one in asked.captured_queries if "transactions_item" in one["sql"]]


def test_each_of_a_set_has_its_line_with_nothing_else() -> None:
    record = logging.makeLogRecord(
        {"name": "engine", "levelno": logging.INFO, "levelname": "INFO", "msg": "attempt"}
        | {logs.EACH: [{"step": "a", "payload": "zq"}, {"step": "b", "milliseconds": 3}]}
    )
    lines = logs.JsonFormatter().format(record).splitlines()
    assert ['"step": "a"' in lines[0], '"milliseconds": 3' in lines[1], len(lines)] == [
        True,
        True,
        2,
    ]
    assert all('"message": "attempt"' in line and "zq" not in line for line in lines)
