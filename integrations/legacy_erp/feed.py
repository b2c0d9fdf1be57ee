"""What the ERP tells of its ledger: files of postings and payments in the outbox, in the order of
their names, moved to the archive once we have them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from controltower.canonical.events import INVOICE_PAID, INVOICE_POSTED, BusinessKey, CanonicalEvent
from controltower.canonical.records import Invoice
from integrations.answers import each
from integrations.connector import Change, ChangePage, Key, Unread
from integrations.legacy_erp.batch import Fields, field, line_of, number, read, record_of
from integrations.legacy_erp.documents import day_of
from integrations.legacy_erp.history import moment_of
from integrations.shape import Drift, choice

if TYPE_CHECKING:
    from integrations.legacy_erp.client import Session

OUTBOX, ARCHIVED = "out", "archive/out"
_NAME = re.compile(r"LEDGER_(\d{8})_\d+")
_PLACE = re.compile(r"(LEDGER_\d{8}_\d+)\|(\d+)")
_AMOUNTS = {"L": 10}
_KINDS = {"POSTED": ("posted", INVOICE_POSTED), "PAID": ("paid", INVOICE_PAID)}


async def changes(session: Session, source: str, cursor: str, limit: int) -> ChangePage:
    """A page of postings and payments, the oldest file first.

    The outbox is the memory, not the cursor: it only keeps a file's first records from being read
    twice on the way to the end. Raises CallFailed, Drift.
    """
    known = _PLACE.fullmatch(cursor)
    after = (known[1], int(known[2])) if known else ("", 0)
    rows = list[tuple[str, Fields]]()
    for name in await _files(session, OUTBOX):
        if not _NAME.fullmatch(name):
            raise Drift(f"“{name}” in “{OUTBOX}” is no name that was agreed on")
        if name < after[0]:
            continue
        for row, record in enumerate(await _records(session, OUTBOX, name), 1):
            if (name, row) <= after:
                continue
            if len(rows) == limit:
                return _page(source, rows, f"{after[0]}|{after[1]}")
            rows.append((f"{name}:{row}", record))
            after = (name, row)
    return _page(source, rows, "")


def _page(source: str, rows: Sequence[tuple[str, Fields]], cursor: str) -> ChangePage:
    """A file came to its totals, so that a record which cannot be read is as the ERP has written
    it: it is kept by itself, and counts as read when the file is moved."""
    changes, aside = list[Change](), list[Unread]()
    for place, record in rows:
        ref = next(filter(None, record[1:3]), "")
        read = partial(change, source, place, record)
        found, kept = each([(ref, line_of(record), read)], singly=True)
        changes += found
        aside += [replace(one, told_as=f"{source}:{place}") for one in kept]
    return ChangePage(changes, cursor, has_more=bool(cursor), aside=aside)


async def archive(session: Session, refs: Sequence[str]) -> None:
    """Move the files whose last record is among these events. Raises CallFailed, Drift."""
    reached: dict[str, int] = {}
    for ref in refs:
        _, name, row = ref.rsplit(":", 2)
        reached[name] = max(reached.get(name, 0), int(row))
    for name, last in reached.items():
        records = await _records(session, OUTBOX, name)
        if records and last >= len(records):
            await session.move(f"{OUTBOX}/{name}.csv", f"{ARCHIVED}/{name}.csv")


async def keys(session: Session, since: datetime, until: datetime) -> Sequence[Key]:
    """Invoices posted in [since, until), from files that we have and have not moved yet. Raises
    CallFailed, Drift."""
    day = timedelta(days=1)
    days = [f"{at:%Y%m%d}" for at in (since - day, until + day)]
    found: dict[str, Key] = {}
    for folder in (OUTBOX, ARCHIVED):
        for name in await _files(session, folder):
            told = _NAME.fullmatch(name)
            if told and days[0] <= told[1] <= days[1]:
                records = await _records(session, folder, name)
                found |= {key.ref: key for key in _posted(records, since, until)}
    return list(found.values())


def records_of(raw: bytes) -> Sequence[Fields]:
    """The records of a file of the outbox. Raises Drift."""
    return read(raw, "LEDGER", _AMOUNTS).records


def retold(raw: bytes) -> Invoice:
    """What a record of a file means. Raises Drift."""
    return _invoice(record_of(raw))


async def _files(session: Session, folder: str) -> Sequence[str]:
    return [name.removesuffix(".csv") for name in await session.names(folder, ".csv")]


async def _records(session: Session, folder: str, name: str) -> Sequence[Fields]:
    """None of a file that is no longer there."""
    raw = await session.read(f"{folder}/{name}.csv")
    return records_of(raw) if raw is not None else ()


def _posted(records: Sequence[Fields], since: datetime, until: datetime) -> Sequence[Key]:
    return [
        Key(
            ref=_ref(row),
            key=_ref(row),
            version=moment_of(field(row, 12)).isoformat(),
            amount=str(number(row, 10)),
            currency=field(row, 7),
        )
        for row in records
        if field(row, 11) == "POSTED" and since <= moment_of(field(row, 12)) < until
    ]


def change(source: str, place: str, row: Fields) -> Change:
    """The fact that a record at a place of a file tells. Raises Drift."""
    found, at = _invoice(row), moment_of(field(row, 12))
    pairs = (("invoice", found.number), ("reference", found.reference))
    event = CanonicalEvent(
        id=f"{source}:{place}",
        type=_told(row)[1],
        source=source,
        subject=f"invoice/{found.source_id}",
        time=at,
        version=at.isoformat(),
        record=found,
        keys=tuple(BusinessKey(kind, value) for kind, value in pairs if value),
    )
    return Change(raw=line_of(row), event=event)


def _invoice(row: Fields) -> Invoice:
    """An invoice without its lines. Raises Drift."""
    return Invoice(
        source_id=_ref(row),
        name=field(row, 2),
        entity=field(row, 3),
        reference=field(row, 1),
        number=field(row, 2),
        customer_code=field(row, 4),
        customer_name=field(row, 5),
        currency=field(row, 7),
        invoice_date=day_of(field(row, 6)),
        untaxed=number(row, 8),
        tax=number(row, 9),
        total=number(row, 10),
        state=_told(row)[0],
    )


def _told(row: Fields) -> tuple[str, str]:
    """The state that a record tells of, and the fact. Raises Drift."""
    return choice({"state": field(row, 11)}, "state", _KINDS)


def _ref(row: Fields) -> str:
    """Our reference; the ERP's number for an invoice that is not ours."""
    return field(row, 1) or field(row, 2)
