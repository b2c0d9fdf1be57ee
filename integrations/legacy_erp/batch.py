"""The files' form: semicolon-separated records in UTF-8, the first a head, the last control totals.

``H;kind;1;…``, records, then ``T;count;sum;digest``: how many records stand between, what their
amounts come to, and the SHA-256 of their bytes. A file that does not come to its own totals is read
by nobody.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from integrations.shape import Drift, bounded

VERSION = "1"
_END = b"\r\n"
Fields = Sequence[str]
Amounts = Mapping[str, int]
"""In which field of which record the amounts stand that are summed."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A file that comes to its control totals. `head` follows kind and version."""

    kind: str
    head: Fields
    records: Sequence[Fields]
    digest: str


def written(kind: str, head: Fields, records: Sequence[Fields], amounts: Amounts) -> bytes:
    """A file with its control totals."""
    trailer = ("T", str(len(records)), _sum(records, amounts), digest_of(records))
    return _lines([("H", kind, VERSION, *head), *records, trailer])


def digest_of(records: Iterable[Fields]) -> str:
    """Tells one content from another, whatever file it stands in."""
    return hashlib.sha256(_lines(records)).hexdigest()


def read(raw: bytes, kind: str, amounts: Amounts) -> Batch:
    """A file of a kind. Raises Drift when it is none, or does not come to its control totals."""
    rows = _rows(raw)
    whole = len(rows) > 1 and rows[-1][:1] == ["T"] and raw.endswith(_END)
    if not whole or rows[0][:3] != ["H", kind, VERSION]:
        raise Drift(f"it is not a whole file of the kind {kind}, version {VERSION}")
    records = rows[1:-1]
    found = ["T", str(len(records)), digest_of(records)]
    if [*rows[-1][:2], *rows[-1][3:]] != found or not _comes_to(rows[-1], records, amounts):
        raise Drift("it does not come to its control totals")
    return Batch(kind, rows[0][3:], records, found[2])


def line_of(record: Fields) -> bytes:
    """One record as it stands in a file."""
    return _lines([record])


def record_of(line: bytes) -> Fields:
    """A record again. Raises Drift."""
    (record,) = _rows(line)
    return record


def field(record: Fields, at: int) -> str:
    """A field of a record. Raises Drift when the record is too short."""
    if at >= len(record):
        raise Drift(f"a record {record[0] if record else ''} has no field {at}")
    return record[at]


def number(record: Fields, at: int) -> Decimal:
    """A field that is an amount. Raises Drift."""
    try:
        return bounded(Decimal(field(record, at) or 0), f"field {at} of a record {record[0]}")
    except InvalidOperation:
        raise Drift(f"field {at} of a record {record[0]} is not a number") from None


def _rows(raw: bytes) -> Sequence[list[str]]:
    try:
        return list(csv.reader(io.StringIO(raw.decode(), newline=""), delimiter=";"))
    except (UnicodeDecodeError, csv.Error):
        raise Drift("it is not a file of records in UTF-8") from None


def _comes_to(trailer: Fields, records: Sequence[Fields], amounts: Amounts) -> bool:
    """Whether the amounts come to the trailer's sum. Where one of them cannot be read, the digest
    alone says that the file is whole, and its reader what is wrong with that record."""
    try:
        total = _sum(records, amounts)
    except Drift:
        return True
    return field(trailer, 2) == total


def _sum(records: Sequence[Fields], amounts: Amounts) -> str:
    summed = (number(row, amounts[row[0]]) for row in records if row and row[0] in amounts)
    return str(sum(summed, Decimal(0)))


def _lines(records: Iterable[Fields]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=";", lineterminator=_END.decode()).writerows(records)
    return text.getvalue().encode()
