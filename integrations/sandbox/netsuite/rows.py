"""The pretend account's rows as SuiteQL reads them, and what lines come to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from integrations.sandbox.store import Document


def customer(one: Document) -> dict[str, Any]:
    content = one.content
    return {
        "id": int(one.id), "entityid": content["entityId"], "externalid": content["externalId"],
        "companyname": content["companyName"], "vatregnumber": content.get("vatRegNumber"),
        "isinactive": "F", "lastmodifieddate": sql(one.changed),
    }  # fmt: skip


def entry(one: Document) -> dict[str, Any]:
    content = one.content
    return {
        "id": int(one.id), "type": "Journal", "externalid": content["externalId"],
        "tranid": content["tranId"], "status": f"Journal:{content['status']['id']}",
        "lastmodifieddate": sql(one.changed),
    }  # fmt: skip


def quoted(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The column `transaction` is a word of SQLite's own."""
    return [{'"transaction"': int(one["transaction"]), **one} for one in lines]


def totals(lines: Sequence[Mapping[str, Any]]) -> dict[str, Decimal]:
    bases: defaultdict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        bases[line["taxCode"]["refName"]] += Decimal(str(line["amount"]))
    tax = sum((_tax(code, base) for code, base in bases.items()), Decimal(0))
    untaxed = sum(bases.values(), Decimal(0))
    return {"subtotal": untaxed, "taxTotal": tax, "total": untaxed + tax}


def _tax(code: str, base: Decimal) -> Decimal:
    rate = code.rpartition("-")[2]
    percent = Decimal(rate) if rate.isdecimal() else Decimal(0)
    return (base * percent / 100).quantize(Decimal("0.01"), ROUND_HALF_UP)


def time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def sql(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
