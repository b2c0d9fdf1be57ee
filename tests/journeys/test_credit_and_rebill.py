"""Credit and re-bill: time corrected after invoicing is credited in the ERP, and billed anew."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from controltower.transactions.models import Transaction, TransactionState
from integrations import catalogue
from integrations.connector import Connection
from tests.integrations.conformance.verdicts import done
from tests.integrations.conftest import running_town, town
from tests.integrations.doors import Town
from tests.journeys.cloud_erp import NEW, cut_over, moved_in, new_books
from tests.journeys.tower import Tower

__all__ = ["new_books", "running_town", "town"]

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


@pytest.mark.parametrize("new_books", NEW, indirect=True)
def test_a_cloud_erp_credits_and_bills_anew(
    tower: Tower, new_books: Connection, town: Town
) -> None:
    """With two of its answers lost after the writes, and its doors shut in between."""
    deal, control = tower.set_up(amount="30000.00", entity="LF-UK"), town.controls[new_books.slug]
    cut_over("LF-UK", new_books.slug)
    moved_in(new_books, deal)
    project = deal.steps.get(name="project").ref
    wrong = tower.org.control.do("approve_time", project=project, hours="40")
    billed = tower.until(tower.billing_of(str(wrong["number"])), VERIFIED)
    control.order("server_error", count=2, operation="write", committed=True)
    control.order("throttle", count=2, operation="read")
    right = tower.org.control.do("correct_time", timecard=wrong["timecard"], hours="30")
    credit = tower.until(tower.of("approved work", str(right["number"]), CREDIT), VERIFIED)
    anew = tower.until(tower.billing_of(str(right["rebilled"])), VERIFIED)
    invoice, again = (shown(new_books, "invoice", one) for one in (billed, anew))
    note = shown(new_books, "credit_note", credit)
    assert note["untaxed"] == -invoice["untaxed"] and credit.amount == -billed.amount
    assert note["total"] == -invoice["total"]
    assert (note["state"], invoice["state"]) == ("paid", "paid"), "one settles the other"
    assert again["untaxed"] * 4 == invoice["untaxed"] * 3
    assert credit.steps.get(name="post").system_id == billed.steps.get(name="post").system_id
    assert credit.steps.get(name="status").values["invoice_number"] == note["number"]


def shown(books: Connection, entity: str, one: Transaction) -> dict[str, Any]:
    """What the ERP has of a transaction, of which there is one."""

    async def found() -> dict[str, Any]:
        connector = catalogue.connect(books.slug, books)
        verdict = await connector.find(entity, {"reference": one.reference, "company": "LF-UK"})
        await connector.close()
        return dict(done(verdict).values)

    return asyncio.run(found())
