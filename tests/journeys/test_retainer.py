"""A retainer: its fee is billed each month, once; what it covers is not; what is above it is."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from controltower.systems.models import Circuit, System
from controltower.transactions.models import Transaction, TransactionState
from tests.integrations.conftest import running_town, town
from tests.integrations.doors import ControlDoor
from tests.journeys.test_contract_in_docusign import docusign
from tests.journeys.tower import Tower

__all__ = ["docusign", "running_town", "town"]
VERIFIED = TransactionState.VERIFIED
FEE = Decimal("6000.01")


def retained(tower: Tower, account: ControlDoor) -> Transaction:
    """A deal whose contract has 40 hours a month, from the last month on."""
    deal = tower.set_up(amount="72000.00")
    start = (date.today().replace(day=1) - timedelta(days=1)).replace(day=1)  # noqa: DTZ011
    account.do(
        "sign", opportunity_id=deal.subject["source_id"], legal_entity="LF-DE", currency="EUR",
        contract_value="72000.00", contract_number=f"C-{deal.reference}", retainer=str(FEE),
        retainer_hours="40", retainer_billed="Advance", retainer_above="bill",
        retainer_unused="expire", starts_on=start.isoformat(),
    )  # fmt: skip
    return deal


def fees(deal: Transaction) -> list[Transaction]:
    found = Transaction.objects.filter(
        correlation_id=deal.correlation_id, items__record__has_key="retainer_month"
    )
    return list(found.order_by("month"))


def approved(tower: Tower, deal: Transaction, hours: str) -> dict[str, Any]:
    project = deal.steps.get(name="project").ref
    return tower.org.control.do("approve_time", project=project, hours=hours)


def posted(tower: Tower, deal: Transaction) -> Decimal:
    """What the ERP has posted of a deal's chain, without tax."""
    chain = Transaction.objects.filter(correlation_id=deal.correlation_id)
    papers = [paper for one in chain for paper in tower.erp.invoices(one.reference)]
    assert {paper["state"] for paper in papers} == {"posted"}
    return sum((Decimal(paper["untaxed"]) for paper in papers), Decimal(0))


def test_a_month_is_billed_once_and_work_inside_is_covered(
    tower: Tower, docusign: ControlDoor
) -> None:
    """With the ERP losing an answer, and down while the work above is billed; then covered time
    turns out to be wrong, after its month was billed."""
    deal = retained(tower, docusign)
    tower.erp.once("commit_then_drop", "write account.invoice create")
    _both_months_are_billed(tower, deal)
    inside = approved(tower, deal, "30")
    covered = tower.until(tower.billing_of(str(inside["number"])), VERIFIED)
    assert covered.amount == 0
    assert not tower.erp.invoices(covered.reference)
    status = covered.steps.get(name="status").sent
    assert status["invoice_number"].startswith("Covered by retainer ")
    half = approved(tower, deal, "20")
    crossing = _billed_after_a_fall(tower, str(half["number"]))
    work = Decimal(crossing.items.get().record["amount"])
    assert crossing.amount == work / 2
    assert posted(tower, deal) == 2 * FEE + work / 2
    _is_corrected(tower, inside)
    more = tower.until(tower.billing_of(str(approved(tower, deal, "20")["number"])), VERIFIED)
    assert more.amount == 0
    assert posted(tower, deal) == 2 * FEE + work / 2
    assert len(fees(deal)) == 2
    _is_credited(tower, half, work / 2)
    assert posted(tower, deal) == 2 * FEE


def _both_months_are_billed(tower: Tower, deal: Transaction) -> None:
    def both_billed() -> bool:
        tower.impatient()
        return [one.state for one in fees(deal)] == [VERIFIED, VERIFIED]

    tower.play(both_billed)
    assert [one.amount for one in fees(deal)] == [FEE, FEE]
    assert posted(tower, deal) == 2 * FEE


def _billed_after_a_fall(tower: Tower, number: str) -> Transaction:
    """The invoice of approved work, whose ERP was away meanwhile."""
    tower.erp.control.order("down")
    billing = tower.billing_of(number)

    def resting() -> bool:
        tower.impatient()
        return System.objects.get(slug="tryton").circuit == Circuit.OPEN

    tower.play(resting)
    tower.erp.control.clear()
    return tower.until(billing, VERIFIED)


def _is_corrected(tower: Tower, work: dict[str, Any]) -> None:
    """Covered hours turn out to be 10: neither what is taken back nor what is right is billed."""
    right = tower.org.control.do("correct_time", timecard=work["timecard"], hours="10")
    back = tower.of("approved work", str(right["number"]), "credit-and-rebill")
    again = tower.billing_of(str(right["rebilled"]))
    assert not any(tower.until(one, VERIFIED).amount for one in (back, again))


def _is_credited(tower: Tower, work: dict[str, Any], billed: Decimal) -> None:
    """Time of which a part was billed turns out to be wrong: the PSA shows that much credited."""
    taken = tower.org.control.do("correct_time", timecard=work["timecard"])
    back = tower.of("approved work", str(taken["number"]), "credit-and-rebill")
    assert tower.until(back, VERIFIED).amount == -billed
    (note,) = tower.erp.invoices(back.reference)
    cards = {card["Id"]: card for card in tower.org.control.books("pse__Timecard__c")}
    shown = cards[taken["correction"]]
    assert shown["pse__Invoice_Number__c"] == note["number"]
    assert Decimal(str(shown["Invoiced_Amount__c"])) == Decimal(note["untaxed"]) == -billed
    assert Decimal(str(shown["pse__Total_Billable_Amount__c"])) == -2 * billed
