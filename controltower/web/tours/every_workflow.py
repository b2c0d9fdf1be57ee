"""Every workflow of the firm, one after the other, each proven in the books of both its sides."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from controltower.transactions import paying
from controltower.transactions.models import Expectation, Transaction, TransactionState
from controltower.transactions.world import entities
from controltower.web.tours import (
    contract_billing,
    customer_data,
    deal_back,
    month_end,
    project_set_up,
    second_books,
)
from controltower.web.tours.erp_books import ErpBooks
from controltower.web.tours.main_job import MainJob
from controltower.web.tours.stage import ONCE, Lines, Stage
from controltower.web.tours.walk import Door, TourFailed, Walk


def cost_reporting(stage: Stage) -> Lines:
    """Hours that nobody pays for are cost."""
    work = stage.doors["salesforce"].do(
        "approve_time", project=stage.job.project, hours="4", billable=False
    )
    yield stage.walk.tell("PSA", f"Internal time approved: {work['number']}", work["timecard"])
    cost = stage.walk.until_over("approved work", work["number"], "time-to-cost-reporting")
    yield from stage.walk.steps(cost)


def contract(stage: Stage) -> Lines:
    """The client signs in DocuSign, and the deal's chain shows it."""
    assert stage.job.setup is not None
    deal = stage.job.setup.subject
    signed = stage.doors["docusign"].do(
        "sign",
        opportunity_id=deal["source_id"],
        legal_entity=deal["entity"],
        currency=deal["currency"],
        contract_value=deal["amount"],
        customer_name=deal["customer_name"],
    )
    yield stage.walk.tell("DocuSign", "The client signed the contract", str(signed["id"]))
    stage.walk.until(stage.reached("contract-signed"), "The signed contract's milestone")
    yield stage.walk.tell("Tower", "Contract signed: expected, and met")


def cash(stage: Stage) -> Lines:
    """The client pays, and the chain ends in cash."""
    billing, erp = stage.job.billing, stage.doors["tryton"]
    assert billing is not None
    (invoice,) = erp.books("invoices", reference=billing.reference)
    if invoice["state"] != "paid":
        erp.do("pay_invoice", number=stage.job.invoice)
    yield stage.walk.tell("ERP", f"The client paid {stage.job.invoice}")
    stage.walk.until(stage.reached("cash-applied", billing.reference), "The cash milestone")
    (invoice,) = erp.books("invoices", reference=billing.reference)
    if invoice["state"] != "paid":
        raise TourFailed(f"The books show {invoice['number']} as {invoice['state']}.")
    yield stage.walk.tell("Tower", "Cash applied: the invoice is paid in the ERP's books")


def spend(stage: Stage) -> Lines:
    """A supplier's invoice for the project is cost in the ERP and the PSA, once."""
    bought = stage.doors["coupa"].do(
        "approve_invoice", project=stage.job.project, entity="LF-DE", amount="1234.57"
    )
    number = str(bought["invoice-number"])
    yield stage.walk.tell("Coupa", f"Supplier invoice approved: {number}", str(bought["id"]))
    cost = stage.walk.until_over("purchase", number, "spend-to-project-cost")
    yield from stage.walk.steps(cost)
    bills = stage.doors["tryton"].books("invoices", type="in", reference=cost.reference)
    if len(bills) != 1:
        raise TourFailed(f"The ERP's books hold {len(bills)} supplier invoices of {number}.")
    total = Decimal(str(bought["gross-total"]))
    yield stage.agree(f"Supplier invoice {number}", total, Decimal(bills[0]["total"]))


def payroll(stage: Stage) -> Lines:
    """What a pay period has cost is in the report by cost centre, and the parts are the whole."""
    paid = Decimal("120000.03")
    number = str(stage.doors["payroll"].do("run_payroll", entity="LF-DE", amount=str(paid))["id"])
    yield stage.walk.tell("Payroll", f"Payroll accepted: {number}")
    cost = stage.walk.until_over("payroll", number, "payroll-to-cost-reporting")
    yield from stage.walk.steps(cost)
    recorded = dict(cost.steps.get(name="record").values)
    recorded.pop("period")
    yield stage.agree(f"Payroll {number}", paid, sum(map(Decimal, recorded.values()), Decimal(0)))


def hours(stage: Stage) -> Lines:
    """Approved hours of a month that is cut off reach payroll once, to the minute."""
    company = entities()["LF-DE"]
    month = next(paying.months_over(company, timezone.now()))
    monday = month + timedelta(days=-month.weekday() % 7)
    work = stage.doors["salesforce"].do(
        "approve_time", project=stage.job.project, hours="21.25", billable="no", week=str(monday)
    )
    yield stage.walk.tell("PSA", f"Time approved: {work['number']}, 21.25 hours", work["timecard"])
    done = stage.walk.until_over("approved work", str(work["number"]), "time-to-cost-reporting")
    worker = str(done.items.get().record["resource_number"])
    handed = stage.walk.until_over("pay input", f"{worker} {month:%Y-%m}", "hours-to-payroll")
    yield from stage.walk.steps(handed)
    taken = [
        one
        for one in stage.doors["payroll"].do("inputs")["inputs"]
        if one["payrollProcessingJobID"] == handed.reference
    ]
    if len(taken) != 1:
        raise TourFailed(f"Payroll has {len(taken)} inputs of {handed.reference}.")
    (pay,) = taken[0]["payeePayInputs"][0]["payrollProfilePayInputs"][0]["payInputs"]
    there = Decimal(pay["earningInputs"][0]["numberOfHours"])
    yield stage.agree(handed.title, Decimal(handed.subject["hours"]), there)
    word = Expectation.objects.filter(milestone="pay-input-processed", set_by=handed)
    stage.walk.until(word.filter(met_at__isnull=False).exists, "The provider's word on it")
    yield stage.walk.tell("Payroll", f"{handed.title} is processed")


def people(stage: Stage) -> Lines:
    """Somebody joins in the HR system and can be staffed in the PSA."""
    joined = yield from _join(stage)
    yield from stage.walk.steps(joined)


def staffing(stage: Stage) -> Lines:
    """Somebody new is put on the project, with the skills and at the rates that HR and PSA agree
    on."""
    joined = yield from _join(stage)
    person = joined.steps.get(name="resource").ref
    door = stage.doors["salesforce"]
    place = str(door.do("staff", project=stage.job.project, person=person)["assignment"])
    yield stage.walk.tell("PSA", "Somebody was put on the project", place)
    placed = stage.walk.until_over("assignment", place, "resource-to-revenue")
    yield from stage.walk.steps(placed)


def _join(stage: Stage) -> Generator[dict[str, Any], None, Transaction]:
    """Somebody new in the HR system, carried over to the PSA."""
    hired = stage.doors["workday"].do("hire", company="LF-DE", role="Analyst")
    worker = str(hired["id"])
    yield stage.walk.tell("Workday", "Somebody joined as analyst", worker)
    return stage.walk.until_over("resource", worker, "resource-master-sync")


def figures(stage: Stage) -> Lines:
    """The dashboards show the invoice, once, as the warehouse holds it."""
    billing = stage.job.billing
    assert billing is not None
    shown = stage.walk.until_over("fact", billing.reference, "facts-to-analytics")
    yield from stage.walk.steps(shown)
    held = stage.doors["snowflake"].do("held", reference=billing.reference)["amounts"]
    if len(held) != 1:
        raise TourFailed(f"The warehouse holds {len(held)} facts of {billing.reference}.")
    yield stage.agree(shown.title, billing.amount, Decimal(held[0]))


def subscribers(stage: Stage) -> Lines:
    """Whoever subscribes has been told of the invoice, once and to the cent."""
    billing = stage.job.billing
    assert billing is not None
    told = stage.walk.until_over("event", billing.reference, "facts-to-subscribers")
    yield from stage.walk.steps(told)
    held = stage.doors["event_broker"].do("held", name="id", value=billing.reference)["events"]
    if [one["type"] for one in held] != ["invoice.posted"]:
        raise TourFailed(f"The broker holds {len(held)} events of {billing.reference}.")
    yield stage.agree(told.title, billing.amount, Decimal(held[0]["data"]["amount"]))


def close(stage: Stage) -> Lines:
    """The billed month is complete, can go first, and is open or closed as the ERP says."""
    assert stage.job.billing is not None
    yield from month_end.play(stage.walk, stage.doors, stage.job.billing)


def workspace(stage: Stage) -> Lines:
    """The project has its folder and its channel."""
    made = stage.walk.until_over("project", stage.job.project, "project-workspace")
    yield from stage.walk.steps(made)


def change(stage: Stage) -> Lines:
    """A change order is in the contract, in the forecast month by month, and on the deal."""
    agreed = stage.doors["salesforce"].do(
        "agree_change", project=stage.job.project, amount="12500.01"
    )
    number = str(agreed["number"])
    yield stage.walk.tell("PSA", f"Change order agreed: {number}, 12,500.01 EUR", number)
    changed = stage.walk.until_over("change order", number, "project-change-to-forecast")
    yield from stage.walk.steps(changed)
    months = changed.steps.filter(name__startswith="forecast-")
    forecast = sum((Decimal(str(one.values["amount"])) for one in months), Decimal(0))
    yield stage.agree(f"Forecast of {number}", Decimal("12500.01"), forecast)


def revenue(stage: Stage) -> Lines:
    """A milestone that is reached is revenue in the ledger, and in the PSA's schedule."""
    yield from second_books.recognised(stage, "LF-DE", ONCE)


WORKFLOWS: Mapping[str, tuple[tuple[str, ...], Callable[[Stage], Lines]]] = {
    "Project from its template": ((), project_set_up.play),
    "Project workspace": (("sharepoint", "slack"), workspace),
    "Time to cost reporting": ((), cost_reporting),
    "Project change to forecast": ((), change),
    "Credit and re-bill": (("tryton",), contract_billing.credit_and_rebill),
    "Capped time and materials": (("docusign", "tryton"), contract_billing.capped),
    "Retainer": (("docusign", "tryton"), contract_billing.retainer),
    "Deal taken back": (("tryton",), deal_back.play),
    "Revenue recognition": (("tryton",), revenue),
    "Quote to cash: contract": (("docusign",), contract),
    "Quote to cash: cash": (("tryton",), cash),
    "Spend to project cost": (("coupa", "tryton"), spend),
    "Resource master": (("workday",), people),
    "Customer master": (("tryton",), customer_data.play),
    "Resource to revenue": (("workday",), staffing),
    "Hours to payroll": (("payroll", "workday"), hours),
    "Payroll to cost reporting": (("payroll",), payroll),
    "Facts to analytics": (("snowflake", "power_bi"), figures),
    "Facts to subscribers": (("event_broker",), subscribers),
    "Month-end close": (("tryton",), close),
    "Three ERPs": (("tryton", "business_central", "netsuite", "kantata"), second_books.play),
}
"""Each workflow besides the main job, with the systems without which it cannot be played."""


def play(walk: Walk, doors: Mapping[str, Door]) -> Lines:
    """All of them, then every invoice of the tower beside the ERPs' own. Raises TourFailed."""
    job = MainJob(walk, doors["salesforce"], doors["tryton"])
    yield walk.tell("", "Opportunity to project, time and expense to billing")
    yield from job.play()
    stage = Stage(walk, doors, job)
    for title, (systems, workflow) in WORKFLOWS.items():
        if missing := [name for name in systems if name not in doors]:
            raise TourFailed(f"{title} needs {', '.join(missing)}, which does not run here.")
        yield walk.tell("", title)
        yield from workflow(stage)
    yield walk.tell("", "All books")
    yield from _all_invoices(stage)


def _all_invoices(stage: Stage) -> Lines:
    """What the tower has billed is what the ERPs have posted: the same references, to the cent."""
    billed = Transaction.objects.filter(
        process="time-and-expense-to-billing", state=TransactionState.VERIFIED
    ).exclude(amount=0)
    rows = billed.values_list("reference", "currency", "amount")
    books = {row["reference"]: (erp, row) for erp, row in ErpBooks(stage.doors).booked()}
    sides: dict[tuple[str, str], tuple[Decimal, Decimal]] = {}
    for reference, currency, amount in rows:
        if reference not in books:
            raise TourFailed(f"No ERP's books hold a posted invoice {reference}.")
        erp, invoice = books[reference]
        ours, theirs = sides.get((erp, currency), (Decimal(0), Decimal(0)))
        sides[erp, currency] = ours + amount, theirs + Decimal(invoice["untaxed"])
    for (erp, currency), (ours, theirs) in sorted(sides.items()):
        yield stage.agree(f"All invoices in {currency} in {erp}", ours, theirs)
