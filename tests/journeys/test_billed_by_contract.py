"""Two projects of one contract, billed together at the month's end, though the PSA was down."""

from __future__ import annotations

from decimal import Decimal

from django.utils import timezone

from controltower.transactions import gathering
from controltower.transactions.models import TransactionState
from tests.journeys.tower import Tower

GROUPING = {"Billing_Grouping__c": "Contract"}


def test_two_projects_of_a_contract_are_one_posted_invoice(tower: Tower) -> None:
    """The second project is put under the first one's contract by hand, as firms do in the PSA."""
    deal, other = tower.set_up(grouping="Contract"), tower.set_up()
    second = other.steps.get(name="project").ref
    under = {"Tower_Correlation_Id__c": deal.correlation_id, **GROUPING}
    tower.correct("pse__Proj__c", second, **under)
    numbers = [tower.approve_time(deal, hours="8"), tower.approve_time(other, hours="12.5")]
    billing = tower.billing_of(numbers[0])
    assert tower.billing_of(numbers[1]) == billing
    controller = tower.person("anna.lindqvist")
    assert gathering.bill_now(transaction=billing, by=controller, now=timezone.now())
    tower.stand_through(tower.org.control, "certinia")
    tower.until(billing, TransactionState.VERIFIED)
    assert billing.correlation_id == deal.correlation_id
    (invoice,) = tower.erp.invoices(billing.reference)
    work = [row for row in tower.org.control.books("pse__Timecard__c") if row["Name"] in numbers]
    assert {row["pse__Project__c"] for row in work} == {deal.steps.get(name="project").ref, second}
    assert {row["pse__Invoice_Number__c"] for row in work} == {invoice["number"]}
    worth = sum(Decimal(str(row["pse__Total_Billable_Amount__c"])) for row in work)
    assert Decimal(invoice["untaxed"]) == worth == billing.amount
