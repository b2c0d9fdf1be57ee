"""Revenue entries in a real Tryton: the common suite, and a month that comes to what was said."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from controltower.canonical.verdicts import Kind, Outcome
from integrations.tryton.connector import TrytonConnector
from tests.integrations.conformance import OF_AN_ENTITY, conforming
from tests.integrations.erp import TODAY, Erp, done, fresh, rejected
from tests.integrations.subject import Subject
from tests.integrations.test_tryton_conformance import TrytonSubject

pytestmark = [pytest.mark.tryton, pytest.mark.slow]
MONTH = f"{TODAY:%Y-%m}"


def entry(project: str, amount: str, **other: Any) -> dict[str, Any]:
    """A revenue entry's record under a new reference: a month of a project is worth so much."""
    return {
        "company": "LF-DE",
        "reference": fresh("CT-RR"),
        "project": project,
        "period": MONTH,
        "date": TODAY.isoformat(),
        "amount": amount,
        "currency": "EUR",
        "journal": "RECOG",
        "revenue_account": "4.2.2",
        "deferred_account": "4.3.3",
        "description": "Rail review",
    } | other


class Entries(TrytonSubject):
    """Drafts, found by our reference."""

    entity = "revenue_entry"
    has_money = True
    has_keys = False
    members = ("id", "state", "description", "company.", "lines.")
    choices = ("state",)

    def record(self, tag: str, name: str, amount: Decimal) -> dict[str, Any]:
        return entry(f"P-{tag}", str(amount), reference=tag, description=name)

    def business_key(self, tag: str) -> dict[str, Any]:
        return {"reference": tag, "company": "LF-DE"}

    def shown(self, values: Mapping[str, Any]) -> tuple[str, Decimal]:
        return values["name"], values["recognised"]


@conforming(Entries, OF_AN_ENTITY)
class TestEntries:
    @pytest.fixture
    def subject(self, erp: Erp) -> Subject:
        return Entries(erp)


async def posted(tryton: TrytonConnector, record: dict[str, Any]) -> Mapping[str, Any]:
    """Draft and post; what Tryton shows then."""
    drafted = done(await tryton.upsert("revenue_entry", record, "k"), Outcome.CREATED)
    done(await tryton.act("revenue_entry", drafted.ref, "post", {}, "k"), Outcome.UPDATED)
    again = await tryton.act("revenue_entry", drafted.ref, "post", {}, "k")
    return done(again, Outcome.ALREADY_DONE).values


@pytest.mark.parametrize(
    ("company", "currency"), [("LF-DE", "EUR"), ("LF-UK", "GBP"), ("LF-US", "USD")]
)
async def test_a_month_comes_to_what_was_said_last(
    tryton: TrytonConnector, erp: Erp, company: str, currency: str
) -> None:
    project, books = fresh("P"), {"company": company, "currency": currency}
    entries = []
    for amount in ("1000.01", "2500.00", "2499.97"):
        shown = await posted(tryton, entry(project, amount, **books))
        assert (shown["state"], shown["recognised"]) == ("posted", Decimal(amount))
        entries.append(shown["amount"])
    assert entries == [Decimal("1000.01"), Decimal("1499.99"), Decimal("-0.03")]
    assert erp.revenue(company, project) == {MONTH: "2499.97"}
    ledger = done(await tryton.get("revenue", project, company), Outcome.READ)
    assert ledger.values["months"] == [{"period": MONTH, "amount": Decimal("2499.97")}]
    assert ledger.values["currency"] == currency


async def test_months_and_projects_are_kept_apart(tryton: TrytonConnector) -> None:
    first, second = fresh("P_"), fresh("P")
    await posted(tryton, entry(first, "10.00"))
    await posted(tryton, entry(first, "20.00", period="2026-01"))
    await posted(tryton, entry(second, "40.00"))
    ledger = done(await tryton.get("revenue", first, "LF-DE"), Outcome.READ)
    assert {one["period"]: one["amount"] for one in ledger.values["months"]} == {
        "2026-01": Decimal("20.00"),
        MONTH: Decimal("10.00"),
    }
    other = done(await tryton.get("revenue", first, "LF-UK"), Outcome.READ)
    assert other.values["months"] == []


async def test_what_is_recognised_already_makes_no_entry(tryton: TrytonConnector) -> None:
    project = fresh("P")
    await posted(tryton, entry(project, "10.00"))
    again = await tryton.upsert("revenue_entry", entry(project, "10.00"), "k")
    assert "nothing is left to be recognised" in rejected(again, Kind.CONFLICT).text


async def test_a_draft_of_ours_is_brought_up_to_date(tryton: TrytonConnector) -> None:
    project, reference = fresh("P"), fresh("CT-RR")
    first = entry(project, "10.00", reference=reference)
    drafted = done(await tryton.upsert("revenue_entry", first, "k"), Outcome.CREATED)
    same = done(await tryton.upsert("revenue_entry", first, "k"), Outcome.UNCHANGED)
    changed = entry(project, "12.50", reference=reference)
    updated = done(await tryton.upsert("revenue_entry", changed, "k"), Outcome.UPDATED)
    assert {same.ref, updated.ref} == {drafted.ref}
    assert updated.values["recognised"] == Decimal("12.50")


@pytest.mark.parametrize(
    ("changed", "kind", "words"),
    [
        ({"revenue_account": "9.9.9"}, Kind.REFERENCE_MISSING, "Account 9.9.9 is not in the chart"),
        ({"journal": "NONE"}, Kind.REFERENCE_MISSING, "Tryton has no journal NONE."),
        ({"currency": "USD"}, Kind.VALIDATION, "keeps its books in EUR, not in USD."),
        ({"date": "2031-01-31"}, Kind.PERIOD_CLOSED, "period of 2031-01-31 is closed"),
        ({"amount": "much"}, Kind.VALIDATION, "“much” is not an amount."),
        ({"project": ""}, Kind.VALIDATION, "carries no project."),
        ({"company": "LF-XX"}, Kind.REFERENCE_MISSING, "Tryton has no company LF-XX."),
    ],
)
async def test_what_cannot_be_booked_is_refused_in_words(
    tryton: TrytonConnector, changed: dict[str, str], kind: Kind, words: str
) -> None:
    record = entry(fresh("P"), "10.00") | changed
    objection = await tryton.check("revenue_entry", record)
    assert objection is not None
    for verdict in (objection, await tryton.upsert("revenue_entry", record, "k")):
        assert words in rejected(verdict, kind).text


async def test_a_closed_month_takes_no_entry(tryton: TrytonConnector, erp: Erp) -> None:
    closing = {"company": "LF-UK", "period": "2025-02"}
    record = entry(
        fresh("P"), "10.00", company="LF-UK", currency="GBP", date="2025-02-28", period="2025-02"
    )
    drafted = done(await tryton.upsert("revenue_entry", record, "k"), Outcome.CREATED)
    async with erp.administrator() as console:
        await console.call("model.account.move.delete", [int(drafted.ref)], {})
    erp.control.do("close_period", **closing)
    try:
        refused = await tryton.upsert("revenue_entry", record, "k")
        assert "is closed in" in rejected(refused, Kind.PERIOD_CLOSED).text
    finally:
        erp.control.do("reopen_period", **closing)
