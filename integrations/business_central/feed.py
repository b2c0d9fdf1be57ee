"""What became of invoices since: posted and paid ones, of all companies, by the time of their last
change. Posting keeps a draft's id, so each invoice is one subject from draft to payment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from controltower.canonical.events import INVOICE_PAID, INVOICE_POSTED, BusinessKey, CanonicalEvent
from integrations import exact_json
from integrations.answers import each
from integrations.business_central.client import CentralClient
from integrations.business_central.codes import Company
from integrations.business_central.read_invoice import BOOKED, LINES, invoice, state_of
from integrations.business_central.wire import changed_at, stamp, version_of
from integrations.connector import Change, ChangePage, Key
from integrations.places import Place, following, page_of
from integrations.shape import Drift, Row, figure, required, text

_EVENTS = {"posted": INVOICE_POSTED, "paid": INVOICE_PAID}


async def changes(
    client: CentralClient,
    companies: Sequence[Company],
    source: str,
    cursor: str,
    limit: int,
    settled: datetime,
) -> ChangePage:
    """A page of posted and paid invoices changed after `cursor`, oldest first.

    A cursor that cannot be read starts anew and is told as a gap. Raises CallFailed, Drift.
    """
    known = Place.read(cursor) if cursor else Place()
    start = known or Place()
    found: dict[Place, tuple[Row, Company]] = {}
    for company in companies:
        for row in await _changed(client, company, start.at, LINES):
            found[Place(changed_at(row), company.ref(row))] = row, company
    places, has_more = page_of(list(found), start, limit)
    last = places[-1] if places else start
    changes, aside = each(
        (place.ref, found[place][0], partial(_change, *found[place], source)) for place in places
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
    """Booked invoices, or customers, last changed in [since, until). Raises CallFailed, Drift."""
    found: list[Key] = []
    for company in companies:
        if entity == "customer":
            query = {"$filter": f"lastModifiedDateTime ge {stamp(since)}"}
            rows, _ = await client.rows(f"{company.path}/customers", query)
        else:
            rows = await _changed(client, company, since, {})
        within = [row for row in rows if since <= changed_at(row) < until]
        found += [_key(row, company, entity) for row in within]
    return found


async def _changed(
    client: CentralClient, company: Company, since: datetime, more: dict[str, str]
) -> list[Row]:
    """Booked invoices changed at a moment or later, and those of which nobody can say it."""
    query = {"$filter": f"lastModifiedDateTime ge {stamp(since)}", **more}
    rows, _ = await client.rows(f"{company.path}/salesInvoices", query)
    return [row for row in rows if _may_be_booked(row)]


def _may_be_booked(row: Row) -> bool:
    try:
        return state_of(row) in BOOKED
    except Drift:
        return True


def _change(row: Row, company: Company, source: str) -> Change:
    found = invoice(row, company)
    pairs = (("invoice", found.number), ("reference", found.reference))
    event = CanonicalEvent(
        id=f"{source}:invoice:{found.source_id}:{found.state}",
        type=_EVENTS[found.state],
        source=source,
        subject=f"invoice/{found.source_id}",
        time=changed_at(row),
        version=version_of(row),
        record=found,
        keys=tuple(BusinessKey(kind, value) for kind, value in pairs if value),
    )
    return Change(raw=exact_json.encode(row).encode(), event=event)


def _key(row: Row, company: Company, entity: str) -> Key:
    if entity == "customer":
        return Key(company.ref(row), required(row, "number"), version_of(row))
    return Key(
        ref=company.ref(row),
        key=text(row, "externalDocumentNumber"),
        version=version_of(row),
        amount=figure(row, "totalAmountIncludingTax"),
        currency=required(row, "currencyCode"),
    )
