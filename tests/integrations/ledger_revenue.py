"""Revenue entries of the cloud ERPs under test: a month comes to what was said of it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from controltower.canonical.verdicts import Kind, Outcome
from tests.integrations.conformance.verdicts import done
from tests.integrations.erp import rejected
from tests.integrations.ledger import COMPANY, CURRENCY, TODAY, LedgerSubject

MONTH = f"{TODAY:%Y-%m}"


def entry(tag: str, amount: str | Decimal, **other: Any) -> dict[str, Any]:
    """A revenue entry's record: a month of the tag's project is worth so much."""
    return {
        "company": COMPANY,
        "reference": tag[-18:].upper(),
        "project": f"P-{tag}",
        "period": MONTH,
        "date": TODAY.isoformat(),
        "amount": str(amount),
        "currency": CURRENCY,
        "journal": "RECOG",
        "revenue_account": "4.2.2",
        "deferred_account": "4.3.3",
        "description": "Rail review",
    } | other


class LedgerEntries(LedgerSubject):
    """Drafts, found by our reference."""

    entity = "revenue_entry"
    has_money = True
    has_keys = False

    def record(self, tag: str, name: str, amount: Decimal) -> dict[str, Any]:
        return entry(tag, amount, description=name)

    def business_key(self, tag: str) -> dict[str, Any]:
        return {"reference": tag[-18:].upper(), "company": COMPANY}

    def shown(self, values: Mapping[str, Any]) -> tuple[str, Decimal]:
        return values["name"], values["recognised"]

    async def posted(self, record: dict[str, Any]) -> Mapping[str, Any]:
        """Draft and post; what the ledger shows then."""
        drafted = done(await self.connector.upsert("revenue_entry", record, "k"))
        assert drafted.values["state"] == "draft"
        for outcome in (Outcome.UPDATED, Outcome.ALREADY_DONE):
            verdict = await self.connector.act("revenue_entry", drafted.ref, "post", {}, "k")
            assert done(verdict).outcome is outcome
        again = done(await self.connector.upsert("revenue_entry", record, "k"))
        assert again.outcome is Outcome.ALREADY_DONE
        return done(verdict).values


class EarnedOnce:
    """What every ledger does with revenue."""

    async def test_a_month_comes_to_what_was_said_last(
        self, subject: LedgerEntries, tag: str
    ) -> None:
        entries = []
        for number, amount in enumerate(("1000.01", "2500.00", "2499.97")):
            record = entry(tag, amount, reference=f"RR{number}-{tag[-10:].upper()}")
            shown = await subject.posted(record)
            assert (shown["state"], shown["recognised"]) == ("posted", Decimal(amount))
            assert (shown["period"], shown["booked_in"], shown["project"]) == (
                MONTH, MONTH, f"P-{tag}",
            )  # fmt: skip
            entries.append(shown["amount"])
        assert entries == [Decimal("1000.01"), Decimal("1499.99"), Decimal("-0.03")]
        earlier = entry(tag, "10.00", reference=f"RR9-{tag[-10:].upper()}", period="2026-01")
        await subject.posted(earlier)
        ledger = done(await subject.connector.get("revenue", f"P-{tag}", COMPANY)).values
        assert {one["period"]: one["amount"] for one in ledger["months"]} == {
            "2026-01": Decimal("10.00"), MONTH: Decimal("2499.97"),
        }  # fmt: skip
        assert ledger["currency"] == CURRENCY
        elsewhere = done(await subject.connector.get("revenue", f"P-{tag}", "LF-DE")).values
        assert (elsewhere["months"], elsewhere["currency"]) == ([], "EUR")

    async def test_what_is_recognised_already_makes_no_entry(
        self, subject: LedgerEntries, tag: str
    ) -> None:
        first = entry(tag, "10.00")
        done(await subject.connector.upsert("revenue_entry", first, "k"))
        second = entry(tag, "10.00", reference=f"RR2-{tag[-10:].upper()}")
        refused = await subject.connector.upsert("revenue_entry", second, "k")
        assert "nothing is left to be recognised" in rejected(refused, Kind.CONFLICT).text
        changed = done(await subject.connector.upsert("revenue_entry", entry(tag, "12.50"), "k"))
        assert (changed.outcome, changed.values["recognised"]) == (
            Outcome.UPDATED, Decimal("12.50"),
        )  # fmt: skip

    async def test_what_cannot_be_booked_is_refused_in_words(
        self, subject: LedgerEntries, tag: str
    ) -> None:
        for changed, kind, words in (
            ({"revenue_account": "9.9.9"}, Kind.REFERENCE_MISSING, "Account 9.9.9"),
            ({"currency": "USD"}, Kind.VALIDATION, "keeps its books in GBP, not in USD."),
            ({"amount": "much"}, Kind.VALIDATION, "“much” is not an amount."),
            ({"project": ""}, Kind.VALIDATION, "carries no project."),
            ({"company": "LF-XX"}, Kind.REFERENCE_MISSING, "LF-XX"),
        ):
            record = entry(tag, "10.00") | changed
            objection = await subject.connector.check("revenue_entry", record)
            assert objection is not None
            for verdict in (
                objection,
                await subject.connector.upsert("revenue_entry", record, "k"),
            ):
                assert words in rejected(verdict, kind).text

    async def test_a_closed_month_takes_no_entry(self, subject: LedgerEntries, tag: str) -> None:
        record = entry(tag, "10.00")
        drafted = done(await subject.connector.upsert("revenue_entry", record, "k"))
        month = {"company": COMPANY, "period": MONTH}
        subject.control.do("close_period", **month)
        try:
            posted = await subject.connector.act("revenue_entry", drafted.ref, "post", {}, "k")
            checked = await subject.connector.check("revenue_entry", record)
        finally:
            subject.control.do("reopen_period", **month)
        assert checked is not None
        for verdict in (posted, checked):
            refused = rejected(verdict, Kind.PERIOD_CLOSED)
            assert refused.fields[0].field == "date"
        read = done(await subject.connector.get("revenue_entry", drafted.ref)).values
        assert read["state"] == "draft"
