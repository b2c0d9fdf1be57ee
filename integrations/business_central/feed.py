"""What became of invoices, credit notes and customers since, of all companies, by the time of their
last change. Posting keeps a draft's id, so each document is one subject from draft to payment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from controltower.canonical.events import (
    INVOICE_PAID,
    INVOICE_POSTED,
    BusinessKey,
    CanonicalEvent,
)
from integrations import customer_facts, exact_json
from integrations.answers import each
from integrations.business_central import customers
from integrations.business_central.client import CentralClient
from integrations.business_central.codes import Company
from integrations.business_central.papers import PAPERS, Paper
from integrations.business_central.read_invoice import BOOKED, invoice, state_of
from integrations.business_central.wire import changed_at, stamp, version_of
from integrations.connector import Change, ChangePage, Key
from integrations.places import Place, following, page_of
from integrations.shape import Drift, Row, amount, required, text

_EVENTS = {"posted": INVOICE_POSTED, "paid": INVOICE_PAID}


@dataclass(frozen=True, slots=True)
class _Told:
    """A kind of record that is told of: where it is, which rows count, and what one means."""

    collection: str
    counts: Callable[[Row], bool]
    change: Callable[[Row, Company, str], Change]
    query: Mapping[str, str] = field(default_factory=dict)


async def changes(
    client: CentralClient,
    companies: Sequence[Company],
    entity: str,
    source: str,
    cursor: str,
    limit: int,
    settled: datetime,
) -> ChangePage:
    """A page of posted and paid documents, or of customers, changed after `cursor`, oldest first.

    A cursor that cannot be read starts anew and is told as a gap. Raises CallFailed, Drift.
    """
    told, known = _TOLD[entity], Place.read(cursor) if cursor else Place()
    start = known or Place()
    found: dict[Place, tuple[Row, Company]] = {}
    for company in companies:
        for row in await _changed(client, company, told, start.at, told.query):
            found[Place(changed_at(row), company.ref(row))] = row, company
    places, has_more = page_of(list(found), start, limit)
    last = places[-1] if places else start
    changes, aside = each(
        (place.ref, found[place][0], partial(told.change, *found[place], source))
        for place in places
    )
    return ChangePage(
        changes=changes,
        aside=aside,
        next_cursor=following(last, has_more, settled).text(),
        has_more=has_more,
        gap=known is None,
    )


async def keys(
    client: CentralClient,
    companies: Sequence[Company],
    entity: str,
    since: datetime,
    until: datetime,
) -> Sequence[Key]:
    """Booked documents, or customers, last changed in [since, until). Raises CallFailed, Drift."""
    found: list[Key] = []
    for company in companies:
        rows = await _changed(client, company, _TOLD[entity], since, {})
        within = [row for row in rows if since <= changed_at(row) < until]
        found += [_key(row, company, PAPERS.get(entity)) for row in within]
    return found


def reread(entity: str, row: Row, company: Company, source: str) -> Change:
    """The fact that a row of a company tells. Raises Drift."""
    return _TOLD[entity].change(row, company, source)


async def _changed(
    client: CentralClient, company: Company, told: _Told, since: datetime, more: Mapping[str, str]
) -> list[Row]:
    """What counts of a kind and was changed at a moment or later."""
    query = {"$filter": f"lastModifiedDateTime ge {stamp(since)}", **more}
    rows, _ = await client.rows(f"{company.path}/{told.collection}", query)
    return [row for row in rows if told.counts(row)]


def _may_be_booked(paper: Paper, row: Row) -> bool:
    """Also of a document of which nobody can say it."""
    try:
        return state_of(row, paper) in BOOKED
    except Drift:
        return True


def _paper_change(paper: Paper, row: Row, company: Company, source: str) -> Change:
    found = invoice(row, company, paper)
    pairs = (("invoice", found.number), ("reference", found.reference))
    event = CanonicalEvent(
        id=f"{source}:{paper.entity}:{found.source_id}:{found.state}",
        type=_EVENTS[found.state],
        source=source,
        subject=f"{paper.entity}/{found.source_id}",
        time=changed_at(row),
        version=version_of(row),
        record=found,
        keys=tuple(BusinessKey(kind, value) for kind, value in pairs if value),
    )
    return Change(raw=exact_json.encode(row).encode(), event=event)


def _customer_change(row: Row, company: Company, source: str) -> Change:
    found = customers.customer(row, company)
    return customer_facts.changed(row, found, source, changed_at(row), version_of(row))


_TOLD = {
    **{
        entity: _Told(
            paper.collection,
            partial(_may_be_booked, paper),
            partial(_paper_change, paper),
            paper.expanded,
        )
        for entity, paper in PAPERS.items()
    },
    "customer": _Told("customers", lambda row: True, _customer_change),
}


def _key(row: Row, company: Company, paper: Paper | None) -> Key:
    if paper is None:
        return Key(company.ref(row), required(row, "number"), version_of(row))
    return Key(
        ref=company.ref(row),
        key=text(row, "externalDocumentNumber"),
        version=version_of(row),
        amount=str(paper.sign * amount(row, "totalAmountIncludingTax")),
        currency=required(row, "currencyCode"),
    )
