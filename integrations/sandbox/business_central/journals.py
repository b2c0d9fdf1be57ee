"""The pretend environment's journals, and the general ledger that posting them makes entries of.

A journal is posted whole, and is empty afterwards. Codes and document numbers are upper case there.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from integrations.sandbox.business_central.books import Books, Fault
from integrations.sandbox.store import Document

JOURNALS, LINES, ENTRIES = "journals", "journalLines", "generalLedgerEntries"
LONGEST_CODE, LONGEST_NUMBER, LONGEST_TEXT = 10, 20, 100


class Journals:
    """The journals of all companies."""

    def __init__(self, books: Books) -> None:
        self._store = books.store
        self._books = books

    def open(self, company: str, wanted: Mapping[str, Any]) -> Document:
        """A new journal. Raises Fault when the code is taken."""
        code = _fitting(str(wanted.get("code", "")).upper(), LONGEST_CODE)
        if self._store.all(JOURNALS, company=company, code=code):
            words = (
                "The record in table Gen. Journal Batch already exists. Identification fields and "
                f"values: Journal Template Name='GENERAL',Name='{code}'"
            )
            raise Fault(400, "Internal_EntityWithSameKeyExists", words)
        blank = {"displayName": "", "balancingAccountNumber": ""}
        content = blank | dict(wanted) | {"company": company, "code": code}
        return self._store.add(JOURNALS, content, str(uuid.uuid4()))

    def lines(self, journal: str) -> Sequence[Document]:
        """What stands in a journal."""
        return self._store.all(LINES, journal=journal)

    def add_line(self, number: str, wanted: Mapping[str, Any]) -> None:
        """A further line of a journal. Raises Fault."""
        journal = self._books.one(JOURNALS, number).content
        account = self._books.one("accounts", str(wanted["accountId"])).content
        content = {
            "company": journal["company"],
            "journal": number,
            "lineNumber": (len(self.lines(number)) + 1) * 10000,
            "accountId": wanted["accountId"],
            "accountNumber": account["number"],
            "postingDate": wanted["postingDate"],
            "documentNumber": _fitting(str(wanted["documentNumber"]).upper(), LONGEST_NUMBER),
            "externalDocumentNumber": str(wanted.get("externalDocumentNumber", "")).upper(),
            "amount": wanted["amount"],
            "description": _fitting(str(wanted.get("description", "")), LONGEST_TEXT),
        }
        self._store.add(LINES, content, str(uuid.uuid4()))

    def drop_line(self, line: str) -> None:
        """Take a line out of its journal. Raises Fault."""
        self._store.remove(LINES, self._books.one(LINES, line).id)

    def post(self, number: str) -> None:
        """Book all lines of a journal, each document of which must balance. Raises Fault."""
        journal, lines = self._books.one(JOURNALS, number).content, self.lines(number)
        if not lines:
            raise Fault(400, "Application_DialogException", "There is nothing to post.")
        self._balanced(str(journal["code"]), lines)
        for line in lines:
            self._in_open_period(str(journal["code"]), line.content)
        for line in lines:
            self._book(line.content)
            self._store.remove(LINES, line.id)

    def _balanced(self, code: str, lines: Sequence[Document]) -> None:
        sums: defaultdict[str, Decimal] = defaultdict(Decimal)
        for line in lines:
            sums[line.content["documentNumber"]] += Decimal(str(line.content["amount"]))
        for worth in filter(None, sums.values()):
            words = (
                f"The lines in GENERAL {code} are out of balance by {worth}. Check that Posting "
                "Date and Document No. are correct for each line."
            )
            raise Fault(400, "Application_DialogException", words)

    def _in_open_period(self, code: str, line: Mapping[str, Any]) -> None:
        if self._books.period(line["company"], line["postingDate"]).content["closed"]:
            words = (
                "Posting Date is not within your range of allowed posting dates in Gen. Journal "
                f"Line Journal Template Name='GENERAL',Journal Batch Name='{code}',"
                f"Line No.='{line['lineNumber']}'."
            )
            raise Fault(400, "Application_DialogException", words)

    def _book(self, line: Mapping[str, Any]) -> Document:
        worth = Decimal(str(line["amount"]))
        kept = ("company", "postingDate", "documentNumber", "accountId", "accountNumber",
                "description")  # fmt: skip
        return self._store.add(ENTRIES, {
            **{name: line[name] for name in kept},
            "documentType": " ",
            "debitAmount": str(max(worth, Decimal(0))),
            "creditAmount": str(max(-worth, Decimal(0))),
        })  # fmt: skip


def _fitting(value: str, most: int) -> str:
    if len(value) > most:
        words = (
            f"The length of the string is {len(value)}, but it must be less than or equal to "
            f"{most} characters."
        )
        raise Fault(400, "Application_StringExceededLength", words)
    return value
