"""What is sold, done, billed, paid and earned: the same in every system that holds it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from controltower.processes import retained_work
from controltower.transactions.models import Expectation, Item, Transaction
from controltower.web.tours import tower_books
from controltower.web.tours.comparing import Comparison, Ledger, Place
from controltower.web.tours.erp_books import ErpBooks
from controltower.web.tours.psa_books import CertiniaBooks, KantataBooks, PsaBooks, number
from controltower.web.tours.walk import Door

BILLED = ("time-and-expense-to-billing", "credit-and-rebill")


@dataclass(frozen=True)
class SalesTotals:
    """From the deal to the cash. `doors` are the sandbox systems'."""

    doors: Mapping[str, Door]

    def comparisons(self) -> Iterator[Comparison]:
        """All of them, each matter with both its sides."""
        yield self._deals()
        yield self._contracts()
        yield self._work()
        yield from self._invoices()
        yield self._invoiced()
        yield self._cash()
        yield self._revenue()

    @cached_property
    def _certinia(self) -> CertiniaBooks:
        return CertiniaBooks(self.doors["salesforce"])

    @cached_property
    def _psas(self) -> tuple[PsaBooks, ...]:
        return self._certinia, KantataBooks(self.doors["kantata"])

    @cached_property
    def _sold(self) -> list[dict[str, Any]]:
        """The ERPs' posted invoices and credit notes."""
        return [row for _erp, row in ErpBooks(self.doors).booked()]

    def _deals(self) -> Comparison:
        won, made = Ledger(), Ledger()
        for row in self.doors["salesforce"].books("Opportunity"):
            if row["StageName"] == "Closed Won":
                place = Place(str(row["Legal_Entity__c"] or ""), row["CurrencyIsoCode"])
                won.add(row["Id"], place, number(row["Amount"]))
        for psa in self._psas:
            for project in psa.projects():
                made.add(project.deal, project.place, project.original)
        open_ = tower_books.excuses("opportunity")
        return Comparison("Deals won", ("CRM", "PSA projects"), won, made, open_)

    def _contracts(self) -> Comparison:
        agreed, shown = Ledger(), Ledger()
        for psa in self._psas:
            for project in psa.projects():
                agreed.add(project.name, project.place, project.original + project.changed)
                shown.add(project.name, project.place, project.contract)
        sides = ("original and change orders", "contract value")
        return Comparison("Contracts", sides, agreed, shown, tower_books.excuses("project"))

    def _work(self) -> Comparison:
        approved, known = Ledger(), Ledger()
        for psa in self._psas:
            for name, place, worth in psa.work():
                approved.add(name, place, worth)
        for item in Item.objects.filter(tower_books.IS_WORK, process__in=BILLED):
            name, kind = tower_books.name_of(item.source, item.source_id)
            month = "" if kind == "milestone" else str(item.record["on"])[:7]
            of = item.record["project"] or {}
            place = Place(str(of.get("entity", "")), item.record["currency"], month)
            known.add(name, place, number(item.record["amount"]))
        sides = ("PSA", "tower")
        return Comparison("Approved work", sides, approved, known, tower_books.set_aside())

    def _invoices(self) -> Iterator[Comparison]:
        """Net and tax of what the tower holds as posted, and of all that the ERPs have posted."""
        net, tax = (Ledger(), Ledger()), (Ledger(), Ledger())
        for step in tower_books.posted(BILLED):
            one, on = step.transaction, str(step.values["invoice_date"])
            place = tower_books.place_of(one, on[:7])
            net[0].add(one.reference, place, one.amount)
            tax[0].add(one.reference, place, number(step.values["tax"]))
        for row in self._sold:
            place = Place(row["company"], row["currency"], str(row["date"])[:7])
            name = row["reference"] or f"{row['number']} without a reference"
            net[1].add(name, place, number(row["untaxed"]))
            tax[1].add(name, place, number(row["tax"]))
        sides = ("tower", "ERPs")
        yield Comparison("Invoices and credit notes, net", sides, *net, {})
        yield Comparison("Invoices and credit notes, tax", sides, *tax, {})

    def _invoiced(self) -> Comparison:
        reported, posted = Ledger(), Ledger()
        for psa in self._psas:
            for name, place, worth in psa.invoiced():
                if not name.startswith((retained_work.COVERED, retained_work.ABOVE)):
                    reported.add(name, place, worth)
        stuck = tower_books.stuck(Transaction.objects.filter(process__in=BILLED))
        open_ = {}
        for row in self._sold:
            place = Place(row["company"], row["currency"])
            posted.add(row["number"], place, number(row["untaxed"]))
            if row["reference"] in stuck:
                open_[row["number"]] = stuck[row["reference"]]
        return Comparison("Work invoiced", ("PSA", "ERPs"), reported, posted, open_)

    def _cash(self) -> Comparison:
        paid, applied = Ledger(), Ledger()
        for row in self._sold:
            if row["state"] == "paid":
                place = Place(row["company"], row["currency"])
                paid.add(row["reference"], place, number(row["total"]))
        met = Expectation.objects.filter(milestone="cash-applied", met_at__isnull=False)
        for one in met.select_related("met_by_event"):
            said = one.met_by_event.record if one.met_by_event else {}
            place = Place(said.get("entity", ""), said.get("currency", ""))
            applied.add(one.about, place, number(said.get("total")))
        return Comparison("Cash", ("ERPs", "tower"), paid, applied, {})

    def _revenue(self) -> Comparison:
        """Of what is sold at a fixed price; the rest is earned as it is invoiced."""
        recognised, delivered = Ledger(), Ledger()
        for row in ErpBooks(self.doors).revenue():
            place = self._certinia.place_of(row["project"], row["period"])
            place = place._replace(company=row["company"])
            recognised.add(f"{row['project']} {row['period']}", place, number(row["amount"]))
        for name, place, worth in self._certinia.months():
            delivered.add(name, place, worth)
        stuck = tower_books.stuck(Transaction.objects.filter(process="revenue-recognition"), _month)
        return Comparison("Revenue", ("ERPs", "PSA, delivered"), recognised, delivered, stuck)


def _month(one: Transaction) -> str:
    return f"{one.subject.get('project_id')} {one.subject.get('period')}"
