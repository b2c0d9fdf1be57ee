"""Lists of which a view can be kept, and how many rows such a view has for somebody.

The count is that of the list itself, by the same filters: a view's number equals what it opens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from controltower.measures import exposure, registry
from controltower.measures.exposure import Scope
from controltower.web import (
    audit_search,
    exception_filters,
    exception_groups,
    incident_list,
    interface_tabs,
    job_list,
    keyset,
    list_order,
    scope,
    transaction_list,
)

PLACES = frozenset({"after", "before", "arrived", "since"})
"""Where somebody is in a list: no part of what they look for."""
LONGEST = 1000


@dataclass(frozen=True, slots=True)
class Rows:
    """How many rows a view has; with `more`, more than were counted. None is not counted: words
    may be rare among many rows, or the list is not for those eyes."""

    count: int | None
    more: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """A list by its words, and how its rows are counted."""

    words: Any
    count: Callable[[Scope, QueryDict, datetime], Rows]


def _transactions(seen: Scope, query: QueryDict, now: datetime) -> Rows:
    filters = transaction_list.Filters(query, scope.entities(seen.person), seen)
    if filters.is_valid() and filters.given("q"):
        return Rows(None)
    rows = transaction_list.matching(exposure.transactions(seen), filters, seen.person, now)
    order = list_order.order_of(filters.cleaned_data)
    return Rows(*keyset.count(list_order.sortable(rows), order))


def _exceptions(seen: Scope, query: QueryDict, now: datetime) -> Rows:
    return Rows(exception_groups.listing(seen, exception_filters.Filters(query), now).count)


def _incidents(seen: Scope, query: QueryDict, now: datetime) -> Rows:
    return Rows(incident_list.under(incident_list.Filters(query), seen.person).count())


def _jobs(seen: Scope, query: QueryDict, now: datetime) -> Rows:
    rows = job_list.matching(job_list.Filters(query), seen.person, now)
    found = rows.order_by()[: keyset.COUNTED + 1].count()
    return Rows(min(found, keyset.COUNTED), found > keyset.COUNTED)


def _interfaces(_seen: Scope, query: QueryDict, now: datetime) -> Rows:
    filters = interface_tabs.Filters(query)
    return Rows(len(interface_tabs.under(filters, registry.lines(now), now)))


def _audit(seen: Scope, query: QueryDict, _now: datetime) -> Rows:
    return Rows(*audit_search.count(seen.person, query))


LISTS: Mapping[str, Kind] = {
    "transactions": Kind(_("Transactions"), _transactions),
    "exceptions": Kind(_("Exceptions"), _exceptions),
    "incidents": Kind(_("Incidents"), _incidents),
    "jobs": Kind(_("Jobs"), _jobs),
    "interfaces": Kind(_("Interfaces"), _interfaces),
    "manage_audit": Kind(_("Audit"), _audit),
}


def count(page: str, query: str, seen: Scope, now: datetime) -> Rows:
    """How many rows the list has for these eyes; none where a filter makes no sense to them."""
    return LISTS[page].count(seen, QueryDict(query), now)


def plain(query: str) -> str:
    """A query without the place in the list, in one spelling."""
    given = QueryDict(query).dict()
    kept = {name: str(value) for name, value in given.items() if value and name not in PLACES}
    return urlencode(sorted(kept.items()))


def address(page: str, query: str) -> str:
    """Where a list with these filters is."""
    return f"{reverse(page)}?{query}" if query else reverse(page)
