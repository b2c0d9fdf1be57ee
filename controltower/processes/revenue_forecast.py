"""The months over which a change order's amount is spread, as revenue forecast.

What was forecast of the order before it was changed is brought up to date in its place; a month
that it does not reach any more earns nothing by it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from controltower.canonical.money import Money
from controltower.processes import agreement
from controltower.processes.definition import Facts, Prepared, Send, StepDefinition

MOST_MONTHS = 24
"""A forecast that reaches further is taken for a slip of the pen."""
PART = "revenue_part"
KNOWN = "forecast"
"""Under which a check learns what was forecast before: the PSA's record, by month."""
BEFORE = "before"
"""And what the order was worth then."""


def worth(order: Mapping[str, Any]) -> Decimal:
    """What an order adds to its contract: nothing while it is not approved."""
    return Decimal(str(order.get("amount") or 0)) if order.get("approved", True) else Decimal(0)


def added(order: Mapping[str, Any], known: Mapping[str, Any]) -> Decimal:
    """What an order adds to what it was worth before, which was told to everybody."""
    return worth(order) - Decimal(str(known.get(BEFORE) or 0))


def span(facts: Facts) -> tuple[date, date] | None:
    """From the day of approval to the project's end, or the new one; at least that one day. None
    without the former: any other day would be another one by the time that a later part is sent."""
    order, project = facts.subject, facts.subject.get("project") or {}
    begins = _day(order.get("approved_on"))
    if begins is None:
        return None
    ends = _day(order.get("ends_on")) or _day(project.get("end_date")) or begins
    return begins, max(begins, ends)


def months(facts: Facts) -> list[tuple[date, date]]:
    """The first and the last day in each month that the order is spread over."""
    found = []
    if reach := span(facts):
        begins, ends = reach
        while begins <= ends:
            following = (begins.replace(day=1) + timedelta(days=32)).replace(day=1)
            found.append((begins, min(ends, following - timedelta(days=1))))
            begins = following
    return found


def _day(text: Any) -> date | None:
    return date.fromisoformat(str(text)) if text else None


def steps(facts: Facts) -> tuple[StepDefinition, ...]:
    """A step for each month that the order earns something in, or was to; none before the check."""
    if "check" not in facts.results:
        return ()
    reach = months(facts)[:MOST_MONTHS] if worth(facts.subject) else []
    known: Mapping[str, str] = facts.result("check").values.get(KNOWN, {})
    reached = {f"{first:%Y-%m}" for first, _ in reach}
    parts = [_step(first, known, part(number)) for number, (first, _) in enumerate(reach)]
    gone = [date.fromisoformat(f"{month}-01") for month in sorted(known) if month not in reached]
    return (*parts, *(_step(first, known, nothing(first)) for first in gone))


def _step(
    first: date, known: Mapping[str, str], prepare: Callable[[Facts], Prepared]
) -> StepDefinition:
    again = f"{first:%Y-%m}" in known
    return StepDefinition(
        name=f"forecast-{first:%Y-%m}{'-again' if again else ''}",
        title=f"Forecast {first:%B %Y}",
        role="psa",
        entity=PART,
        verb="update" if again else "upsert",
        needs=("contract",),
        mapping="revenue-part-to-psa",
        prepare=prepare,
        differs=agreement.amount_differs,
        owner_role="controller",
    )


def part(position: int) -> Callable[[Facts], Prepared]:
    """The preparation of the n-th month (from 0) that the order is spread over."""

    def prepare(facts: Facts) -> Prepared:
        reach = months(facts)
        whole = Money.of(worth(facts.subject), str(facts.subject["currency"]))
        shares = whole.split([(end - start).days + 1 for start, end in reach])
        return _send(facts, *reach[position], shares[position])

    return prepare


def nothing(first: date) -> Callable[[Facts], Prepared]:
    """The preparation of a month in which the order earns nothing any more."""

    def prepare(facts: Facts) -> Prepared:
        following = (first + timedelta(days=32)).replace(day=1)
        amount = Money(str(facts.subject["currency"]), 0)
        return _send(facts, first, following - timedelta(days=1), amount)

    return prepare


def _send(facts: Facts, first: date, last: date, amount: Money) -> Send:
    order, month = facts.subject, f"{first:%Y-%m}"
    record = {
        "name": f"{order['number']} · {month}",
        "project_id": order["project_id"],
        "period": month,
        "start_date": first.isoformat(),
        "end_date": last.isoformat(),
        "amount": str(amount.amount),
        "currency": amount.currency,
        "change_order": order["number"],
        "correlation_id": facts.correlation_id,
    }
    ref = facts.result("check").values.get(KNOWN, {}).get(month, "")
    return Send(record=record, ref=ref, ordering=f"forecast:{order['source_id']}-{month}")
