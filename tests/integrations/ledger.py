"""The cloud ERPs under test: what their customers and invoices share."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from controltower.canonical.verdicts import Done, Kind, Outcome, Verdict
from integrations.connector import Connection
from integrations.sandbox.firm import ENTITIES
from tests.integrations.conformance.verdicts import done
from tests.integrations.doors import Town
from tests.integrations.erp import rejected
from tests.integrations.subject import DEADLINE, Subject

COMPANY, CURRENCY, TAX = "LF-UK", "GBP", "GB-20"
KNOWN = "C-KNOWN"
"""A customer whom the invoices under test go to."""
TODAY = datetime.now(UTC).date() - timedelta(days=1)


def customer(code: str, name: str, **other: Any) -> dict[str, Any]:
    """A customer's record as the mapping makes it."""
    return {
        "company": COMPANY,
        "code": code,
        "name": name,
        "street": "8 Inkwell Row",
        "city": "Leeds",
        "postal_code": "LS1 4DT",
        "country": "GB",
        "vat_number": "",
        "email": "accounts@quillfeather.example",
        "payment_term": "NET30",
    } | other


def invoice(reference: str, amount: Decimal | str = "1076.63", **other: Any) -> dict[str, Any]:
    """An invoice's record with one line, as the mapping makes it."""
    line = {
        "description": "Zażółć gęślą jaźń — 顧問料 “week 47”",
        "quantity": "1",
        "unit": "unit",
        "unit_price": str(amount),
        "amount": str(amount),
        "tax_code": TAX,
        "account_code": "4.2.2",
        "origin": f"TC-000123 · {reference}",
    }
    return {
        "company": COMPANY,
        "party_code": KNOWN,
        "reference": reference,
        "invoice_date": TODAY.isoformat(),
        "currency": CURRENCY,
        "payment_term": "NET30",
        "description": "Pricing review · CT-TEST",
        "lines": [line],
    } | other


def credit(
    reference: str, number: str, amount: Decimal | str, billed: str, **other: Any
) -> dict[str, Any]:
    """A credit note's record over an amount of the work that invoice `billed` of that number
    carries."""
    record = invoice(reference, f"-{amount}", credits=number, **other)
    (line,) = record["lines"]
    return {**record, "lines": [{**line, "credits": f" · {billed}"}]}


class LedgerSubject(Subject):
    """What both entities of a cloud ERP share."""

    def __init__(self, town: Town, **options: Any) -> None:
        super().__init__(
            Connection(
                self.name,
                town.urls[self.name],
                town.secrets[self.name],
                {"settle_seconds": 0, **options},
                DEADLINE,
            ),
            town.controls[self.name],
        )


class LedgerCustomers(LedgerSubject):
    """Customers under our number."""

    entity = "customer"

    def record(self, tag: str, name: str, amount: Decimal) -> dict[str, Any]:
        return customer(tag[-20:], f"{name} {tag}")

    def business_key(self, tag: str) -> dict[str, Any]:
        return {"code": tag[-20:], "company": COMPANY}

    def shown(self, values: Mapping[str, Any]) -> tuple[str, Decimal]:
        return values["name"].rpartition(" ")[0], self.amount

    async def make_facts(self, count: int) -> list[str]:
        first = f"{datetime.now(UTC).timestamp():.6f}"
        return [await self.existing(f"{first}-{number}") for number in range(count)]


class KeptUpToDate:
    """What both do with a customer of whom others own a part."""

    async def test_what_others_own_is_brought_up_to_date_and_told_once(
        self, subject: LedgerCustomers, tag: str
    ) -> None:
        ref = await subject.existing(tag)
        cursor = await subject.drained()
        wanted = {"name": f"Renamed {tag}", "email": "new@quillfeather.example"}
        for _ in range(2):
            changed = done(await subject.connector.act("customer", ref, "update", wanted, tag))
            assert (changed.outcome, changed.values["name"]) == (Outcome.UPDATED, wanted["name"])
            assert changed.values["contact_email"] == wanted["email"]
            assert changed.values["street"] == "8 Inkwell Row"
            assert "contact_name" not in changed.values, "the vendor keeps it elsewhere"
        kept = await subject.connector.act("customer", ref, "update", {"name": ""}, tag)
        assert done(kept).values["name"] == wanted["name"], "what is empty stays as it is"
        assert len([one for one in await subject.events(cursor) if f":{ref}:" in one]) == 1


class LedgerInvoices(LedgerSubject):
    """Drafts, found by our reference; what is posted is read."""

    entity = "invoice"
    feed = "invoice"
    has_money = True

    def record(self, tag: str, name: str, amount: Decimal) -> dict[str, Any]:
        return invoice(tag, amount, description=name)

    def business_key(self, tag: str) -> dict[str, Any]:
        return {"reference": tag, "company": COMPANY}

    def shown(self, values: Mapping[str, Any]) -> tuple[str, Decimal]:
        return values["description"], values["untaxed"]

    async def prepare(self, tag: str) -> None:
        await super().prepare(tag)
        await self.welcome()

    async def welcome(self) -> None:
        """The customer is there."""
        record = customer(KNOWN, "Quillfeather Mutual")
        assert isinstance(await self.connector.upsert("customer", record, "known"), Done)

    async def existing(self, tag: str) -> str:
        await self.welcome()
        return await super().existing(tag)

    async def is_read_by_an_accountant(self, tag: str) -> None:
        """The vendor's own books hold net, tax and total of what is posted, whatever its API shows:
        the tower's own tours compare them."""
        shown = done(await self.connector.get("invoice", await self.booked(tag))).values

        def in_the_books() -> dict[str, str]:
            rows = self.control.books("invoices")
            (row,) = (one for one in rows if one["reference"] == shown["reference"])
            return dict(row)

        posted = in_the_books()
        assert (posted["state"], posted["company"]) == ("posted", COMPANY)
        for name in ("untaxed", "tax", "total"):
            assert Decimal(posted[name]) == shown[name]
        self.control.do("pay_invoice", number=shown["number"])
        assert in_the_books() == {**posted, "state": "paid"}

    async def comparable(self, tag: str) -> str:
        """Only what is booked is compared."""
        return await self.booked(tag)

    @property
    def compared_amount(self) -> Decimal:
        return Decimal("1481481.47")

    async def booked(self, tag: str) -> str:
        """The id of a posted invoice."""
        ref = await self.existing(tag)
        return done(await self.connector.act("invoice", ref, "post", {}, tag)).ref

    async def make_facts(self, count: int) -> list[str]:
        first = datetime.now(UTC).timestamp()
        return [await self.booked(f"fact-{first}-{number}") for number in range(count)]


class LedgerCredits(LedgerInvoices):
    """Credit notes, each over work of an invoice of its own."""

    entity = "credit_note"
    feed = "credit_note"

    def __init__(self, town: Town, **options: Any) -> None:
        super().__init__(town, **options)
        self.numbers: dict[str, str] = {}

    def record(self, tag: str, name: str, amount: Decimal) -> dict[str, Any]:
        return credit(tag, self.numbers[tag], amount, f"{tag}-of", description=name)

    def shown(self, values: Mapping[str, Any]) -> tuple[str, Decimal]:
        return values["description"], -values["untaxed"]

    async def prepare(self, tag: str) -> None:
        """The invoice that is credited is booked."""
        if tag not in self.numbers:
            await super().prepare(tag)
            self.numbers[tag] = await self.invoiced(f"{tag}-of")

    async def invoiced(self, reference: str, amount: Decimal | str = "900000000.00") -> str:
        """The number of a posted invoice over so much work."""
        await self.welcome()
        record = invoice(reference, amount)
        ref = done(await self.connector.upsert("invoice", record, reference)).ref
        posted = done(await self.connector.act("invoice", ref, "post", {}, reference))
        return str(posted.values["number"])

    async def write(
        self, tag: str, name: str = "Conformance", amount: Decimal | None = None
    ) -> Verdict:
        await self.prepare(tag)
        return await super().write(tag, name, amount)

    @property
    def compared_amount(self) -> Decimal:
        return -super().compared_amount

    async def booked(self, tag: str) -> str:
        """The id of a posted credit note."""
        ref = await self.existing(tag)
        return done(await self.connector.act(self.entity, ref, "post", {}, tag)).ref


class CreditedOnce:
    """What cloud ERPs do with credit notes."""

    async def test_no_more_is_credited_than_was_invoiced(
        self, subject: LedgerCredits, tag: str
    ) -> None:
        number = await subject.invoiced(tag, "1000.00")
        put, check = subject.connector.upsert, subject.connector.check
        first = credit(f"{tag}-1", number, "600.00", tag)
        assert await check("credit_note", first) is None
        done(await put("credit_note", first, "k"))
        more = credit(f"{tag}-2", number, "400.01", tag)
        for verdict in (await check("credit_note", more), await put("credit_note", more, "k")):
            assert verdict is not None
            text = rejected(verdict, Kind.VALIDATION).text
            assert f"on invoice {number} only 400.00 is left to be credited." in text
        rest = done(await put("credit_note", credit(f"{tag}-2", number, "400", tag), "k"))
        again = done(await put("credit_note", first, "k"))
        assert again.outcome in {Outcome.UNCHANGED, Outcome.ALREADY_DONE}
        posted = done(await subject.connector.act("credit_note", rest.ref, "post", {}, "k"))
        assert (posted.values["untaxed"], posted.values["total"]) == (Decimal(-400), Decimal(-480))
        assert posted.values["state"] in {"posted", "paid"}

    async def test_what_cannot_be_credited_is_refused_in_words(
        self, subject: LedgerCredits, tag: str
    ) -> None:
        number = await subject.invoiced(tag, "1000.00")
        wanted = credit(f"{tag}-1", number, "1", tag)
        for changed, kind, words in (
            ({"credits": "NOT-1"}, Kind.REFERENCE_MISSING, "No booked invoice NOT-1"),
            ({"credits": ""}, Kind.REFERENCE_MISSING, "No booked invoice (none)"),
            ({"party_code": "C-OTHER"}, Kind.VALIDATION, "is not of C-OTHER in GBP"),
            ({"lines": invoice(tag)["lines"]}, Kind.VALIDATION, "A credit note takes back"),
        ):
            verdict = await subject.connector.upsert("credit_note", {**wanted, **changed}, "k")
            assert words in rejected(verdict, kind).text

    async def test_hours_are_taken_back_as_hours(self, subject: LedgerCredits, tag: str) -> None:
        number = await subject.invoiced(tag, "1000.00")
        record = credit(f"{tag}-1", number, "1", tag)
        hours = {"quantity": "-7.25", "unit": "hour", "unit_price": "36.50", "amount": "-264.63"}
        record["lines"] = [{**record["lines"][0], **hours}]
        made = done(await subject.connector.upsert("credit_note", record, "k"))
        read = done(await subject.connector.get("credit_note", made.ref)).values
        (line,) = read["lines"]
        figures = tuple(line[name] for name in ("quantity", "unit_price", "amount"))
        assert figures == tuple(map(Decimal, ("-7.25", "36.50", "-264.63")))


class CentralPapers(LedgerSubject):
    """Sales documents of one company in Business Central; `row_operation` says of which kind."""

    name = "business_central"
    has_twins = True
    members = ("id", "externalDocumentNumber", "status", "totalAmountExcludingTax", "currencyCode")
    row_member = "totalAmountExcludingTax"
    row_calls = len(ENTITIES)
    choices = ("status",)

    async def make_twin(self, ref: str, tag: str) -> str:
        twin = self.control.do("copy_draft", id=ref.partition("/")[2])
        return f"{COMPANY}/{twin['id']}"

    async def touch(self, ref: str) -> None:
        self.control.do("remark", id=ref.partition("/")[2])
