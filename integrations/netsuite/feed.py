"""What became of invoices, credit notes and customers since: SuiteQL tells which were changed, and
each is then read.

Times are whole seconds, in the zone of the role that the tower signs in with, which must be GMT.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from controltower.canonical.events import INVOICE_PAID, INVOICE_POSTED, BusinessKey, CanonicalEvent
from integrations import customer_facts, exact_json
from integrations.answers import Item, each
from integrations.connector import Change, ChangePage, Key, Unread
from integrations.netsuite.account import Account
from integrations.netsuite.client import select
from integrations.netsuite.papers import PAPERS, Paper
from integrations.netsuite.translate import changed_at, customer, invoice, version_of
from integrations.places import Place, following, page_of
from integrations.shape import Row, amount_text, moment, object_of, required

MOST_PER_PAGE = 50
BESIDE = 4
_EVENTS = {"posted": INVOICE_POSTED, "paid": INVOICE_PAID}
_CHANGED = "TO_CHAR(lastmodifieddate, 'YYYY-MM-DD\"T\"HH24:MI:SS') AS changed"


@dataclass(frozen=True, slots=True)
class _Told:
    """A kind of record that is told of: its name, its table, which rows count, and what a record
    means."""

    record: str
    table: str
    counts: tuple[str, ...]
    change: Callable[[Row, Mapping[str, str], str], Change | None]


async def changes(
    account: Account, entity: str, source: str, cursor: str, limit: int, settled: datetime
) -> ChangePage:
    """A page of booked documents, or of customers, changed after `cursor`, oldest first.

    A cursor that cannot be read starts anew and is told as a gap. Raises CallFailed, Drift.
    """
    told, known = _TOLD[entity], Place.read(cursor) if cursor else Place()
    start = known or Place()
    query = select(f"id, {_CHANGED}", told.table, *told.counts, _since(start.at))
    rows, _ = await account.client.rows(query)
    found, unclear = each((str(row.get("id", "")), row, partial(_place, row)) for row in rows)
    places, has_more = page_of(found, start, min(limit, MOST_PER_PAGE))
    gate, codes = asyncio.Semaphore(BESIDE), await account.subsidiaries.codes()

    async def one(place: Place) -> Item[Change]:
        ref = place.ref.lstrip("0")
        async with gate:
            row, _ = await account.client.record(f"/{told.record}/{ref}")
        return ref, row, partial(told.change, row, codes, source)

    changes, aside = each(await asyncio.gather(*map(one, places)))
    return ChangePage(
        changes=changes,
        aside=[*unclear, *aside],
        next_cursor=following(places[-1] if places else start, has_more, settled).text(),
        has_more=has_more,
        gap=known is None,
    )


async def reread(account: Account, entity: str, source: str, row: Unread) -> Change | None:
    """What a row that was set aside tells. Raises CallFailed, Drift."""
    said = object_of(exact_json.decode(row.raw))
    return _TOLD[entity].change(said, await account.subsidiaries.codes(), source)


async def keys(account: Account, entity: str, since: datetime, until: datetime) -> Sequence[Key]:
    """Booked documents, or customers, last changed in [since, until). Raises CallFailed, Drift."""
    window = f"{_since(since)} AND lastmodifieddate < {_stamp(until)}"
    if entity == "customer":
        query = select(f"id, entityid, {_CHANGED}", "customer", window)
        rows, _ = await account.client.rows(query)
        return [Key(required(row, "id"), required(row, "entityid"), _version(row)) for row in rows]
    paper = PAPERS[_TOLD[entity].record]
    columns = "id, NVL(externalid, '') AS reference, foreigntotal, BUILTIN.DF(currency) AS money"
    query = select(f"{columns}, {_CHANGED}", "transaction", paper.booked, window)
    rows, _ = await account.client.rows(query)
    return [_key(row, paper) for row in rows]


def _place(row: Row) -> Place:
    return Place(moment(row, "changed"), required(row, "id").zfill(12))


def _paper_change(paper: Paper, row: Row, codes: Mapping[str, str], source: str) -> Change | None:
    """None for a document that is no longer booked."""
    found = invoice(row, _entity(row, codes), paper)
    if found.state not in _EVENTS:
        return None
    pairs = (("invoice", found.number), ("reference", found.reference))
    event = CanonicalEvent(
        id=f"{source}:{paper.entity}:{found.source_id}:{found.state}",
        type=_EVENTS[found.state],
        source=source,
        subject=f"{paper.entity}/{found.source_id}",
        time=changed_at(row),
        version=version_of(changed_at(row)),
        record=found,
        keys=tuple(BusinessKey(kind, value) for kind, value in pairs if value),
    )
    return Change(raw=exact_json.encode(row).encode(), event=event)


def _customer_change(row: Row, codes: Mapping[str, str], source: str) -> Change:
    at = changed_at(row)
    found = customer(row, _entity(row, codes))
    return customer_facts.changed(row, found, source, at, version_of(at))


_TOLD = {
    **{
        paper.entity: _Told(record, "transaction", (paper.booked,), partial(_paper_change, paper))
        for record, paper in PAPERS.items()
    },
    "customer": _Told("customer", "customer", (), _customer_change),
}


def _entity(row: Row, codes: Mapping[str, str]) -> str:
    return codes.get(required(row, "subsidiary.id"), "")


def _key(row: Row, paper: Paper) -> Key:
    return Key(
        ref=required(row, "id"),
        key=required(row, "reference"),
        version=_version(row),
        amount=str(paper.sign * amount_text(row, "foreigntotal")),
        currency=required(row, "money"),
    )


def _version(row: Row) -> str:
    return version_of(moment(row, "changed"))


def _since(at: datetime) -> str:
    return f"lastmodifieddate >= {_stamp(at)}"


def _stamp(at: datetime) -> str:
    written = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"TO_TIMESTAMP('{written}', 'YYYY-MM-DD HH24:MI:SS')"
