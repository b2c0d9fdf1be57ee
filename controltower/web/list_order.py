"""In which order the list of transactions stands. Each order has an index of its own, or is only
offered where the rows are few: what is not over yet."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.db.models import DateTimeField, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from controltower.transactions.models import TransactionState
from controltower.transactions.models.journey import TransactionQuerySet
from controltower.transactions.models.states import LIVE
from controltower.web.keyset import Order

NEWEST, OLDEST, ENDED, LARGEST, SMALLEST, DUE = (
    "newest", "oldest", "ended", "largest", "smallest", "due",
)  # fmt: skip
ORDERS = {
    NEWEST: Order("started_at", descending=True),
    OLDEST: Order("started_at", descending=False),
    ENDED: Order("ended_at", descending=True),
    LARGEST: Order("amount", descending=True),
    SMALLEST: Order("amount", descending=False),
    DUE: Order("due_or_never", descending=False),
}
WORDS = {
    NEWEST: gettext_lazy("Newest first"),
    OLDEST: gettext_lazy("Oldest first"),
    ENDED: gettext_lazy("Ended last, first"),
    LARGEST: gettext_lazy("Largest amount first"),
    SMALLEST: gettext_lazy("Smallest amount first"),
    DUE: gettext_lazy("Promised first"),
}
OFFERED = (NEWEST, OLDEST, LARGEST, SMALLEST, DUE)
OF_FEW = (LARGEST, SMALLEST, DUE)
"""Orders without an index: the rows are read and sorted."""
ENDS = ("ended", "passed_by")
"""Filters whose rows have all ended; they are found, and stand, by when."""
NEVER = datetime.max.replace(tzinfo=UTC)
"""When something without a promise is due, for its place in an order."""


def sort_field() -> forms.ChoiceField:
    """The field of the filters' form."""
    choices = [("", WORDS[NEWEST]), *((name, WORDS[name]) for name in OFFERED if name != NEWEST)]
    return forms.ChoiceField(label=gettext_lazy("Order"), required=False, choices=choices)


def refused(given: Mapping[str, Any]) -> str:
    """Why the rows cannot stand in the order that was asked for, "" when they can."""
    if given.get("sort") not in OF_FEW or _are_few(given):
        return ""
    return _("Only what is not over yet can stand in this order: choose such a state, too.")


def _are_few(given: Mapping[str, Any]) -> bool:
    state = given.get("state")
    is_open = state in {"stuck", "open", *(one.value for one in TransactionState if one in LIVE)}
    return is_open or any(given.get(name) for name in ("lateness", "cause", "stage", "wait"))


def order_of(given: Mapping[str, Any]) -> Order:
    """The order that the valid filters ask for; what has ended stands by when it ended."""
    by_end = any(given.get(name) for name in ENDS)
    return ORDERS[given.get("sort") or (ENDED if by_end else NEWEST)]


def words_of(given: Mapping[str, Any]) -> str:
    """The order in words."""
    order = order_of(given)
    return str(next(WORDS[name] for name, one in ORDERS.items() if one == order))


def sortable(rows: TransactionQuerySet) -> TransactionQuerySet:
    """The rows with the column that "promised first" needs."""
    never = Value(NEVER, output_field=DateTimeField())
    return rows.annotate(due_or_never=Coalesce("due_at", never))
