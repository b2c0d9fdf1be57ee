"""What the pretend account makes of a journal entry: it must balance, and is booked when it is
approved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from integrations.sandbox.netsuite.refusing import Fault
from integrations.sandbox.store import Document

STATUS = {"1": ("A", "Pending Approval"), "2": ("B", "Approved for Posting")}
COLUMNS = ("memo", "subsidiary", "debitforeignamount", "creditforeignamount")
"""Of its lines in SuiteQL."""


def kept(content: Mapping[str, Any]) -> dict[str, Any]:
    """A journal entry as it is kept, approved or not. Raises Fault."""
    if content.get("status", {}).get("id") == "B":
        words = "This transaction has been approved and cannot be changed."
        raise Fault(400, "USER_ERROR", words)
    items = content["line"]["items"]
    if len(items) < 2 or _sum(items, "debit") != _sum(items, "credit"):
        words = "The amounts in a journal entry must balance."
        raise Fault(400, "USER_ERROR", words, "line")
    status, name = STATUS[str(content["approvalStatus"]["id"])]
    return {"memo": "", **content, "status": {"id": status, "refName": name}}


def rows(journal: Document) -> list[dict[str, Any]]:
    """Its lines, as SuiteQL reads them."""
    return [
        {
            "transaction": journal.id,
            "memo": line.get("memo", ""),
            "subsidiary": int(journal.content["subsidiary"]["id"]),
            "debitforeignamount": _text(line.get("debit")),
            "creditforeignamount": _text(line.get("credit")),
        }
        for line in journal.content["line"]["items"]
    ]


def _sum(items: Sequence[Mapping[str, Any]], side: str) -> Decimal:
    return sum((Decimal(str(line.get(side) or 0)) for line in items), Decimal(0))


def _text(worth: Any) -> str | None:
    return None if worth is None else str(worth)
