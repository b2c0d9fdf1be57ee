"""What a transaction's own facts say of people: the values by which sentences are rid of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from controltower.canonical import personal
from controltower.canonical.records.base import Personal
from controltower.transactions.models import Item, Transaction

SHORTEST = 3
"""Shorter values are not looked for in texts: they would be found in every word."""


def told_by(transactions: Iterable[Transaction]) -> dict[UUID, dict[str, Personal]]:
    """Of each transaction, its personal values with their classes. Amounts of pay are left out:
    they would be found in every other amount, and are known by their fields."""
    found: dict[UUID, dict[str, Personal]] = {one.pk: {} for one in transactions}
    names = personal.everywhere()
    rows = Item.objects.filter(transaction__in=found).order_by().distinct()
    told = (f"record__{name}" for name in names)
    for pk, kind, *values in rows.values_list("transaction", "event__record_kind", *told):
        record = dict(zip(names, values, strict=True))
        for value, class_ in personal.of_record(kind, record):
            if len(value) >= SHORTEST and class_ is not Personal.PAY:
                found[pk][value] = class_
    return found


def without(text: str, values: Mapping[str, Personal]) -> str:
    """A sentence that speaks of nobody: each of the values is a gap in it."""
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, "…")
    return text
