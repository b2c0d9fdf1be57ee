"""Credit and re-bill: time corrected after invoicing is credited in a real ERP, and billed anew."""

from __future__ import annotations

from decimal import Decimal

from controltower.transactions.models import Transaction, TransactionState
from tests.journeys.tower import Tower

VERIFIED = TransactionState.VERIFIED
CREDIT = "credit-and-rebill"


def test_time_corrected_after_invoicing_is_credited_and_billed_anew(tower: Tower) -> None:
    """With the ERP down in the middle, and losing an answer once it is back."""
    deal = tower.set_up(amount="30000.00")
    project = deal.steps.get(name="project").ref
    wrong = tower.org.control.do("approve_time", project=project, hours="40")
    billed = tower.until(tower.billing_of(str(wrong["number"])), VERIFIED)
    (invoice,) = tower.erp.invoices(billed.reference)
    right = tower.org.control.do("correct_time", timecard=wrong["timecard"], hours="30")
    tower.stand_through(tower.erp.control, "tryton")
    tower.erp.once("commit_then_drop", "write account.invoice create")
    credit = tower.until(tower.of("approved work", str(right["number"]), CREDIT), VERIFIED)
    anew = tower.until(tower.billing_of(str(right["rebilled"])), VERIFIED)
    (note,) = tower.erp.invoices(credit.reference)
    assert (note["state"], Decimal(note["untaxed"])) == ("posted", -Decimal(invoice["untaxed"]))
    assert credit.amount == -billed.amount
    (again,) = tower.erp.invoices(anew.reference)
    assert Decimal(again["untaxed"]) * 4 == Decimal(invoice["untaxed"]) * 3
    assert credit.correlation_id == deal.correlation_id
    shown = credit.steps.get(name="status").values
    assert (shown["billed"], shown["invoice_number"]) == (True, note["number"])
    (untouched,) = tower.erp.invoices(billed.reference)
    assert untouched == invoice
    papers = (Decimal(paper["untaxed"]) for paper in (invoice, note, again))
    assert sum(papers) == billed.amount + credit.amount + anew.amount


def test_time_that_is_taken_back_twice_is_credited_once(tower: Tower) -> None:
    deal = tower.set_up(amount="30000.00")
    project = deal.steps.get(name="project").ref
    wrong = tower.org.control.do("approve_time", project=project, hours="8")
    tower.until(tower.billing_of(str(wrong["number"])), VERIFIED)
    taken = [tower.org.control.do("correct_time", timecard=wrong["timecard"]) for _ in range(2)]
    both = [tower.of("approved work", str(one["number"]), CREDIT) for one in taken]

    def one_of_two() -> bool:
        tower.impatient()
        states = Transaction.objects.filter(pk__in=[one.pk for one in both])
        stuck = Transaction.objects.stuck().filter(pk__in=states.values("pk"))
        return states.filter(state=VERIFIED).count() == 1 and stuck.count() == 1

    tower.play(one_of_two)
    (stuck,) = Transaction.objects.stuck().filter(pk__in=[one.pk for one in both])
    step = tower.stuck(stuck)
    assert (step.name, "only 0.00 is left to be credited" in step.text) == ("draft", True)
