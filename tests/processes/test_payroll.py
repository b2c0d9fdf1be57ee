"""What a pay period has cost: recorded where it belongs, or refused in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from controltower.canonical.events import PAYROLL_ACCEPTED, CanonicalEvent
from controltower.canonical.records import LabourCost, LabourPart
from controltower.canonical.wire import to_json
from controltower.processes import catalogue
from controltower.processes import payroll_to_cost_reporting as payroll
from controltower.processes.definition import Entity, Facts, Learn, Refuse

NOW = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)
BERLIN = Entity("LF-DE", "Larkfield GmbH", "DE", "EUR", "Europe/Berlin", timedelta(seconds=10))
PAID = LabourCost(
    source_id="PR-000017",
    name="Larkfield GmbH, 2026-10",
    entity="LF-DE",
    number="PR-000017",
    from_date=date(2026, 10, 18),
    to_date=date(2026, 10, 31),
    currency="EUR",
    amount=Decimal("151368.40"),
    parts=(
        LabourPart(cost_centre="4100", hours=Decimal(456), amount=Decimal("65360.00")),
        LabourPart(cost_centre="4200", hours=Decimal(1900), amount=Decimal("86000.00")),
        LabourPart(cost_centre="4200", hours=Decimal(76), amount=Decimal("8.40")),
    ),
)


def event(paid: LabourCost) -> CanonicalEvent:
    return CanonicalEvent(
        id="e", type=PAYROLL_ACCEPTED, source="payroll/labour_cost", subject="labour_cost:17",
        time=NOW, version="1", record=paid,
    )  # fmt: skip


def facts(paid: LabourCost) -> Facts:
    opening = payroll.open_cost(event(paid), {BERLIN.code: BERLIN}, NOW)
    return Facts(
        correlation_id="ct-1",
        reference="CT-1",
        subject=to_json(paid) | {"entity": opening.entity},
        items=(to_json(paid),),
        results={},
        entities={BERLIN.code: BERLIN},
        decisions={},
        now=NOW,
    )


def test_an_accepted_payroll_starts_it() -> None:
    assert catalogue.started_by(event(PAID)) is payroll.PROCESS


def test_each_cost_centre_is_recorded_in_the_month_in_which_the_period_ends() -> None:
    assert payroll.check_payroll(facts(PAID)) == Learn({"period": "2026-10"})
    recorded = payroll.record_cost(facts(PAID))
    assert recorded == Learn({"period": "2026-10", "4100": "65360.00", "4200": "86008.40"})


@pytest.mark.parametrize(
    ("paid", "words"),
    [
        ({"entity": "LF-XX"}, "payroll group “LF-XX”, which is no company of ours"),
        ({"currency": "GBP"}, "is in GBP, but Larkfield GmbH keeps its books in EUR"),
        ({"to_date": None}, "carries no date"),
        ({"amount": Decimal("-1.00"), "parts": ()}, "only a positive cost"),
        ({"amount": Decimal("151368.41")}, "come to 151368.40, the payroll to 151368.41"),
        ({"parts": ()}, "come to 0, the payroll to 151368.40"),
    ],
)
def test_what_no_report_may_hold_is_refused_in_words(paid: dict[str, Any], words: str) -> None:
    refused = payroll.check_payroll(facts(replace(PAID, **paid)))
    assert isinstance(refused, Refuse), refused
    assert words in refused.text
