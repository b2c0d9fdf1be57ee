"""The pretend environment's books: companies, customers, invoices, and what posting makes of them.

Amounts are rounded half up per line, tax on the sum of each tax code's lines, as the vendor does.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from integrations.sandbox.firm import ENTITIES
from integrations.sandbox.store import Document, Store

ACCOUNTS = {"4.2.2": "Fees", "4.1.2": "Milestones", "4.1.3": "Re-billed expenses"}
TERMS = ("NET30", "NET14")
FIRST_YEAR, LAST_YEAR = 2024, 2028
_CENT = Decimal("0.01")
_NOBODY = "00000000-0000-0000-0000-000000000000"


class Fault(Exception):
    """The vendor's no: HTTP status, code and words."""

    def __init__(self, status: int, code: str, words: str) -> None:
        super().__init__(words)
        self.status, self.code, self.words = status, code, words


class Books:
    """All companies of one environment."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def open(self) -> None:
        """The pretend firm's companies with their charts, tax codes, terms and periods."""
        months = [f"{year}-{month:02d}-01" for year in range(FIRST_YEAR, LAST_YEAR + 1)
                  for month in range(1, 13)]  # fmt: skip
        for entity in ENTITIES:
            company = self._new("companies", "", {
                "name": entity.code, "displayName": entity.name, "currency": entity.currency,
            }).id  # fmt: skip
            for number, name in ACCOUNTS.items():
                row = {"number": number, "displayName": name, "blocked": False}
                self._new("accounts", company, row)
            for code in entity.tax_codes:
                self._new("taxGroups", company, {"code": code, "displayName": code})
            for code in TERMS:
                self._new("paymentTerms", company, {"code": code, "displayName": code})
            for month in months:
                self._new("accountingPeriods", company, {"startingDate": month, "closed": False})

    def rows(self, collection: str, company: str) -> list[Document]:
        """A collection of a company; gone ones are not in it. Raises Fault."""
        if collection == "companies":
            return self._store.all(collection)
        self.one("companies", company)
        return self._store.all(collection, company=company)

    def one(self, collection: str, number: str) -> Document:
        """An entity by its id. Raises Fault."""
        try:
            return self._store.get(collection, number)
        except KeyError:
            words = f"The {collection} record with id {number} does not exist."
            raise Fault(404, "BadRequest_ResourceNotFound", words) from None

    def add_customer(self, company: str, wanted: Mapping[str, Any]) -> Document:
        """Raises Fault when the number is taken."""
        number = wanted.get("number") or f"C{self._store.next_number('customer numbers') + 10000}"
        if self._store.all("customers", company=company, number=number):
            words = (
                "The record in table Customer already exists. Identification fields and values: "
                f"No.='{number}'"
            )
            raise Fault(400, "Internal_EntityWithSameKeyExists", words)
        blank = dict.fromkeys(("email", "taxRegistrationNumber"), "")
        more = {"number": number, "blocked": " ", "currencyCode": self._currency(company)}
        return self._new("customers", company, blank | dict(wanted) | more)

    def add_invoice(self, company: str, wanted: Mapping[str, Any]) -> Document:
        """A draft, with the lines that came with it. Raises Fault."""
        header = {name: value for name, value in wanted.items() if name != "salesInvoiceLines"}
        number = str(self._store.next_number(f"drafts of {company}") + 1000)
        blank = {"externalDocumentNumber": "", "currencyCode": self._currency(company)}
        shaped = blank | self._header(company, header) | {"number": number, "status": "Draft"}
        lines = [self._line(company, line) for line in wanted.get("salesInvoiceLines") or ()]
        return self._new("salesInvoices", company, shaped | {"lines": lines})

    def change(self, collection: str, number: str, wanted: Mapping[str, Any]) -> Document:
        """Set members of an entity. Raises Fault."""
        known = self.one(collection, number)
        if collection == "salesInvoices":
            self._still_draft(known)
            wanted = self._header(known.content["company"], wanted)
        return self._store.change(collection, number, wanted)

    def add_line(self, number: str, wanted: Mapping[str, Any]) -> None:
        """Append a line to a draft. Raises Fault."""
        draft = self._still_draft(self.one("salesInvoices", number))
        line = self._line(draft.content["company"], wanted)
        self._store.change("salesInvoices", number, {"lines": [*draft.content["lines"], line]})

    def drop_line(self, number: str, line: str) -> None:
        """Take a line off a draft. Raises Fault."""
        draft = self._still_draft(self.one("salesInvoices", number))
        kept = [one for one in draft.content["lines"] if one["id"] != line]
        self._store.change("salesInvoices", number, {"lines": kept})

    def post(self, number: str) -> Document:
        """Book a draft, under a number of the posted ones. Raises Fault."""
        draft = self._still_draft(self.one("salesInvoices", number))
        company, on = draft.content["company"], str(draft.content["invoiceDate"])
        if not any(line["lineType"] != "Comment" for line in draft.content["lines"]):
            raise Fault(400, "Application_DialogException", "There is nothing to post.")
        if self.period(company, on).content["closed"]:
            words = (
                "Posting Date is not within your range of allowed posting dates in Sales Header "
                f"Document Type='Invoice',No.='{draft.content['number']}'."
            )
            raise Fault(400, "Application_DialogException", words)
        posted = self._store.next_number(f"posted of {company}")
        fields = {"status": "Open", "number": f"PS-INV{103000 + posted}"}
        return self._store.change("salesInvoices", number, fields)

    def period(self, company: str, on: str) -> Document:
        """The accounting period of a day."""
        periods = self._store.all("accountingPeriods", company=company)
        return max((one for one in periods if one.content["startingDate"] <= on),
                   key=lambda one: str(one.content["startingDate"]))  # fmt: skip

    def _still_draft(self, invoice: Document) -> Document:
        if invoice.content["status"] != "Draft":
            words = f"The sales invoice {invoice.content['number']} has already been posted."
            raise Fault(400, "Application_DialogException", words)
        return invoice

    def _currency(self, company: str) -> str:
        return str(self.one("companies", company).content["currency"])

    def _header(self, company: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        header = dict(wanted)
        if "customerId" in wanted:
            customer = self.one("customers", str(wanted["customerId"]))
            header["customerNumber"] = customer.content["number"]
            header["customerName"] = customer.content["displayName"]
        header.setdefault("invoiceDate", datetime.now(UTC).date().isoformat())
        return header

    def _line(self, company: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        line = {"id": f"{uuid.uuid4()}", "lineType": "Comment", "taxCode": "", **wanted}
        if line["lineType"] == "Comment":
            return line
        codes = [one.content["code"] for one in self._store.all("taxGroups", company=company)]
        if line["taxCode"] not in codes:
            words = (
                "The field VAT Prod. Posting Group of table Sales Line contains a value "
                f"({line['taxCode']}) that cannot be found in the related table (VAT Product "
                "Posting Group)."
            )
            raise Fault(400, "Internal_InvalidTableRelation", words)
        line["account"] = self.one("accounts", str(line.get("accountId") or _NOBODY)).id
        return line

    def _new(self, collection: str, company: str, content: Mapping[str, Any]) -> Document:
        return self._store.add(collection, {"company": company, **content}, str(uuid.uuid4()))


def tax_percent(code: str) -> Decimal:
    """What a tax code of the pretend firm stands for: "GB-20" for twenty."""
    rate = code.rpartition("-")[2]
    return Decimal(rate) if rate.isdecimal() else Decimal(0)


def totals(lines: Sequence[Mapping[str, Any]]) -> tuple[Decimal, Decimal]:
    """What lines come to without tax, and the tax."""
    bases: defaultdict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        bases[str(line["taxCode"])] += net(line)
    tax = sum((_cents(base * tax_percent(code) / 100) for code, base in bases.items()), Decimal(0))
    return sum(bases.values(), Decimal(0)), tax


def net(line: Mapping[str, Any]) -> Decimal:
    """What a line comes to without tax."""
    return _cents(
        Decimal(str(line.get("quantity") or 0)) * Decimal(str(line.get("unitPrice") or 0))
    )


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, ROUND_HALF_UP)


def stamp(moment: datetime) -> str:
    """A time as the vendor writes it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
