"""The main job: a won deal becomes a project, approved work becomes one posted invoice."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from controltower.firm.models import LegalEntity
from controltower.incidents import triage
from controltower.processes.project_templates import SHIPPED
from controltower.transactions.models import Transaction, TransactionState
from tests.journeys.tower import BILLING, DEAL, Tower

VERIFIED = TransactionState.VERIFIED


@pytest.mark.parametrize("entity", ["LF-DE", "LF-UK", "LF-US"])
def test_time_becomes_one_posted_invoice_in_the_right_company(tower: Tower, entity: str) -> None:
    deal = tower.set_up(entity=entity)
    billing = tower.until(tower.billing_of(tower.approve_time(deal, hours="36.5")), VERIFIED)
    (invoice,) = tower.erp.invoices(billing.reference)
    assert invoice["state"] == "posted"
    assert invoice["company"] == entity
    assert Decimal(invoice["untaxed"]) == billing.amount.quantize(Decimal("0.01"))
    assert billing.correlation_id == deal.correlation_id


def test_the_deal_carries_its_links_though_both_its_systems_were_down(tower: Tower) -> None:
    deal = tower.of("opportunity", tower.win(amount="48200.01"), "opportunity-to-project")
    tower.stand_through(tower.erp.control, "tryton")
    tower.stand_through(tower.org.control, "certinia")
    tower.until(deal, VERIFIED)
    (project,) = [
        row for row in tower.org.control.books("pse__Proj__c")
        if row["pse__Opportunity__c"] == deal.subject["source_id"]
    ]  # fmt: skip
    assert Decimal(project["Contract_Value__c"]) == deal.amount == Decimal("48200.01")
    link = deal.steps.get(name="link")
    assert link.values["project_id"] == deal.steps.get(name="project").ref
    assert link.values["erp_customer_code"]


def test_a_fixed_fee_bills_its_milestones_to_the_cent(tower: Tower) -> None:
    deal = tower.set_up(billing="Fixed fee", amount="100000.01")
    steps = deal.steps.filter(name__startswith="milestone-").order_by("position")
    parts = [Decimal(step.sent["amount"]) for step in steps]
    assert sum(parts) == Decimal("100000.01")
    done = tower.org.control.do("approve_milestone", milestone=steps[0].ref)
    billing = tower.of("project", deal.steps.get(name="project").ref, "time-and-expense-to-billing")
    tower.until(billing, VERIFIED)
    (invoice,) = tower.erp.invoices(billing.reference)
    assert Decimal(invoice["untaxed"]) == parts[0], done


def test_a_project_is_set_up_and_staff_asked_for_though_the_psa_was_down(tower: Tower) -> None:
    """Down once the project is there: what is left of its template follows, each part once."""
    deal = tower.of("opportunity", tower.win(billing="Fixed fee", amount="90000.01"), DEAL)
    tower.play(lambda: deal.steps.filter(name="project", state="verified").exists())
    tower.stand_through(tower.org.control, "certinia")
    tower.until(deal, VERIFIED)
    project, template = deal.steps.get(name="project").ref, "Implementation fixed fee"
    requests = [
        row for row in tower.org.control.books("pse__Resource_Request__c")
        if row["pse__Project__c"] == project
    ]  # fmt: skip
    asked = {
        row["pse__Resource_Role__c"]: Decimal(str(row["pse__SOW_Hours__c"])) for row in requests
    }
    agreed = {one["name"]: Decimal(one["hours"]) for one in SHIPPED[template]["roles"]}
    assert (len(requests), asked) == (len(agreed), agreed)
    (row,) = [one for one in tower.org.control.books("pse__Proj__c") if one["Id"] == project]
    assert row["Project_Template__c"] == template
    latest = deal.steps.order_by("done_at").last()
    assert latest is not None
    assert latest.name == "link"


def test_time_and_expense_of_one_project_are_one_invoice(tower: Tower) -> None:
    deal = tower.set_up()
    project = deal.steps.get(name="project").ref
    number = tower.approve_time(deal, hours="8")
    expense = tower.org.control.do("approve_expense", project=project, amount="120.55")
    billing = tower.until(tower.billing_of(number), VERIFIED)
    assert billing.keys.filter(value=expense["number"]).exists()
    assert len(tower.erp.invoices(billing.reference)) == 1


def test_any_business_key_finds_the_whole_journey(tower: Tower) -> None:
    deal = tower.set_up()
    billing = tower.until(tower.billing_of(tower.approve_time(deal, hours="8")), VERIFIED)
    (invoice,) = tower.erp.invoices(billing.reference)
    project = deal.steps.get(name="project").ref
    for value in (invoice["number"], project):
        found = Transaction.objects.filter(keys__value=value)
        assert deal.correlation_id in {row.correlation_id for row in found}, value


def test_work_nobody_pays_for_becomes_cost(tower: Tower) -> None:
    deal = tower.set_up()
    number = tower.approve_time(deal, hours="4", billable=False)
    cost = tower.until(tower.of("approved work", number, "time-to-cost-reporting"), VERIFIED)
    assert cost.steps.get(name="record").values["period"]


def test_the_invoiced_work_is_marked_in_the_psa(tower: Tower) -> None:
    deal = tower.set_up()
    billing = tower.until(tower.billing_of(tower.approve_time(deal, hours="8")), VERIFIED)
    (invoice,) = tower.erp.invoices(billing.reference)
    assert billing.steps.get(name="status").values["invoice_number"] == invoice["number"]


def test_an_approval_that_is_withdrawn_is_not_billed_until_it_is_given_again(tower: Tower) -> None:
    deal = tower.set_up()
    project = deal.steps.get(name="project").ref
    LegalEntity.objects.update(gather_for=timedelta(hours=1))
    expense = tower.org.control.do("approve_expense", project=project, amount="120.55")
    withdrawn = tower.billing_of(expense["number"])
    tower.correct("pse__Expense__c", expense["expense"], pse__Approved__c=False)
    tower.until(withdrawn, TransactionState.SUPERSEDED)
    LegalEntity.objects.update(gather_for=timedelta(seconds=0.2))
    tower.correct("pse__Expense__c", expense["expense"], pse__Approved__c=True)
    again = Transaction.objects.filter(
        process=BILLING, keys__value=expense["number"], state=TransactionState.VERIFIED
    )
    tower.play(again.exists)
    assert again.get().amount == Decimal("120.55")


def test_a_billed_milestone_whose_approval_is_taken_back_is_credited_by_decision(
    tower: Tower,
) -> None:
    deal = tower.set_up(billing="Fixed fee", amount="100000.01")
    milestone = deal.steps.get(name="milestone-1").ref
    tower.org.control.do("approve_milestone", milestone=milestone)
    billing = tower.of("project", deal.steps.get(name="project").ref, BILLING)
    tower.until(billing, VERIFIED)
    tower.correct("pse__Milestone__c", milestone, pse__Approved_for_Billing__c=False)
    back = tower.of("project", deal.steps.get(name="project").ref, "credit-and-rebill")
    assert tower.stuck(back).field == "approval"
    triage.decide(
        transaction=back,
        decision="credit",
        by=tower.person("anna.lindqvist"),
        reason="Never done.",
        now=timezone.now(),
    )
    tower.until(back, VERIFIED)
    (credit,) = tower.erp.invoices(back.reference)
    assert credit["state"] == "posted"
    assert Decimal(credit["untaxed"]) == -billing.amount.quantize(Decimal("0.01"))
