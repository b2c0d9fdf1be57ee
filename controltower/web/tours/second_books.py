"""The companies whose sales ledgers are in other ERPs: their invoices, cash and revenue live
there."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from controltower.transactions.models import Expectation, Transaction, TransactionState
from controltower.web.tours.erp_books import ErpBooks
from controltower.web.tours.stage import Lines, Stage
from controltower.web.tours.walk import TourFailed

FIXED_PRICE = Decimal("48200.01")


@dataclass(frozen=True)
class Elsewhere:
    """A company with its own books, one of its clients, and where its people tell their time."""

    company: str
    client: str
    psa: str


BRITISH, AMERICAN = Elsewhere("LF-UK", "OTT", "salesforce"), Elsewhere("LF-US", "COP", "kantata")


def play(stage: Stage) -> Lines:
    """A deal of each company becomes one invoice in its own ERP and in no other, whose client pays
    there; a fixed price is recognised there, where the PSA knows what was delivered. Raises
    TourFailed."""
    for one in (BRITISH, AMERICAN):
        yield from _sold(stage, one)
    yield from recognised(stage, BRITISH.company, BRITISH.client)


def _sold(stage: Stage, one: Elsewhere) -> Lines:
    walk, company = stage.walk, one.company
    sold = stage.doors["salesforce"].do(
        "close_deal", entity=company, client=one.client, amount="24000.00",
        billing="Time and materials", grouping="Project",
    )  # fmt: skip
    yield walk.tell("CRM", f"A deal of {company} is won: {sold['name']}", sold["opportunity"])
    deal = walk.until_over("opportunity", str(sold["opportunity"]), "opportunity-to-project")
    project = deal.steps.get(name="project").ref
    stage.doors[one.psa].do("approve_time", project=project, hours="12.5")
    yield walk.tell("PSA", "Time approved: 12.5 hours", project)
    billed = walk.until_over("project", project, "time-and-expense-to-billing")
    yield from walk.steps(billed)
    erp = _erp_of(billed, "draft")
    invoices = [
        (name, row)
        for name, row in ErpBooks(stage.doors).booked()
        if row["reference"] == billed.reference
    ]
    if [name for name, _row in invoices] != [erp]:
        raise TourFailed(f"{billed.reference} belongs in {erp} once, and is in {invoices}.")
    ((_, invoice),) = invoices
    yield stage.agree(
        f"Invoice {invoice['number']} of {company}, in {erp} alone",
        billed.amount, Decimal(invoice["untaxed"]),
    )  # fmt: skip
    if invoice["state"] != "paid":
        ErpBooks(stage.doors).pay(erp, invoice)
    yield walk.tell("ERP", f"The client paid {invoice['number']} in {erp}")
    applied = Expectation.objects.filter(
        milestone="cash-applied", about=billed.reference, met_at__isnull=False
    )
    walk.until(applied.exists, "The cash milestone")
    yield walk.tell("Tower", f"Cash applied, as {erp} told")


def recognised(stage: Stage, company: str, client: str) -> Lines:
    """Milestones of a fixed price that are reached are revenue in the ledger of the company, and in
    the PSA's schedule. Raises TourFailed."""
    psa = stage.doors["salesforce"]
    sold = psa.do(
        "close_deal", entity=company, client=client, billing="Fixed fee", amount=str(FIXED_PRICE)
    )
    told = f"A fixed price is sold: {sold['name']}, {FIXED_PRICE:,} {sold['currency']}"
    yield stage.walk.tell("CRM", told)
    deal = stage.walk.until_over("opportunity", str(sold["opportunity"]), "opportunity-to-project")
    project = deal.steps.get(name="project").ref
    for _ in range(3):
        reached = psa.do("approve_milestone", project=project)
        yield stage.walk.tell("PSA", f"Milestone reached: {reached['name']}", reached["milestone"])

    def in_the_ledgers() -> Decimal:
        months = ErpBooks(stage.doors).revenue()
        mine = (one["amount"] for one in months if one["project"] == project)
        return sum(map(Decimal, mine), Decimal(0))

    stage.walk.until(lambda: in_the_ledgers() == FIXED_PRICE, "The revenue of all three milestones")
    months = Transaction.objects.filter(process="revenue-recognition", keys__value=project)

    def all_over() -> bool:
        return not months.exclude(state=TransactionState.VERIFIED).exists()

    stage.walk.until(all_over, "The PSA's schedule")
    last = months.order_by("ended_at").last()
    assert last is not None
    yield from stage.walk.steps(last)
    shown = Decimal(str(last.steps.get(name="schedule").values["recognised"]))
    ledger = f"the ledger in {_erp_of(last, 'post')}"
    yield stage.agree(f"Revenue of a fixed price, PSA and {ledger}", shown, in_the_ledgers())


def _erp_of(one: Transaction, step: str) -> str:
    """In which ERP a transaction is booked."""
    system = one.steps.get(name=step).system
    assert system is not None
    return system.slug
