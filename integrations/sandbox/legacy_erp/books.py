"""The pretend legacy ERP's books: what it makes of the records of a file, row by row.

A document with one rejected row is rejected whole. Tax is rounded half up on the sum of each code.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from integrations.sandbox.firm import ENTITIES
from integrations.sandbox.store import Document, Store

ACCOUNTS, TERMS = ("4.2.2", "4.1.2", "4.1.3"), ("NET30", "NET14")
FIRST_YEAR, LAST_YEAR = 2024, 2028
_CENT = Decimal("0.01")
Row = Sequence[str]


class Rejects(Exception):
    """What is wrong with the rows of a file: row, code, field and words of each."""

    def __init__(self, *rows: tuple[int, str, str, str]) -> None:
        super().__init__(f"{len(rows)} rows")
        self.rows = rows


class Books:
    """All companies of one installation."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def master(self) -> list[Row]:
        """The codes and periods that it accepts."""
        codes = [("company", entity.code) for entity in ENTITIES]
        codes += [("currency", code) for code in sorted({entity.currency for entity in ENTITIES})]
        codes += [("tax_code", code) for code in _tax_codes()]
        codes += [("account", code) for code in ACCOUNTS]
        codes += [("payment_term", code) for code in TERMS]
        rows: list[Row] = [("C", kind, code) for kind, code in codes]
        for entity in ENTITIES:
            for year in range(FIRST_YEAR, LAST_YEAR + 1):
                for month in range(1, 13):
                    name = f"{year}-{month:02d}"
                    state = "OPEN" if self.is_open(entity.code, name) else "CLOSED"
                    rows.append(("P", entity.code, name, state))
        return rows

    def is_open(self, company: str, month: str) -> bool:
        """Whether a company's month ("2026-11") may be posted to."""
        return not self._store.setting(f"closed {company} {month}")

    def close(self, company: str, month: str, closed: bool) -> None:
        """Close a company's month, or open it again."""
        self._store.set(f"closed {company} {month}", "yes" if closed else "")

    def take_customer(self, rows: Sequence[Row]) -> Row:
        """Keep a customer under its code. Raises Rejects."""
        _, _, company, code, name, *others = rows[0]
        if company not in {entity.code for entity in ENTITIES}:
            raise Rejects((1, "UNKNOWN", "company", f"Company {company} is not known."))
        vat = others[4]
        for one in self._store.all("customer"):
            if vat and one.content["vat"] == vat and one.content["code"] != code:
                words = f"The VAT number belongs to customer {one.content['code']}."
                raise Rejects((1, "DUPLICATE", "vat_number", words))
        self._keep("customer", "code", {"code": code, "name": name, "vat": vat})
        return ("D", code, "", "", "", "")

    def park(self, rows: Sequence[Row]) -> Row:
        """Keep an invoice to be posted later, under its reference. Raises Rejects."""
        _, reference, company, party, on, currency, term, *_ = rows[0]
        known = self._store.all("invoice", reference=reference)
        if known and known[0].content["number"]:
            words = f"Invoice {known[0].content['number']} has been posted already."
            raise Rejects((0, "POSTED", "reference", words))
        self._judge(company, party, currency, term, rows[1:])
        content = {
            "reference": reference, "company": company, "party": party, "date": on or _today(),
            "currency": currency, "number": "", "paid": "",
            "lines": [[row[6], row[7]] for row in rows[1:]],
        }  # fmt: skip
        return told(self._keep("invoice", "reference", content))

    def post(self, rows: Sequence[Row]) -> tuple[Document, bool]:
        """Post a parked invoice: the invoice, and whether it was not posted before. Raises
        Rejects."""
        _, _, reference, on = rows[0]
        known = self._store.all("invoice", reference=reference)
        if not known:
            raise Rejects((1, "UNKNOWN", "reference", f"No invoice {reference} is parked."))
        content = dict(known[0].content)
        if content["number"]:
            return known[0], False
        day = on or content["date"]
        if not self.is_open(content["company"], day[:7]):
            words = f"Period {day[:7]} of {content['company']} is closed."
            raise Rejects((1, "PERIOD", "invoice_date", words))
        number = f"L{self._store.next_number('numbers'):07d}"
        return self._store.change("invoice", known[0].id, {"number": number, "date": day}), True

    def pay(self, reference: str) -> Document | None:
        """The posted invoice of a reference, or the oldest unpaid one, is paid; None if none."""
        for one in self._store.all("invoice"):
            wanted = not reference or one.content["reference"] == reference
            if wanted and one.content["number"] and not one.content["paid"]:
                return self._store.change("invoice", one.id, {"paid": "yes"})
        return None

    def ledger_row(self, invoice: Document, at: str) -> Row:
        """What the outbox says of a posted or paid invoice."""
        content, state = invoice.content, "PAID" if invoice.content["paid"] else "POSTED"
        client = self._store.all("customer", code=content["party"])[0].content
        untaxed, tax = totals(content["lines"])
        return (
            "L", content["reference"], content["number"], content["company"], content["party"],
            client["name"], content["date"], content["currency"], str(untaxed), str(tax),
            str(untaxed + tax), state, at,
        )  # fmt: skip

    def _judge(
        self, company: str, party: str, currency: str, term: str, lines: Sequence[Row]
    ) -> None:
        known = {
            "company": {entity.code for entity in ENTITIES},
            "party_code": {one.content["code"] for one in self._store.all("customer")},
            "currency": {entity.currency for entity in ENTITIES},
            "payment_term": {"", *TERMS},
            "tax_code": set(_tax_codes()),
            "account_code": set(ACCOUNTS),
        }
        said = [(0, "company", company), (0, "party_code", party), (0, "currency", currency)]
        said.append((0, "payment_term", term))
        for row in lines:
            said += [(int(row[1]), "tax_code", row[7]), (int(row[1]), "account_code", row[8])]
        wrong = [
            (row, "UNKNOWN", name, f"{name} {code} is not known.")
            for row, name, code in said
            if code not in known[name]
        ]
        if wrong:
            raise Rejects(*wrong)

    def _keep(self, kind: str, key: str, content: Mapping[str, Any]) -> Document:
        known = self._store.all(kind, **{key: content[key]})
        if known:
            return self._store.change(kind, known[0].id, content)
        return self._store.add(kind, content)


def told(invoice: Document) -> Row:
    """What an acknowledgement says of an invoice."""
    untaxed, tax = totals(invoice.content["lines"])
    content = invoice.content
    return ("D", content["number"], content["date"], str(untaxed), str(tax), str(untaxed + tax))


def totals(lines: Sequence[Sequence[str]]) -> tuple[Decimal, Decimal]:
    """Net and tax of lines, each an amount with its tax code."""
    bases: defaultdict[str, Decimal] = defaultdict(Decimal)
    for amount, code in lines:
        bases[code] += Decimal(amount)
    tax = sum((_tax(code, base) for code, base in bases.items()), Decimal(0))
    return sum(bases.values(), Decimal(0)), tax


def _tax(code: str, base: Decimal) -> Decimal:
    rate = code.rpartition("-")[2]
    return (base * int(rate if rate.isdecimal() else 0) / 100).quantize(_CENT, ROUND_HALF_UP)


def _tax_codes() -> list[str]:
    return sorted({code for entity in ENTITIES for code in entity.tax_codes})


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
