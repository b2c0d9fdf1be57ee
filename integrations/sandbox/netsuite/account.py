"""The pretend account: what it keeps, how it shows a record, and what it makes of an invoice.

Lines carry the amount that they were given; tax is rounded half up on the sum of each tax code.
"""

from __future__ import annotations

import calendar
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from integrations.sandbox.firm import ENTITIES
from integrations.sandbox.netsuite.suiteql import Tables
from integrations.sandbox.store import Document, Store

ITEMS, TERMS = ("4.2.2", "4.1.2", "4.1.3"), ("NET30", "NET14")
STATUS = {"1": ("D", "Pending Approval"), "2": ("A", "Open")}
FIRST_YEAR, LAST_YEAR = 2024, 2028
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "subsidiary": ("id", "externalid", "name"),
    "item": ("id", "externalid", "isinactive"),
    "salestaxitem": ("id", "itemid", "isinactive"),
    "term": ("id", "name", "isinactive"),
    "currency": ("id", "symbol", "isinactive"),
    "accountingperiod": (
        "id", "periodname", "startdate", "enddate", "isyear", "isquarter", "closed",
    ),
}  # fmt: skip
_CUSTOMER = ("id", "entityid", "externalid", "companyname", "vatregnumber", "isinactive",
             "lastmodifieddate")  # fmt: skip
_TRANSACTION = ("id", "type", "externalid", "status", "foreigntotal", "currency", "currency_df",
                "lastmodifieddate")  # fmt: skip


class Fault(Exception):
    """The vendor's no: HTTP status, code, words, and the path of what is wrong."""

    def __init__(self, status: int, code: str, words: str, path: str = "") -> None:
        super().__init__(words)
        self.status, self.code, self.words, self.path = status, code, words, path


class Account:
    """Lists, customers and invoices."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def open(self) -> None:
        """The pretend firm's subsidiaries, items, tax codes, terms, currencies and periods."""
        for entity in ENTITIES:
            self.store.add("subsidiary", {"externalid": entity.code, "name": entity.name})
            self._listed("currency", "symbol", entity.currency)
        for code in ITEMS:
            self._listed("item", "externalid", code)
        for code in sorted({code for entity in ENTITIES for code in entity.tax_codes}):
            self._listed("salestaxitem", "itemid", code)
        for code in TERMS:
            self._listed("term", "name", code)
        for year in range(FIRST_YEAR, LAST_YEAR + 1):
            for month in range(1, 13):
                last = calendar.monthrange(year, month)[1]
                self.store.add("accountingperiod", {
                    "periodname": f"{calendar.month_abbr[month]} {year}", "closed": "F",
                    "startdate": f"{year}-{month:02d}-01", "enddate": f"{year}-{month:02d}-{last}",
                    "isyear": "F", "isquarter": "F",
                })  # fmt: skip

    def find(self, kind: str, ref: str) -> Document:
        """By internal id, or ``eid:`` and the external one. Raises Fault."""
        if ref.startswith("eid:"):
            found = self.store.all(kind, externalId=ref.removeprefix("eid:"))
        else:
            found = [one for one in self.store.all(kind) if one.id == ref]
        if not found:
            words = f"The record instance does not exist. Provide a valid record instance ID: {ref}"
            raise Fault(404, "NONEXISTENT_ID", words)
        return found[0]

    def upsert(self, kind: str, key: str, wanted: Mapping[str, Any]) -> Document:
        """Make or change the record of an external id. Raises Fault."""
        known = self.store.all(kind, externalId=key)
        content = {**(known[0].content if known else {}), **wanted, "externalId": key}
        if kind == "invoice":
            content = self._invoiced(content)
        elif self._taken(content, known):
            words = "A customer record with this ID already exists. You must enter a unique one."
            raise Fault(400, "UNIQUE_CUST_ID_REQD", words, "entityId")
        return self.store.change(kind, known[0].id, content) if known else self.store.add(
            kind, content
        )  # fmt: skip

    def change(self, kind: str, ref: str, wanted: Mapping[str, Any]) -> Document:
        """Set members of a record; an approved invoice is booked. Raises Fault."""
        known = self.find(kind, ref)
        content = {**known.content, **wanted}
        if kind == "invoice":
            content = self._invoiced(content)
        return self.store.change(kind, known.id, content)

    def shown(self, kind: str, document: Document) -> dict[str, Any]:
        """A record as a GET shows it."""
        content = dict(document.content)
        times = {"createdDate": document.created, "lastModifiedDate": document.changed}
        row = {"id": document.id, **content} | {name: _time(at) for name, at in times.items()}
        row["subsidiary"] = self._reference("subsidiary", content["subsidiary"], "name")
        if kind == "customer":
            return {"vatRegNumber": "", "email": "", **row}
        client = self.find("customer", content["entity"]["id"]).content
        name = f"{client['entityId']} {client['companyName']}"
        lines = [self._line(line) for line in content["item"]["items"]]
        return row | {
            "entity": {"id": content["entity"]["id"], "refName": name},
            "currency": self._reference("currency", content["currency"], "symbol"),
            "item": {"items": lines, "totalResults": len(lines)},
            **_totals(lines),
        }

    def tables(self, query: str) -> Tables:
        """The tables that a query names, as SuiteQL reads them."""
        kinds = (*_COLUMNS, "customer", "transaction", "transactionline")
        return {kind: self._table(kind) for kind in kinds if kind in query}

    def _table(self, kind: str) -> tuple[Sequence[str], Sequence[Mapping[str, Any]]]:
        if kind == "transactionline":
            lines = [
                {"transaction": one.id, "custcol_ct_origin": line.get("custcol_ct_origin")}
                for one in self.store.all("invoice")
                for line in one.content["item"]["items"]
            ]
            return ('"transaction"', "custcol_ct_origin"), _quoted(lines)
        if kind == "transaction":
            return _TRANSACTION, [self._transaction(one) for one in self.store.all("invoice")]
        if kind == "customer":
            return _CUSTOMER, [_customer(one) for one in self.store.all(kind)]
        return _COLUMNS[kind], [{"id": one.id, **one.content} for one in self.store.all(kind)]

    def _transaction(self, invoice: Document) -> dict[str, Any]:
        content = invoice.content
        currency = self._reference("currency", content["currency"], "symbol")
        lines = [self._line(line) for line in content["item"]["items"]]
        return {
            "id": int(invoice.id), "type": "CustInvc", "externalid": content["externalId"],
            "status": f"CustInvc:{content['status']['id']}", "currency": currency["id"],
            "foreigntotal": str(_totals(lines)["total"]), "currency_df": currency["refName"],
            "lastmodifieddate": _sql(invoice.changed),
        }  # fmt: skip

    def _invoiced(self, content: dict[str, Any]) -> dict[str, Any]:
        """An invoice as it is kept; one that is approved gets its number. Raises Fault."""
        was = content.get("status", {}).get("id", "D")
        if was != "D":
            words = "This transaction has been approved and cannot be changed."
            raise Fault(400, "USER_ERROR", words)
        self.find("customer", str(content["entity"]["id"]))
        for line in content["item"]["items"]:
            self._line(line)
        content.setdefault("tranDate", datetime.now(UTC).date().isoformat())
        status, name = STATUS[str(content["approvalStatus"]["id"])]
        if status == "A" and self.period(content["tranDate"]).content["closed"] == "T":
            words = (
                "The transaction date you specified is not within the date range of your "
                "accounting period."
            )
            raise Fault(400, "USER_ERROR", words, "tranDate")
        number = {"tranId": f"INV{self.store.next_number('numbers'):06d}"}
        kept = {"memo": "", "tranId": ""} | content | (number if status == "A" else {})
        return kept | {"status": {"id": status, "refName": name}}

    def period(self, on: str) -> Document:
        """The accounting period of a day."""
        months = self.store.all("accountingperiod")
        return next(m for m in months if m.content["startdate"] <= on <= m.content["enddate"])

    def _line(self, line: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "description": "",
            "custcol_ct_origin": "",
            **line,
            "item": self._reference("item", line["item"], "externalid"),
            "taxCode": self._reference("salestaxitem", line["taxCode"], "itemid"),
        }

    def _reference(self, kind: str, given: Mapping[str, Any], name: str) -> dict[str, str]:
        try:
            found = self.store.get(kind, str(given["id"]))
        except KeyError:
            words = f"Invalid Field Value {given.get('id')} for the following field: {kind}"
            raise Fault(400, "INVALID_KEY_OR_REF", words, kind) from None
        return {"id": found.id, "refName": str(found.content[name])}

    def _taken(self, content: Mapping[str, Any], known: Sequence[Document]) -> bool:
        others = self.store.all("customer", entityId=content["entityId"])
        return any(one.id != (known[0].id if known else "") for one in others)

    def _listed(self, kind: str, name: str, code: str) -> None:
        self.store.add(kind, {name: code, "isinactive": "F"})


def _customer(one: Document) -> dict[str, Any]:
    content = one.content
    return {
        "id": int(one.id), "entityid": content["entityId"], "externalid": content["externalId"],
        "companyname": content["companyName"], "vatregnumber": content.get("vatRegNumber"),
        "isinactive": "F", "lastmodifieddate": _sql(one.changed),
    }  # fmt: skip


def _quoted(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The column `transaction` is a word of SQLite's own."""
    return [{'"transaction"': int(one["transaction"]), **one} for one in lines]


def _totals(lines: Sequence[Mapping[str, Any]]) -> dict[str, Decimal]:
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


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _sql(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
