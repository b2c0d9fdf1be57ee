"""The pretend account: what it keeps, how it shows a record, and what it makes of an invoice or a
credit memo.

Lines carry the amount that they were given; tax is rounded half up on the sum of each tax code.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from integrations.sandbox.firm import ENTITIES
from integrations.sandbox.netsuite import journals, rows
from integrations.sandbox.netsuite.refusing import Fault
from integrations.sandbox.netsuite.suiteql import Tables
from integrations.sandbox.store import Document, Store

ITEMS, TERMS = ("4.2.2", "4.1.2", "4.1.3", "4.3.3"), ("NET30", "NET14")
"""Items are named after the accounts that they are sold on."""
PAPERS = {"invoice": "CustInvc", "creditMemo": "CustCred"}
"""Kinds of sales documents, and their types in SuiteQL."""
TRANSACTIONS = {**PAPERS, "journalEntry": "Journal"}
STATUS = {"1": ("D", "Pending Approval"), "2": ("A", "Open")}
FIRST_YEAR, LAST_YEAR = 2024, 2028
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "subsidiary": ("id", "externalid", "name", "currency", "currency_df"),
    "account": ("id", "acctnumber", "isinactive"),
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
_TRANSACTION = ("id", "type", "externalid", "tranid", "status", "foreigntotal", "currency",
                "currency_df", "lastmodifieddate")  # fmt: skip


class Account:
    """Lists, customers and invoices."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def open(self) -> None:
        """The pretend firm's subsidiaries, items, tax codes, terms, currencies and periods."""
        for entity in ENTITIES:
            money = self._listed("currency", "symbol", entity.currency)
            self.store.add("subsidiary", {
                "externalid": entity.code, "name": entity.name,
                "currency": money.id, "currency_df": entity.currency,
            })  # fmt: skip
        for code in ITEMS:
            self._listed("account", "acctnumber", code)
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
        """Make or change the record of an external id; all transactions are numbered in one
        series. Raises Fault."""
        known = self.store.all(kind, externalId=key)
        content = {**(known[0].content if known else {}), **wanted, "externalId": key}
        if kind in TRANSACTIONS:
            content = self._shaped(kind, content)
        elif self._taken(content, known):
            words = "A customer record with this ID already exists. You must enter a unique one."
            raise Fault(400, "UNIQUE_CUST_ID_REQD", words, "entityId")
        if known:
            return self.store.change(kind, known[0].id, content)
        number = str(self.store.next_number("transactions")) if kind in TRANSACTIONS else ""
        return self.store.add(kind, content, number)

    def change(self, kind: str, ref: str, wanted: Mapping[str, Any]) -> Document:
        """Set members of a record; an approved invoice is booked. Raises Fault."""
        known = self.find(kind, ref)
        content = {**known.content, **wanted}
        if kind in {"invoice", "journalEntry"}:
            content = self._shaped(kind, content)
        return self.store.change(kind, known.id, content)

    def _shaped(self, kind: str, content: dict[str, Any]) -> dict[str, Any]:
        """A transaction as it is kept. Raises Fault."""
        if kind == "invoice":
            return self._invoiced(content)
        if kind == "creditMemo":
            return self._credited(content)
        for line in content["line"]["items"]:
            self._reference("account", line["account"], "acctnumber")
        shaped = journals.kept(content)
        if shaped["status"]["id"] == "B":
            self._in_open_period(shaped)
        number = f"JE{self.store.next_number('journal numbers'):06d}"
        return shaped if "tranId" in shaped else {**shaped, "tranId": number}

    def unpaid(self) -> list[Document]:
        """Invoices that are approved and open, oldest first."""
        return [one for one in self.store.all("invoice") if one.content["status"]["id"] == "A"]

    def paid(self, invoice: str) -> Document:
        """Its client has paid the invoice of that id."""
        return self.store.change(
            "invoice", invoice, {"status": {"id": "B", "refName": "Paid In Full"}}
        )

    def shown(self, kind: str, document: Document) -> dict[str, Any]:
        """A record as a GET shows it."""
        content = {name: value for name, value in document.content.items() if name != "credited"}
        times = {"createdDate": document.created, "lastModifiedDate": document.changed}
        row = {"id": document.id, **content} | {name: rows.time(at) for name, at in times.items()}
        row["subsidiary"] = self._reference("subsidiary", content["subsidiary"], "name")
        if kind == "customer":
            return {"vatRegNumber": "", "email": "", **row}
        if kind == "journalEntry":
            lines = [
                {**line, "account": self._reference("account", line["account"], "acctnumber")}
                for line in content["line"]["items"]
            ]
            money = self._reference("currency", content["currency"], "symbol")
            return row | {"currency": money, "line": {"items": lines, "totalResults": len(lines)}}
        client = self.find("customer", content["entity"]["id"]).content
        name = f"{client['entityId']} {client['companyName']}"
        lines = [self._line(line) for line in content["item"]["items"]]
        return row | {
            "entity": {"id": content["entity"]["id"], "refName": name},
            "currency": self._reference("currency", content["currency"], "symbol"),
            "item": {"items": lines, "totalResults": len(lines)},
            **rows.totals(lines),
        }

    def tables(self, query: str) -> Tables:
        """The tables that a query names, as SuiteQL reads them."""
        kinds = (*_COLUMNS, "customer", "transaction", "transactionline")
        return {kind: self._table(kind) for kind in kinds if kind in query}

    def _table(self, kind: str) -> tuple[Sequence[str], Sequence[Mapping[str, Any]]]:
        if kind == "transactionline":
            lines = [
                {"transaction": one.id, "custcol_ct_origin": line.get("custcol_ct_origin")}
                for one in self._papers()
                for line in one.content["item"]["items"]
            ]
            booked = [row for one in self.store.all("journalEntry") for row in journals.rows(one)]
            columns = ('"transaction"', "custcol_ct_origin", *journals.COLUMNS)
            return columns, rows.quoted([*lines, *booked])
        if kind == "transaction":
            entries = [rows.entry(one) for one in self.store.all("journalEntry")]
            return _TRANSACTION, [*map(self._transaction, self._papers()), *entries]
        if kind == "customer":
            return _CUSTOMER, [rows.customer(one) for one in self.store.all(kind)]
        return _COLUMNS[kind], [{"id": one.id, **one.content} for one in self.store.all(kind)]

    def _papers(self) -> list[Document]:
        return [one for kind in PAPERS for one in self.store.all(kind)]

    def _transaction(self, invoice: Document) -> dict[str, Any]:
        content = invoice.content
        currency = self._reference("currency", content["currency"], "symbol")
        lines = [self._line(line) for line in content["item"]["items"]]
        return {
            "id": int(invoice.id), "type": PAPERS[invoice.kind],
            "externalid": content["externalId"], "tranid": content["tranId"],
            "status": f"{PAPERS[invoice.kind]}:{content['status']['id']}",
            "currency": currency["id"], "currency_df": currency["refName"],
            "foreigntotal": str(rows.totals(lines)["total"]),
            "lastmodifieddate": rows.sql(invoice.changed),
        }  # fmt: skip

    def _invoiced(self, content: dict[str, Any]) -> dict[str, Any]:
        """An invoice as it is kept; one that is approved gets its number. Raises Fault."""
        was = content.get("status", {}).get("id", "D")
        if was != "D":
            words = "This transaction has been approved and cannot be changed."
            raise Fault(400, "USER_ERROR", words)
        self._refers(content)
        status, name = STATUS[str(content["approvalStatus"]["id"])]
        if status == "A":
            self._in_open_period(content)
        number = {"tranId": f"INV{self.store.next_number('numbers'):06d}"}
        kept = {"memo": "", "tranId": ""} | content | (number if status == "A" else {})
        return kept | {"status": {"id": status, "refName": name}}

    def _credited(self, content: dict[str, Any]) -> dict[str, Any]:
        """A credit memo as it is kept: booked at once, its amount applied to what is open of the
        invoice that it names. Raises Fault."""
        self._refers(content)
        self._in_open_period(content)
        if "tranId" not in content:
            content["tranId"] = f"CM{self.store.next_number('credit numbers'):06d}"
        worth = rows.totals([self._line(line) for line in content["item"]["items"]])["total"]
        applied = Decimal(0)
        for one in (content.get("apply") or {}).get("items", ()):
            applied += self._apply(str(one["doc"]["id"]), worth - applied)
        status, name = ("B", "Fully Applied") if applied == worth else ("A", "Open")
        return {"memo": ""} | content | {"status": {"id": status, "refName": name}}

    def _apply(self, invoice: str, worth: Decimal) -> Decimal:
        """Settle as much of an open invoice; how much that is. Raises Fault."""
        known = self.find("invoice", invoice)
        lines = [self._line(line) for line in known.content["item"]["items"]]
        before = Decimal(str(known.content.get("credited", 0)))
        left = rows.totals(lines)["total"] - before
        if known.content["status"]["id"] != "A" or left <= 0:
            words = f"Invalid doc reference key {invoice} for apply."
            raise Fault(400, "INVALID_KEY_OR_REF", words, "apply.items[0].doc")
        paid = {"status": {"id": "B", "refName": "Paid In Full"}} if worth >= left else {}
        taken = min(left, worth)
        self.store.change("invoice", known.id, {"credited": str(before + taken), **paid})
        return taken

    def _refers(self, content: dict[str, Any]) -> None:
        """Its customer and codes are there; without a date it is of today. Raises Fault."""
        self.find("customer", str(content["entity"]["id"]))
        for line in content["item"]["items"]:
            self._line(line)
        content.setdefault("tranDate", datetime.now(UTC).date().isoformat())

    def _in_open_period(self, content: Mapping[str, Any]) -> None:
        if self.period(content["tranDate"]).content["closed"] == "T":
            words = (
                "The transaction date you specified is not within the date range of your "
                "accounting period."
            )
            raise Fault(400, "USER_ERROR", words, "tranDate")

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

    def _listed(self, kind: str, name: str, code: str) -> Document:
        return self.store.add(kind, {name: code, "isinactive": "F"})
