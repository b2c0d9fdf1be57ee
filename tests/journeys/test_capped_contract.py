"""A capped contract: invoices carry no more than its cap, and the rest waits for a decision."""

from __future__ import annotations

from decimal import Decimal

from django.utils import timezone

from controltower.incidents import settling
from controltower.systems.models import Circuit, System
from controltower.transactions.models import Expectation, Transaction, TransactionState
from tests.integrations.conftest import running_town, town
from tests.integrations.doors import ControlDoor
from tests.journeys.test_contract_in_docusign import deliver, docusign
from tests.journeys.test_project_change import CHANGE
from tests.journeys.tower import BILLING, Tower

__all__ = ["docusign", "running_town", "town"]
VERIFIED = TransactionState.VERIFIED


def capped(tower: Tower, account: ControlDoor, cap: str) -> Transaction:
    """A deal whose contract the client has signed, with a cap."""
    deal, _envelope = signed(tower, account, cap)
    return deal


def signed(tower: Tower, account: ControlDoor, cap: str) -> tuple[Transaction, str]:
    """The deal, and the envelope that the tower has been told of."""
    deal = tower.set_up(amount="48200.00")
    envelope = account.do(
        "sign", opportunity_id=deal.subject["source_id"], legal_entity="LF-DE", currency="EUR",
        contract_value="48200.00", cap=cap,
    )  # fmt: skip
    known = Expectation.objects.filter(
        correlation_id=deal.correlation_id, milestone="contract-signed", met_at__isnull=False
    )

    def met() -> bool:
        tower.impatient()
        return known.exists()

    tower.play(met)
    return deal, str(envelope["id"])


def left_out_of(tower: Tower, bill: Transaction) -> Transaction:
    """What stands for the work that an invoice has left out."""
    found = Transaction.objects.filter(items__record__left_out_of=bill.reference)
    tower.play(found.exists)
    return found.get()


def books(tower: Tower, deal: Transaction) -> tuple[Decimal, Decimal]:
    """What the ERP has posted for a deal's project and what the PSA knows as billed, untaxed."""
    bills = list(
        Transaction.objects.filter(correlation_id=deal.correlation_id, process=BILLING)
        .exclude(steps__name="post", steps__state__in=["cancelled", "planned", "skipped"])
        .distinct()
    )
    posted = [one for bill in bills for one in tower.erp.invoices(bill.reference)]
    assert {one["state"] for one in posted} == {"posted"}
    told = [bill.steps.get(name="billing-event").values["amount"] for bill in bills]
    nothing = Decimal(0)
    return sum((Decimal(one["untaxed"]) for one in posted), nothing), sum(
        map(Decimal, told), nothing
    )


def test_work_above_the_cap_is_billed_once_a_change_order_raises_it(
    tower: Tower, docusign: ControlDoor
) -> None:
    """With the ERP losing its answer in the middle, and down while the rest is billed."""
    deal = capped(tower, docusign, cap="5000.01")
    tower.erp.once("commit_then_drop", "write account.invoice create")
    bill = tower.until(tower.billing_of(tower.approve_time(deal, hours="60")), VERIFIED)
    assert bill.amount == Decimal("5000.01")
    assert books(tower, deal) == (Decimal("5000.01"), Decimal("5000.01"))
    rest = left_out_of(tower, bill)
    step = tower.stuck(rest)
    assert (step.name, step.field) == ("check", "cap")
    worked = bill.amount + rest.amount
    tower.erp.control.order("down")
    project = deal.steps.get(name="project").ref
    tower.org.control.do("agree_change", project=project, amount="20000.00")

    def resting() -> bool:
        tower.impatient()
        return System.objects.get(slug="tryton").circuit == Circuit.OPEN

    tower.play(resting)
    tower.erp.control.clear()
    tower.until(rest, VERIFIED)
    assert books(tower, deal) == (worked, worked)


def test_a_cap_that_cannot_be_read_bills_nothing_until_it_is_corrected(
    tower: Tower, docusign: ControlDoor
) -> None:
    deal, envelope = signed(tower, docusign, cap="about 5k")
    bill = tower.billing_of(tower.approve_time(deal, hours="60"))
    step = tower.stuck(bill)
    assert (step.name, step.field) == ("check", "terms")
    docusign.do("correct", id=envelope, cap="5000.01")
    docusign.do("repeat", id=envelope)
    assert deliver(docusign.sent()[-1]).status_code == 202
    tower.until(bill, VERIFIED)
    assert books(tower, deal) == (Decimal("5000.01"), Decimal("5000.01"))


def test_work_above_the_cap_that_is_written_off_becomes_cost(
    tower: Tower, docusign: ControlDoor
) -> None:
    deal = capped(tower, docusign, cap="1000.00")
    bill = tower.until(tower.billing_of(tower.approve_time(deal, hours="20")), VERIFIED)
    rest = left_out_of(tower, bill)
    tower.stuck(rest)
    settling.settle(
        transactions=[rest], reason="We had promised it.", by=tower.person("anna.lindqvist"),
        now=timezone.now(), discard=True,
    )  # fmt: skip
    cost = tower.of("project", deal.steps.get(name="project").ref, "time-to-cost-reporting")
    tower.until(cost, VERIFIED)
    assert cost.amount == rest.amount
    assert books(tower, deal) == (Decimal(1000), Decimal(1000))


def test_a_change_order_taken_back_lowers_the_cap_and_names_what_was_billed_above(
    tower: Tower, docusign: ControlDoor
) -> None:
    """Contract, forecast and cap follow; approving it again ends it."""
    deal = capped(tower, docusign, cap="5000.00")
    project = deal.steps.get(name="project").ref
    agreed = tower.org.control.do("agree_change", project=project, amount="20000.00")
    change = tower.of("change order", str(agreed["number"]), CHANGE)
    tower.until(change, VERIFIED)
    bill = tower.until(tower.billing_of(tower.approve_time(deal, hours="60")), VERIFIED)
    assert bill.amount > 5000
    tower.correct("pse__Budget__c", str(agreed["change_order"]), pse__Approved__c=False)
    changes = Transaction.objects.filter(process=CHANGE, keys__value=str(agreed["number"]))
    tower.play(lambda: changes.exclude(pk=change.pk).exists())
    back = changes.exclude(pk=change.pk).get()
    assert tower.stuck(back).field == "billed_above"
    assert back.amount == bill.amount - 5000
    budget = back.steps.get(name="contract").values
    assert Decimal(str(budget["contract_value"])) == Decimal("48200.00")
    parts = back.steps.filter(entity="revenue_part")
    assert {Decimal(str(part.values["amount"])) for part in parts} == {Decimal(0)}
    told = change.steps.filter(entity="revenue_part").values_list("ref", flat=True)
    assert set(parts.values_list("ref", flat=True)) == set(told)
    tower.correct("pse__Budget__c", str(agreed["change_order"]), pse__Approved__c=True)
    tower.play(lambda: changes.filter(state=VERIFIED).count() == 2)
    tower.until(back, TransactionState.SUPERSEDED)
