"""The pretend environment's books: companies, customers, sales documents, and what posting makes of
them.

Amounts are rounded half up per line, tax on the sum of each tax code's lines, as the vendor does.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from integrations.sandbox.firm import ENTITIES
from integrations.sandbox.store import Document, Store

ACCOUNTS = {
    "4.2.2": "Fees",
    "4.1.2": "Milestones",
    "4.1.3": "Re-billed expenses",
    "4.3.3": "Deferred income",
}
TERMS = ("NET30", "NET14")
FIRST_YEAR, LAST_YEAR = 2024, 2028
_CENT = Decimal("0.01")
_NOBODY = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class Paper:
    """A sales document: the names of its lines and of its date, its type in the vendor's words, and
    how posted ones are numbered."""

    lines: str
    dated: str
    title: str
    numbered: str


PAPERS: Mapping[str, Paper] = {
    "salesInvoices": Paper("salesInvoiceLines", "invoiceDate", "Invoice", "PS-INV103"),
    "salesCreditMemos": Paper("salesCreditMemoLines", "creditMemoDate", "Credit Memo", "PS-CR104"),
}


class Fault(Exception):
    """The vendor's no: HTTP status, code and words."""

    def __init__(self, status: int, code: str, words: str) -> None:
        super().__init__(words)
        self.status, self.code, self.words = status, code, words


class Books:
    """All companies of one environment."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def open(self) -> None:
        """The pretend firm's companies with their charts, tax codes, terms and periods."""
        months = [f"{year}-{month:02d}-01" for year in range(FIRST_YEAR, LAST_YEAR + 1)
                  for month in range(1, 13)]  # fmt: skip
        for entity in ENTITIES:
            company = self._new("companies", "", {
                "name": entity.code, "displayName": entity.name, "currency": entity.currency,
            }).id  # fmt: skip
            said = {"displayName": entity.name, "currencyCode": entity.currency}
            self._new("companyInformation", company, said)
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
            return self.store.all(collection)
        self.one("companies", company)
        return self.store.all(collection, company=company)

    def one(self, collection: str, number: str) -> Document:
        """An entity by its id. Raises Fault."""
        try:
            return self.store.get(collection, number)
        except KeyError:
            words = f"The {collection} record with id {number} does not exist."
            raise Fault(404, "BadRequest_ResourceNotFound", words) from None

    def unpaid(self) -> list[Document]:
        """Invoices that are posted and open, oldest first."""
        return self.store.all("salesInvoices", status="Open")

    def paid(self, invoice: str) -> Document:
        """Its client has paid the invoice of that id."""
        return self.store.change("salesInvoices", invoice, {"status": "Paid"})

    def add_customer(self, company: str, wanted: Mapping[str, Any]) -> Document:
        """Raises Fault when the number is taken."""
        number = wanted.get("number") or f"C{self.store.next_number('customer numbers') + 10000}"
        if self.store.all("customers", company=company, number=number):
            words = (
                "The record in table Customer already exists. Identification fields and values: "
                f"No.='{number}'"
            )
            raise Fault(400, "Internal_EntityWithSameKeyExists", words)
        blank = dict.fromkeys(("email", "taxRegistrationNumber"), "")
        more = {"number": number, "blocked": " ", "currencyCode": self._currency(company)}
        return self._new("customers", company, blank | dict(wanted) | more)

    def add_paper(self, collection: str, company: str, wanted: Mapping[str, Any]) -> Document:
        """A draft, with the lines that came with it. Raises Fault."""
        name = PAPERS[collection].lines
        header = {member: value for member, value in wanted.items() if member != name}
        number = str(self.store.next_number(f"drafts of {company}") + 1000)
        blank = {"externalDocumentNumber": "", "currencyCode": self._currency(company)}
        dated = {PAPERS[collection].dated: datetime.now(UTC).date().isoformat()}
        shaped = blank | dated | self._header(company, header)
        lines = [self._line(company, line) for line in wanted.get(name) or ()]
        draft = shaped | {"number": number, "status": "Draft", "lines": lines}
        return self._new(collection, company, draft)

    def paper(self, number: str) -> Document:
        """A sales document of either kind. Raises Fault."""
        for kind in PAPERS:
            for one in self.store.all(kind):
                if one.id == number:
                    return one
        return self.one("salesInvoices", number)

    def change(self, collection: str, number: str, wanted: Mapping[str, Any]) -> Document:
        """Set members of an entity. Raises Fault."""
        known = self.one(collection, number)
        if collection in PAPERS:
            self._still_draft(known)
            wanted = self._header(known.content["company"], wanted)
        return self.store.change(collection, number, wanted)

    def add_line(self, collection: str, number: str, wanted: Mapping[str, Any]) -> None:
        """Append a line to a draft. Raises Fault."""
        draft = self._still_draft(self.one(collection, number))
        line = self._line(draft.content["company"], wanted)
        self.store.change(collection, number, {"lines": [*draft.content["lines"], line]})

    def drop_line(self, collection: str, number: str, line: str) -> None:
        """Take a line off a draft. Raises Fault."""
        draft = self._still_draft(self.one(collection, number))
        kept = [one for one in draft.content["lines"] if one["id"] != line]
        self.store.change(collection, number, {"lines": kept})

    def post(self, collection: str, number: str) -> Document:
        """Book a draft, under a number of the posted ones; a credit memo is applied to the invoice
        that it names. Raises Fault."""
        paper, draft = PAPERS[collection], self._still_draft(self.one(collection, number))
        company, on = draft.content["company"], str(draft.content[paper.dated])
        if not any(line["lineType"] != "Comment" for line in draft.content["lines"]):
            raise Fault(400, "Application_DialogException", "There is nothing to post.")
        if self.period(company, on).content["closed"]:
            words = (
                "Posting Date is not within your range of allowed posting dates in Sales Header "
                f"Document Type='{paper.title}',No.='{draft.content['number']}'."
            )
            raise Fault(400, "Application_DialogException", words)
        posted = self.store.next_number(f"posted {collection} of {company}")
        fields = {"status": self._applied(draft), "number": f"{paper.numbered}{posted:03d}"}
        return self.store.change(collection, number, fields)

    def _applied(self, draft: Document) -> str:
        """The status in which a draft is posted: a credit memo goes against what is open of its
        invoice, and what is left of it stays open."""
        if not draft.content.get("invoiceId"):
            return "Open"
        invoice = self.one("salesInvoices", str(draft.content["invoiceId"]))
        left, worth = remaining(invoice.content), total(draft.content)
        if left <= worth:
            self.store.change("salesInvoices", invoice.id, {"status": "Paid"})
        else:
            credited = Decimal(str(invoice.content.get("credited", 0))) + worth
            self.store.change("salesInvoices", invoice.id, {"credited": str(credited)})
        return "Paid" if worth <= left else "Open"

    def period(self, company: str, on: str) -> Document:
        """The accounting period of a day."""
        periods = self.store.all("accountingPeriods", company=company)
        return max((one for one in periods if one.content["startingDate"] <= on),
                   key=lambda one: str(one.content["startingDate"]))  # fmt: skip

    def _still_draft(self, paper: Document) -> Document:
        if paper.content["status"] != "Draft":
            title = PAPERS[paper.kind].title.lower()
            words = f"The sales {title} {paper.content['number']} has already been posted."
            raise Fault(400, "Application_DialogException", words)
        return paper

    def _currency(self, company: str) -> str:
        return str(self.one("companies", company).content["currency"])

    def _header(self, company: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        header = dict(wanted)
        if "customerId" in wanted:
            customer = self.one("customers", str(wanted["customerId"]))
            header["customerNumber"] = customer.content["number"]
            header["customerName"] = customer.content["displayName"]
        if wanted.get("invoiceId"):
            booked = {one.id: one for one in self.store.all("salesInvoices", company=company)
                      if one.content["status"] != "Draft"}  # fmt: skip
            if wanted["invoiceId"] not in booked:
                words = 'The "invoiceId" does not match to an Invoice.'
                raise Fault(400, "Application_DialogException", words)
            header["invoiceNumber"] = booked[str(wanted["invoiceId"])].content["number"]
        return header

    def _line(self, company: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        line = {"id": f"{uuid.uuid4()}", "lineType": "Comment", "taxCode": "", **wanted}
        if line["lineType"] == "Comment":
            return line
        codes = [one.content["code"] for one in self.store.all("taxGroups", company=company)]
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
        return self.store.add(collection, {"company": company, **content}, str(uuid.uuid4()))


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


def total(paper: Mapping[str, Any]) -> Decimal:
    """What a document comes to, tax included."""
    return sum(totals([line for line in paper["lines"] if line["lineType"] != "Comment"]),
               Decimal(0))  # fmt: skip


def remaining(invoice: Mapping[str, Any]) -> Decimal:
    """What is still to be paid of an invoice."""
    if invoice["status"] == "Paid":
        return Decimal(0)
    return total(invoice) - Decimal(str(invoice.get("credited", 0)))


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
