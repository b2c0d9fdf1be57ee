"""What is bought, paid to people and told of: the same in every system that holds it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from controltower.processes import catalogue
from controltower.transactions.models import Step, Transaction
from controltower.transactions.publishing import FIGURES, SUBSCRIBERS
from controltower.web.tours import tower_books
from controltower.web.tours.comparing import Comparison, Ledger, Place
from controltower.web.tours.erp_books import BOOKED
from controltower.web.tours.psa_books import CertiniaBooks, KantataBooks, PsaBooks, number
from controltower.web.tours.walk import Door

SPEND, PAYROLL = "spend-to-project-cost", "payroll-to-cost-reporting"
PAY_INPUT, HOURS = "hours-to-payroll", "hours"
_LINES = {"invoice": "invoice-lines", "report": "expense-lines"}


@dataclass(frozen=True)
class CostTotals:
    """From the purchase and the payroll to the figures. `doors` are the sandbox systems'."""

    doors: Mapping[str, Door]

    def comparisons(self) -> Iterator[Comparison]:
        """All of them, each matter with both its sides."""
        yield from self._spend()
        yield self._payrolls()
        yield self._pay_inputs()
        yield self._people()
        yield from self._facts()

    def _spend(self) -> Iterator[Comparison]:
        """What was approved for projects: gross in the ERP, net on the projects."""
        gross, net = (Ledger(), Ledger()), (Ledger(), Ledger())
        for name, place, worth, tax in self._bought():
            gross[0].add(name, place, worth + tax)
            net[0].add(name, place, worth)
        for row in self.doors["tryton"].books("invoices", type="in"):
            if row["state"] in BOOKED:
                place = Place(row["company"], row["currency"])
                gross[1].add(row["reference"], place, number(row["total"]))
        psas: tuple[PsaBooks, ...] = (
            CertiniaBooks(self.doors["salesforce"]), KantataBooks(self.doors["kantata"]),
        )  # fmt: skip
        for psa in psas:
            for name, place, worth in psa.bought():
                net[1].add(name, place, worth)
        stuck = tower_books.stuck(Transaction.objects.filter(process=SPEND))
        yield Comparison("Purchases, gross", ("spend system", "ERP"), *gross, stuck)
        yield Comparison("Cost of projects", ("spend system", "PSA"), *net, stuck)

    def _bought(self) -> Iterator[tuple[str, Place, Decimal, Decimal]]:
        """Purchases for projects, net and tax, by our references where the tower has them."""
        known = {
            one.subject["source_id"]: one.reference
            for one in Transaction.objects.filter(process=SPEND)
        }
        for kind, member in _LINES.items():
            for row in self.doors["coupa"].books(kind):
                (line,) = row[member]
                if line["custom-fields"]["project"]:
                    name = f"{kind}-{row['id']}"
                    company = line["account"]["account-type"]["name"]
                    place = Place(company, row["currency"]["code"])
                    worth = number(line.get("total") or line.get("amount"))
                    yield known.get(name, name), place, worth, number(row["tax-amount"])

    def _payrolls(self) -> Comparison:
        paid, recorded = Ledger(), Ledger()
        for row in self.doors["payroll"].books("output"):
            cost = row["totalCostAmount"]
            place = Place(row["payrollGroupCode"]["codeValue"], cost["currencyCode"])
            paid.add(row["itemID"], place, number(cost["amountValue"]))
        records = Step.objects.filter(name="record", state="verified", transaction__process=PAYROLL)
        for step in records.select_related("transaction__entity"):
            one = step.transaction
            parts = (number(worth) for name, worth in step.values.items() if name != "period")
            name, place = str(one.subject["number"]), tower_books.place_of(one)
            recorded.add(name, place, sum(parts, Decimal(0)))
        open_ = tower_books.excuses("payroll")
        return Comparison("Payrolls", ("payroll", "tower"), paid, recorded, open_)

    def _pay_inputs(self) -> Comparison:
        """Approved hours by our reference, as they were handed in and as payroll has taken them."""
        handed, taken = Ledger(), Ledger()
        steps = Step.objects.filter(name="submit", state="verified", transaction__process=PAY_INPUT)
        for one in (step.transaction for step in steps.select_related("transaction")):
            place = Place(str(one.subject["entity"]), HOURS)
            handed.add(one.reference, place, number(one.subject["hours"]))
        for row in self.doors["payroll"].books("input"):
            (payee,) = row["payeePayInputs"]
            (pay,) = payee["payrollProfilePayInputs"][0]["payInputs"]
            place = Place(row["payrollGroupCode"]["codeValue"], HOURS)
            worked = number(pay["earningInputs"][0]["numberOfHours"])
            taken.add(row["payrollProcessingJobID"], place, worked)
        open_ = tower_books.stuck(Transaction.objects.filter(process=PAY_INPUT))
        return Comparison("Approved hours", ("tower", "payroll"), handed, taken, open_)

    def _people(self) -> Comparison:
        """By their numbers, each at what an hour costs."""
        employed, staffed = Ledger(), Ledger()
        for number_, place, cost in (*self._in_workday(), *self._in_bamboohr()):
            employed.add(number_, place, cost)
        for row in self.doors["salesforce"].books("Contact"):
            if row["pse__Is_Resource__c"] and not row["pse__Last_Date__c"]:
                place = Place(row["Legal_Entity__c"], row["CurrencyIsoCode"])
                staffed.add(row["Tower_External_Id__c"], place, number(row["Cost_Rate__c"]))
        open_ = tower_books.excuses("employee number")
        return Comparison("People, an hour", ("HR systems", "PSA"), employed, staffed, open_)

    def _in_workday(self) -> Iterator[tuple[str, Place, Decimal]]:
        for row in self.doors["workday"].books("worker"):
            if row["Worker_Status"] == "Active":
                place = Place(row["Company"], row["Cost_Currency"])
                yield row["Employee_ID"], place, number(row["Cost_Rate"])

    def _in_bamboohr(self) -> Iterator[tuple[str, Place, Decimal]]:
        for row in self.doors["bamboohr"].books("employee"):
            if row["status"] == "Active" and row.get("customLegalEntity"):
                cost = row["customCostRate"]
                place = Place(row["customLegalEntity"], cost["currency"])
                yield row["employeeNumber"], place, number(cost["value"])

    def _facts(self) -> Iterator[Comparison]:
        """What is verified, as the warehouse and the broker hold it."""
        loaded, told = Ledger(), Ledger()
        for row in self.doors["snowflake"].books("facts"):
            loaded.add(row["reference"], _place(row), number(row["amount"]))
        for event in self.doors["event_broker"].books("events"):
            told.add(event["id"], _place(event["data"]), number(event["data"]["amount"]))
        for title, side, audience, held in (
            ("Facts in the warehouse", "warehouse", FIGURES, loaded),
            ("Events told", "broker", SUBSCRIBERS, told),
        ):
            telling = [p.name for p in catalogue.PROCESSES if audience.type in p.starts_on]
            stuck = tower_books.stuck(Transaction.objects.filter(process__in=telling), _told_of)
            owed = tower_books.told_to(audience)
            yield Comparison(title, ("tower", side), owed, held, stuck)


def _place(said: Mapping[str, Any]) -> Place:
    return Place(said["entity"], said["currency"])


def _told_of(one: Transaction) -> str:
    return str(one.subject["source_id"])
