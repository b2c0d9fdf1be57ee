"""What became of invoices and customers since, by the time of their last change.

Tryton stamps a record when its transaction writes, not when it commits, so a record can appear
behind one that was already read. The cursor therefore stays a while behind the clock: the last
seconds are read again, and the same fact keeps the same event id.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from controltower.canonical.events import (
    INVOICE_PAID,
    INVOICE_POSTED,
    BusinessKey,
    CanonicalEvent,
)
from integrations import customer_facts, exact_json
from integrations.answers import each
from integrations.connector import Change, ChangePage, Key
from integrations.shape import Row, choice, figure, objects, of_type, required, text
from integrations.tryton import customers, read_invoice
from integrations.tryton.client import Talk, complete
from integrations.tryton.sides import INVOICES, PARTIES

SETTLED = timedelta(seconds=15)
"""How long a transaction of Tryton's can take; option `settle_seconds`."""
_BEGINNING = (datetime(1970, 1, 1, tzinfo=UTC), 0)
_EVENTS = {"posted": INVOICE_POSTED, "paid": INVOICE_PAID}


@dataclass(frozen=True, slots=True)
class _Told:
    """A record that is told of: where it is, which of them count, and what a row means."""

    model: str
    fields: list[str]
    counts: list[Any]
    change: Callable[[dict[str, Any], str], Change]

    def read(self, row: Row, source: str) -> Change:
        """The fact that a row tells. Raises Drift."""
        return self.change(complete(row, self.fields), source)


async def changes(
    talk: Talk, entity: str, source: str, cursor: str, limit: int, settled: datetime
) -> ChangePage:
    """A page of posted and paid invoices, or of customers with a number, changed after `cursor`
    ("time|id"), oldest first.

    What changed after `settled` is read again next time. A cursor that cannot be read starts anew
    and is told as a gap. Raises Drift.
    """
    told, known = _TOLD[entity], _read(cursor)
    at, last = known or _BEGINNING
    domain = [
        *told.counts,
        ["OR", ["write_date", ">", at], [["write_date", "=", at], ["id", ">", last]]],
    ]
    found = await talk.ask(
        f"model.{told.model}.search_read", domain, 0, limit,
        [["write_date", "ASC"], ["id", "ASC"]], told.fields, {},
    )  # fmt: skip
    rows = objects(found)
    has_more = len(rows) == limit
    changes, aside = each(
        (str(row.get("id", "")), row, partial(told.read, row, source)) for row in rows
    )
    return ChangePage(
        changes=changes,
        aside=aside,
        next_cursor=following(rows, cursor if known else "", None if has_more else settled),
        has_more=has_more,
        gap=known is None,
    )


async def reread(talk: Talk, entity: str, source: str, ref: str) -> Change | None:
    """What a record tells now, None where there is none that counts. Raises Drift."""
    told = _TOLD[entity]
    if not (ref.isascii() and ref.isdecimal()):
        return None
    rows = await talk.rows(told.model, [*told.counts, ["id", "=", int(ref)]], told.fields)
    return told.read(rows[0], source) if rows else None


async def keys(talk: Talk, entity: str, since: datetime, until: datetime) -> Sequence[Key]:
    """Booked invoices of a side, or parties, last changed in [since, until)."""
    window = [["write_date", ">=", since], ["write_date", "<", until]]
    if entity in PARTIES:
        rows = await talk.rows("party.party", window, customers.FIELDS)
        return [
            Key(read_invoice.ref_of(row), text(row, "code"), read_invoice.version_of(row))
            for row in rows
        ]
    domain = [*window, ["type", "=", INVOICES[entity].type], ["state", "in", sorted(_EVENTS)]]
    return [_key(row) for row in await talk.rows(read_invoice.MODEL, domain, read_invoice.FIELDS)]


def _invoice_change(row: dict[str, Any], source: str) -> Change:
    invoice = read_invoice.record_of(row)
    pairs = (("invoice", invoice.number), ("reference", invoice.reference))
    event = CanonicalEvent(
        id=f"{source}:invoice:{invoice.source_id}:{invoice.state}",
        type=choice(row, "state", _EVENTS),
        source=source,
        subject=f"invoice/{invoice.source_id}",
        time=read_invoice.changed_at(row),
        version=read_invoice.version_of(row),
        record=invoice,
        keys=tuple(BusinessKey(kind, value) for kind, value in pairs if value),
    )
    return Change(raw=exact_json.encode(row).encode(), event=event)


def _customer_change(row: dict[str, Any], source: str) -> Change:
    customer = customers.record_of(row, None)
    at, version = read_invoice.changed_at(row), read_invoice.version_of(row)
    return customer_facts.changed(row, customer, source, at, version)


_TOLD = {
    "invoice": _Told(
        read_invoice.MODEL,
        read_invoice.FIELDS,
        [["type", "=", "out"], ["state", "in", sorted(_EVENTS)]],
        _invoice_change,
    ),
    "customer": _Told("party.party", customers.FIELDS, [["code", "!=", None]], _customer_change),
}


def _key(row: dict[str, Any]) -> Key:
    return Key(
        ref=read_invoice.ref_of(row),
        key=text(row, "reference"),
        version=read_invoice.version_of(row),
        amount=figure(row, "total_amount"),
        currency=required(row, ("currency.", "code")),
    )


def _read(cursor: str) -> tuple[datetime, int] | None:
    """Where a cursor stands; None when it cannot be read."""
    if not cursor:
        return _BEGINNING
    at, _, last = cursor.partition("|")
    try:
        return datetime.fromisoformat(at), int(last)
    except ValueError:
        return None


def following(rows: Sequence[Row], cursor: str, latest: datetime | None) -> str:
    """After the last row, but, at the end of the feed, no later than `latest`; never backwards."""
    if not rows:
        return cursor
    at, last = read_invoice.changed_at(dict(rows[-1])), of_type(rows[-1], "id", int) or 0
    if latest is not None and at > latest:
        at, last = max(_read(cursor) or _BEGINNING, (latest, 0))
    return f"{at.astimezone(UTC).isoformat()}|{last}"
