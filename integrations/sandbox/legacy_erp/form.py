"""The form of the ERP's files, as the ERP itself reads and writes it."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

Rows = Sequence[Sequence[str]]


class Damaged(Exception):
    """A file does not come to its control totals; the text says in what."""


def split(raw: bytes, kind: str, amount_at: int) -> tuple[str, Rows]:
    """The digest and the records of a file, whose records R may hold an amount. Raises Damaged."""
    try:
        rows = list(csv.reader(io.StringIO(raw.decode(), newline=""), delimiter=";"))
        head, *records, trailer = rows
        tag, count, total, digest = trailer
    except (UnicodeDecodeError, csv.Error, ValueError):
        raise Damaged("it has no head, no records or no control totals") from None
    if tag != "T" or not raw.endswith(b"\r\n"):
        raise Damaged("it ends before its control totals do")
    if head[:3] != ["H", kind, "1"]:
        raise Damaged(f"its head is not that of {kind}, version 1")
    if count != str(len(records)):
        raise Damaged(f"it holds {len(records)} records and announces {count}")
    try:
        come_to = sum((Decimal(row[amount_at]) for row in records if row[0] == "R" and amount_at),
                      Decimal(0))  # fmt: skip
        agrees = come_to == Decimal(total)
    except (InvalidOperation, IndexError):
        raise Damaged("an amount is no number") from None
    if not agrees:
        raise Damaged(f"its amounts come to {come_to}, and it announces {total}")
    if digest != digest_of(records):
        raise Damaged("its content has another digest than announced")
    return digest, records


def joined(head: Sequence[str], records: Rows, total: Decimal = Decimal(0)) -> bytes:
    """A file with its control totals."""
    return _text([("H", *head), *records, ("T", str(len(records)), str(total), digest_of(records))])


def digest_of(records: Rows) -> str:
    """Of the records' bytes."""
    return hashlib.sha256(_text(records)).hexdigest()


def _text(rows: Rows) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=";", lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()
