"""A version tried on what was really sent: what would change, in records and money."""

from __future__ import annotations

from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest

from controltower.firm.models import AuditEntry
from controltower.mappings import backtest, versions
from controltower.mappings.models import Mapping, MappingVersion
from controltower.mappings.trial import Outcome
from controltower.transactions import backtesting
from tests.factories import Firm

pytestmark = pytest.mark.django_db
SLUG = "invoice-to-erp"


@pytest.fixture
def firm(firm: Firm) -> Firm:
    """An invoice of two companies each, sent by the version in force."""
    firm.bill(firm.deal())
    firm.bill(firm.deal(entity="LF-UK", currency="GBP"))
    return firm


def drafted(firm: Firm, taxes: dict[str, str]) -> MappingVersion:
    """A draft with another table of tax codes."""
    mapping = Mapping.objects.get(slug=SLUG)
    rules: list[dict[str, Any]] = deepcopy(versions.active(SLUG, "tryton").rules)
    (tax,) = [rule for rule in rules if rule["target"] == "tax_code"]
    tax["values"] = taxes
    return versions.draft(
        mapping=mapping, rules=rules, note="Taxes.", author=firm.lena, now=firm.now
    )


def taxes() -> dict[str, str]:
    rules = versions.active(SLUG, "tryton").rules
    (tax,) = [rule for rule in rules if rule["target"] == "tax_code"]
    return dict(tax["values"])


def test_records_and_money_of_each_company(firm: Firm) -> None:
    draft = drafted(firm, taxes() | {"LF-DE/domestic": "DE-16"})
    test = backtesting.run(version=draft, by=firm.lena, now=firm.now)
    lines = backtest.lines_of(test, None)
    german, british = backtest.tallies(lines)
    assert (german.entity, german.of(Outcome.CHANGED), german.amount) == (
        "LF-DE", 1, Decimal("7200.00"),
    )  # fmt: skip
    assert (british.of(Outcome.SAME), british.transactions) == (1, 0)
    (field,) = backtest.by_field(lines)
    ((change, count),) = field.commonest
    assert (field.field, change.before, change.after, count) == ("tax_code", "DE-19", "DE-16", 1)
    assert [line.entity for line in backtest.lines_of(test, {"LF-UK"})] == ["LF-UK"]
    assert AuditEntry.objects.get(verb=backtest.VERB).detail == {"records": 2, "touched": 1}


def test_what_a_version_forgets_would_fail(firm: Firm) -> None:
    left = {key: value for key, value in taxes().items() if not key.startswith("LF-UK")}
    test = backtesting.run(version=drafted(firm, left), by=firm.lena, now=firm.now)
    (british,) = backtest.lines_of(test, {"LF-UK"})
    assert british.outcome == Outcome.NOW_FAILS
    assert british.why.startswith("No value for “Tax code” is mapped from")


def test_what_was_refused_for_a_missing_value_would_pass(firm: Firm) -> None:
    whole = taxes()
    left = {key: value for key, value in whole.items() if not key.startswith("LF-DE")}
    in_force(firm, drafted(firm, left))
    refused = firm.bill(firm.deal())
    step = refused.steps.get(name="draft")
    assert (step.state, step.sent) == ("parked", {})
    test = backtesting.run(version=drafted(firm, whole), by=firm.lena, now=firm.now)
    (line,) = [one for one in backtest.lines_of(test, None) if one.reference == refused.reference]
    assert line.outcome == Outcome.NOW_PASSES


def in_force(firm: Firm, draft: MappingVersion) -> None:
    versions.submit(version=draft, by=firm.lena, now=firm.now)
    for reviewer in (firm.anna, firm.marta):
        versions.review(version=draft, by=reviewer, approve=True, comment="", now=firm.now)
    versions.activate(version=draft, by=firm.anna, now=firm.now)


def test_who_may_neither_write_nor_approve_may_not_test(firm: Firm) -> None:
    draft = drafted(firm, taxes() | {"LF-DE/domestic": "DE-16"})
    with pytest.raises(versions.NotAllowed):
        backtesting.run(version=draft, by=firm.jonas, now=firm.now)
    assert AuditEntry.objects.filter(verb=backtest.VERB, allowed=False).count() == 1


def test_a_review_keeps_the_test_that_it_saw(firm: Firm) -> None:
    draft = drafted(firm, taxes() | {"LF-DE/domestic": "DE-16"})
    test = backtesting.run(version=draft, by=firm.lena, now=firm.now)
    in_force(firm, draft)
    assert {review.back_test for review in draft.reviews.all()} == {test}
