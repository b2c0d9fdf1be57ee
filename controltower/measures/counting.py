"""Whether a transaction's value counts, or an earlier stuck point of its chain carries it already;
and what it is worth in the reporting currency.

Both stand in every sum of money there is, so they are said in SQL: the ORM put them together from
its own words for each statement anew, which was a third of the time of a page.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, DecimalField, F, Func
from django.db.models.sql.compiler import SQLCompiler

from controltower.processes import (
    capped_work,
    deal_taken_back,
    month_end_close,
    opportunity_to_project,
    project_change_to_forecast,
    quote_to_cash,
    time_and_expense_to_billing,
)
from controltower.transactions.models import TransactionState, WaitKind
from controltower.transactions.protocol import State

UPSTREAM, UNBILLED = opportunity_to_project.PROCESS.name, "unbilled"


def _stuck(row: str) -> str:
    """The words of `states.STUCK`, which an index holds."""
    waits = f"'{WaitKind.PERIOD_CLOSED}', '{WaitKind.OWNER}'"
    held = f"{row}.state = '{TransactionState.WAITING}' AND {row}.wait IN ({waits})"
    return f"({row}.state = '{TransactionState.DEAD_LETTERED}' OR ({held}))"


def _is_whole(process: str, exposure: str) -> str:
    """Whether it is worth the deal, and not one invoice: a watch over what a whole chain lacks, or
    that the deal was taken back."""
    lacks = f"{exposure} = '{UNBILLED}' AND {process} = '{quote_to_cash.WATCH.name}'"
    return f"(({lacks}) OR {process} = '{deal_taken_back.PROCESS.name}')"


HELD = f"transactions_transaction held WHERE {_stuck('held')}"
DEAL = f"held.process = '{UPSTREAM}'"
WHOLE = _is_whole("held.process", "held.exposure")

COUNTED = f"""CASE
WHEN {{process}} = '{UPSTREAM}' THEN true
WHEN {{process}} = '{time_and_expense_to_billing.PROCESS.name}' AND {{pk}} IN (
  SELECT capped.transaction_id FROM transactions_step capped
  WHERE capped.name = 'check' AND capped.state = '{State.PARKED}'
    AND capped.field = '{capped_work.CAP}'
) THEN {{correlation_id}} IN (SELECT held.correlation_id FROM {HELD} AND ({DEAL} OR {WHOLE}))
  OR NOT EXISTS (
    SELECT FROM {HELD} AND held.correlation_id = {{correlation_id}}
    AND held.process = '{project_change_to_forecast.PROCESS.name}' AND held.amount >= {{amount}}
  )
WHEN {{process}} = '{month_end_close.WATCH.name}' AND EXISTS (
  SELECT FROM transactions_expectation late
  WHERE late.watch_id = {{pk}} AND late.closed_at IS NULL
    AND late.set_by_id IN (SELECT held.id FROM {HELD})
) THEN false
WHEN {_is_whole("{process}", "{exposure}")}
THEN {{correlation_id}} NOT IN (SELECT held.correlation_id FROM {HELD} AND {DEAL})
  AND NOT EXISTS (
    SELECT FROM {HELD} AND {WHOLE}
    AND held.correlation_id = {{correlation_id}} AND held.id < {{pk}}
  )
ELSE {{correlation_id}} NOT IN (SELECT held.correlation_id FROM {HELD} AND ({DEAL} OR {WHOLE}))
END"""  # noqa: S608 - our own words only
"""The first case that fits decides: work above a cap counts unless a change order as large is
stuck; a month's watch does not where what it waits for is stuck itself; of what is worth a whole
deal the first counts, unless the deal is stuck; all else unless one of these is. What is stuck is
little: it is gathered once for a statement, not looked up for each row that is priced."""

RATES = """(
  SELECT jsonb_build_object(%s::text, 1) || coalesce(
    jsonb_object_agg(dated.currency, dated.rate), '{{}}')
  FROM (SELECT DISTINCT ON (currency) currency, rate FROM firm_exchangerate
        WHERE "on" <= (statement_timestamp() AT TIME ZONE 'UTC')::date
        ORDER BY currency, "on" DESC) dated)"""
"""All rates in force (`firm.rates`), asked once for a statement."""


class _OfColumns(Func):
    """An expression over columns of a transaction: SQL with a place for each of them."""

    columns: tuple[str, ...]
    words: str

    def __init__(self, at: str = "") -> None:
        super().__init__(*(F(f"{at}{name}") for name in self.columns))

    def as_sql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, *_options: Any, **_more: Any
    ) -> tuple[str, tuple[str | int, ...]]:
        """The words, with each column as the statement calls it."""
        called = [compiler.compile(column)[0] for column in self.source_expressions]
        words = self.words.format(**dict(zip(self.columns, called, strict=True)))
        return words, ()


class Counted(_OfColumns):
    """Whether the value of the transaction at the end of a path ("transaction__") counts."""

    columns = ("pk", "process", "correlation_id", "exposure", "amount")
    words = COUNTED
    output_field = BooleanField()


class Worth(_OfColumns):
    """An amount in the reporting currency at the newest rate, to the cent; null without a rate."""

    columns = ("amount", "currency")
    words = f"round({{amount}} * ({RATES} ->> {{currency}})::numeric, 2)"
    output_field = DecimalField(max_digits=24, decimal_places=2, null=True)

    def as_sql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, *_options: Any, **_more: Any
    ) -> tuple[str, tuple[str | int, ...]]:
        """The same, told the reporting currency."""
        return super().as_sql(compiler, connection)[0], (settings.REPORTING_CURRENCY,)
