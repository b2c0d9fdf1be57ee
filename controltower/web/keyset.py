"""Paging by key: a page begins after a row, not after a number of rows, so that it stays quick."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet

SIZE = 50
COUNTED = 1000
"""Rows are counted up to here; beyond, "more than" is said instead of reading them all."""
Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Order:
    """An index to page along: a column, then the primary key."""

    column: str
    descending: bool

    @property
    def names(self) -> tuple[str, str]:
        """For `order_by`."""
        sign = "-" if self.descending else ""
        return f"{sign}{self.column}", f"{sign}pk"

    @property
    def reversed(self) -> Order:
        """The same index, walked from its end."""
        return Order(self.column, not self.descending)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows of a list, for `components/pager.html`."""

    rows: list[Row]
    total: int | None
    total_at_least: bool
    newer_url: str
    older_url: str

    @property
    def shown(self) -> int:
        """How many rows this page has."""
        return len(self.rows)


def page(
    rows: QuerySet[Row],
    order: Order,
    query: Mapping[str, str],
    *,
    among: QuerySet[Row] | None = None,
    size: int = SIZE,
    counted: bool = True,
) -> Page[Row]:
    """The page that `after` or `before` in the query string asks for; the first without them.

    `among` is where the row named there is looked up: all rows of the model, so that a page can
    go on after a row which has left the list.
    """
    whole = rows.model._default_manager.all() if among is None else among
    after = _pivot(whole, order, query.get("after"))
    before = _pivot(whole, order, query.get("before"))
    if before is not None and after is None:
        found = list(beyond(rows, order.reversed, before)[: size + 1])
        more, found = len(found) > size, found[:size][::-1]
        newer, older = more, True
    else:
        some = beyond(rows, order, after) if after else rows.order_by(*order.names)
        found = list(some[: size + 1])
        newer, older, found = after is not None, len(found) > size, found[:size]
    total, more = count(rows, order) if counted else (None, False)
    return Page(
        rows=found,
        total=total,
        total_at_least=more,
        newer_url=_url(query, "before", found[0].pk) if newer and found else "",
        older_url=_url(query, "after", found[-1].pk) if older and found else "",
    )


def count(rows: QuerySet[Row], order: Order) -> tuple[int, bool]:
    """How many rows there are, and whether there are more than were counted."""
    found = rows.order_by(*order.names)[: COUNTED + 1].count()
    return min(found, COUNTED), found > COUNTED


def _pivot(rows: QuerySet[Row], order: Order, key: str | None) -> tuple[Any, Any] | None:
    if not key:
        return None
    try:
        row = rows.filter(pk=key).values_list(order.column, "pk").first()
    except (ValueError, ValidationError):
        return None
    return (row[0], row[1]) if row else None


def beyond(rows: QuerySet[Row], order: Order, pivot: tuple[Any, Any]) -> QuerySet[Row]:
    """Rows after the pivot. The first condition alone bounds the index scan."""
    sign = "lt" if order.descending else "gt"
    value, pk = pivot
    tie = Q(**{order.column: value, f"pk__{sign}": pk})
    return rows.filter(
        Q(**{f"{order.column}__{sign}e": value}), Q(**{f"{order.column}__{sign}": value}) | tie
    ).order_by(*order.names)


def parts(rows: QuerySet[Row], order: Order, size: int) -> Iterator[list[Row]]:
    """All the rows in their order, so many at a time, each part read along the index."""
    found = list(rows.order_by(*order.names)[:size])
    while found:
        yield found
        last = found[-1]
        more = beyond(rows, order, (getattr(last, order.column), last.pk))
        found = list(more[:size]) if len(found) == size else []


def _url(query: Mapping[str, str], name: str, key: Any) -> str:
    kept = {k: v for k, v in query.items() if v and k not in {"after", "before", "arrived"}}
    return "?" + urlencode({**kept, name: str(key)})
