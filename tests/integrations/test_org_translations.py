"""The CRM's and the PSA's payloads in canonical words, from the samples kept beside the code."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from controltower.canonical.records import Expense, Milestone, Record, TimeEntry
from integrations import exact_json
from integrations.certinia import translate as psa
from integrations.certinia.entities import ENTITIES
from integrations.salesforce import translate as crm
from integrations.salesforce.connector import SalesforceConnector
from integrations.salesforce_platform.entity import Entity

ROOM = Path(__file__).resolve().parents[2] / "integrations"
KINDS = {
    **{("salesforce", name): entity for name, entity in SalesforceConnector.entities.items()},
    **{("certinia", name): entity for name, entity in ENTITIES.items()},
}


def sample(connector: str, entity: str) -> dict[str, Any]:
    content = exact_json.decode((ROOM / connector / "samples" / f"{entity}.json").read_bytes())
    row: dict[str, Any] = content["records"][0]
    return row


@pytest.mark.parametrize(("connector", "entity"), sorted(KINDS))
def test_a_sample_has_every_field_that_is_read(connector: str, entity: str) -> None:
    kind = KINDS[connector, entity]
    row = sample(connector, entity)
    for path in kind.paths:
        found: Any = row
        for step in path.split("."):
            assert step in found, path
            found = found[step]
    assert kind.translate(row)


@pytest.mark.parametrize("kind", KINDS.values(), ids=[name for _, name in KINDS])
def test_an_empty_row_is_read_too(kind: Entity) -> None:
    """What the source leaves out is for the business rules to refuse, not for the translation."""
    nulls = dict.fromkeys(path.partition(".")[0] for path in kind.paths)
    record = kind.translate({**nulls, "Id": "x"})
    values = record.as_dict() if isinstance(record, Record) else record
    assert values["source_id"] == "x"


def test_a_client() -> None:
    client = crm.customer(sample("salesforce", "customer"))
    assert (client.name, client.entity, client.country) == ("Quillfeather Mutual", "LF-UK", "GB")
    assert (client.vat_number, client.currency, client.strategic) == ("GB263779126", "GBP", True)


def test_a_deal() -> None:
    deal = crm.opportunity(sample("salesforce", "opportunity"))
    assert deal.won
    assert (deal.amount, deal.currency) == (Decimal("64250.5"), "GBP")
    assert (deal.close_date, deal.customer_name) == (date(2026, 11, 21), "Quillfeather Mutual")
    assert deal.billing_method == "Time and materials"


def test_a_week() -> None:
    week = psa.timecard(sample("certinia", "timecard"))
    assert isinstance(week, TimeEntry)
    assert (week.hours, week.rate, week.amount) == (Decimal("37.5"), Decimal(168), Decimal(6300))
    assert (week.week_start, week.on) == (date(2026, 11, 16), date(2026, 11, 22))
    assert week.project is not None
    assert (week.project.entity, week.project.correlation_id) == ("LF-UK", "CT-7Q4M-2XKD")
    assert (week.billable, week.approved, week.billed) == (True, True, False)


def test_an_expense_and_a_milestone() -> None:
    spent = psa.expense(sample("certinia", "expense"))
    assert isinstance(spent, Expense)
    assert (spent.amount, spent.number) == (Decimal("186.4"), "EXP-000001")
    reached = psa.milestone(sample("certinia", "milestone"))
    assert isinstance(reached, Milestone)
    assert (reached.amount, reached.approved) == (Decimal("25700.2"), True)


def test_what_the_tower_writes_back_makes_no_new_fact() -> None:
    kind = ENTITIES["timecard"]
    row = sample("certinia", "timecard")
    billed = {**row, "pse__Billed__c": True, "pse__Invoice_Number__c": "LF-UK-0001"}
    assert kind.digest(billed) == kind.digest(row)
    assert kind.digest({**row, "pse__Total_Hours__c": Decimal("38.5")}) != kind.digest(row)
