"""A deal is set up by the template that the firm has agreed on: its milestones, its roles."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from controltower.canonical.records import Opportunity
from controltower.firm import governing
from controltower.firm.models import PolicyVersion
from controltower.firm.policies import BadPolicy
from controltower.processes.project_templates import SHIPPED
from controltower.systems.models import System
from controltower.transactions import agreed_templates, intake, interpretation, replay
from controltower.transactions.models import Transaction
from tests.factories import Firm
from tests.transactions.test_kept_clients import beside

pytestmark = pytest.mark.django_db
FIXED = "Implementation fixed fee"
HALVES = {
    **SHIPPED[FIXED],
    "milestones": [
        {"name": "Half way", "share": "49.99", "days": 30},
        {"name": "All of it", "share": "50.01", "days": 60},
    ],
    "roles": [{"name": "Analyst", "hours": "75.5", "skill": "SQL"}],
}


def agree(firm: Firm, name: str, content: dict[str, Any]) -> None:
    """Two people agree on a template."""
    subject = f"{agreed_templates.KIND}:{name}"
    version = governing.propose(
        subject=subject, content=content, reason="As sold.", by=firm.amara, now=firm.now
    )
    governing.decide(version=version, agree=True, answer="", by=firm.anna, now=firm.now)


def sent(deal: Transaction, part: str, *names: str) -> list[tuple[str, ...]]:
    steps = deal.steps.filter(name__startswith=f"{part}-", state="verified").order_by("position")
    return [tuple(str(step.sent[name]) for name in names) for step in steps]


def test_what_the_product_brings_is_set_up_before_anything_is_agreed(firm: Firm) -> None:
    deal = firm.deal(billing_method="Fixed fee", amount="100000.01")
    assert deal.state == "verified"
    assert sent(deal, "milestone", "amount") == [("30000.00",), ("40000.01",), ("30000.00",)]
    asked = sent(deal, "staffing", "name", "hours")
    assert asked == [("Manager", "120"), ("Senior consultant", "320"), ("Analyst", "240")]
    links = deal.steps.get(name="link")
    assert links.position == deal.steps.count()


def test_a_deal_is_set_up_by_what_two_people_have_agreed_on(firm: Firm) -> None:
    agreed_templates.write_down(now=firm.now)
    agree(firm, FIXED, HALVES)
    deal = firm.deal(billing_method="Fixed fee", amount="100000.01", template=FIXED)
    assert sent(deal, "milestone", "name", "amount") == [
        ("Half way", "49990.00"), ("All of it", "50010.01"),
    ]  # fmt: skip
    assert sent(deal, "staffing", "name", "hours", "skill") == [("Analyst", "75.5", "SQL")]
    assert deal.steps.get(name="project").sent["template"] == FIXED


def test_a_deal_under_way_keeps_the_template_it_began_with(firm: Firm) -> None:
    agreed_templates.write_down(now=firm.now)
    deal = firm.tell(firm.opportunity(billing_method="Fixed fee"))
    agree(firm, FIXED, HALVES)
    assert len(sent(firm.play(deal), "milestone", "name")) == 3


def test_a_deal_without_a_template_needs_somebody_until_there_is_one(firm: Firm) -> None:
    agree(firm, "London", {**SHIPPED["Advisory T&M"], "companies": ["LF-UK"]})
    deal = firm.deal(amount="4800.00")
    assert deal.state == "dead_lettered"
    check = deal.steps.get(name="check")
    assert (check.field, check.kind) == ("template", "reference_missing")
    assert deal.amount == Decimal("4800.00")
    assert firm.cause(deal).owner_role == "pmo_lead"
    assert not deal.steps.exclude(name="check").exclude(sent={}).exists()
    agree(firm, "Berlin", {**SHIPPED["Advisory T&M"], "companies": ["LF-DE"]})
    plan = firm.plan(deal, by=firm.otto)
    replay.release(plan=plan, digest=plan.digest, by=firm.otto, now=timezone.now())
    assert firm.play(deal).state == "verified"


def test_no_further_deal_is_set_up_by_a_template_that_is_retired(firm: Firm) -> None:
    agreed_templates.write_down(now=firm.now)
    under_way = firm.tell(firm.opportunity(billing_method="Fixed fee"))
    agree(firm, FIXED, agreed_templates.RETIRED)
    assert len(sent(firm.play(under_way), "milestone", "name")) == 3
    later = firm.deal(source_id="later", billing_method="Fixed fee", template=FIXED)
    assert later.state == "dead_lettered"
    assert later.steps.get(name="check").field == "template"


def test_a_deal_that_is_sold_another_way_meanwhile_gets_another_template(firm: Firm) -> None:
    won = firm.opportunity(billing_method="Fixed fee")
    deal = firm.tell(won)
    assert deal.steps.filter(name__startswith="milestone").count() == 3
    for number, method in enumerate(["Time and materials", "Fixed fee", "Time and materials"]):
        assert isinstance(won.record, Opportunity)
        record = replace(won.record, billing_method=method)
        later = replace(won, id=f"{won.id}:{number}", version=f"9{number}", record=record)
        receipt = intake.receive(facts=[(b"{}", later)], signature="polled", now=firm.now)
        interpretation.interpret(receipt.stored[0], now=firm.now)
    deal = firm.play(deal)
    assert deal.state == "verified"
    assert sent(deal, "milestone", "name") == []
    assert sent(deal, "staffing", "name") == [("Manager",), ("Consultant",)]


def test_a_psa_that_takes_no_staffing_requests_is_not_asked(firm: Firm) -> None:
    """Milestones it takes."""
    System.objects.filter(slug="certinia").update(active=False)
    beside()
    deal = firm.tell(firm.opportunity(billing_method="Fixed fee"))
    assert deal.steps.filter(name__startswith="milestone-", system__slug="kantata").count() == 3
    assert not deal.steps.filter(name__startswith="staffing-").exists()
    assert deal.timeline.filter(text__endswith="Its PSA takes no staffing requests.").exists()


def test_templates_are_written_down_once(firm: Firm) -> None:
    agreed_templates.write_down(now=firm.now)
    agree(firm, FIXED, HALVES)
    agreed_templates.write_down(now=firm.now)
    kept = PolicyVersion.objects.filter(subject__startswith=agreed_templates.KIND)
    assert kept.count() == len(SHIPPED) + 1


def test_nobody_agrees_on_shares_that_are_not_the_whole(firm: Firm) -> None:
    halves = [dict(one) for one in HALVES["milestones"]]
    halves[0]["share"] = "49.98"
    with pytest.raises(BadPolicy, match="make 100 together"):
        agree(firm, FIXED, {**HALVES, "milestones": halves})
