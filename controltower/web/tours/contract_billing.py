"""How contracts are billed when not all goes straight: corrected time, caps, retainers."""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from controltower.transactions.models import Expectation, Transaction
from controltower.transactions.world import entities
from controltower.web.tours.erp_books import BOOKED
from controltower.web.tours.stage import ONCE, Lines, Stage
from controltower.web.tours.walk import TourFailed

BILLING = "time-and-expense-to-billing"
Billing = Generator[dict[str, Any], None, tuple[dict[str, Any], Transaction]]


def credit_and_rebill(stage: Stage) -> Lines:
    """Invoiced time that was wrong is credited, and what was right is billed: the difference is
    what the client owes less."""
    wrong, billed = yield from bill(stage, stage.job.project, "8")
    right = stage.doors["salesforce"].do("correct_time", timecard=wrong["timecard"], hours="6")
    yield stage.walk.tell("PSA", f"{wrong['number']} was 6 hours, not 8", str(right["number"]))
    credit = stage.walk.until_over("approved work", str(right["number"]), "credit-and-rebill")
    yield from stage.walk.steps(credit)
    anew = stage.walk.until_over("approved work", str(right["rebilled"]), BILLING)
    yield from stage.walk.steps(anew)
    owed = sum((posted(stage, one) for one in (billed, credit, anew)), Decimal(0))
    due = _worth(billed) - _worth(billed, source_id=wrong["timecard"]) + _worth(anew)
    yield stage.agree(f"Invoice, credit and new invoice of {wrong['number']}", due, owed)


def capped(stage: Stage) -> Lines:
    """Work above a contract's cap stands on no invoice until a change order raises the cap."""
    psa, walk = stage.doors["salesforce"], stage.walk
    sold = psa.do("close_deal", entity="LF-DE", client=ONCE, amount="30000.00", grouping="Project")
    stage.doors["docusign"].do(
        "sign", opportunity_id=sold["opportunity"], legal_entity="LF-DE", currency="EUR",
        contract_value="30000.00", cap="4000.00",
    )  # fmt: skip
    yield walk.tell("DocuSign", f"{sold['name']}: signed, no more than 4,000.00 EUR")
    deal = walk.until_over("opportunity", str(sold["opportunity"]), "opportunity-to-project")
    signed = Expectation.objects.filter(
        correlation_id=deal.correlation_id, milestone="contract-signed", met_at__isnull=False
    )
    walk.until(signed.exists, "The signed contract")
    project = deal.steps.get(name="project").ref
    work, billed = yield from bill(stage, project, "40")
    within = posted(stage, billed)
    yield stage.agree("Invoice within the cap", Decimal("4000.00"), within)
    above = Transaction.objects.filter(items__record__left_out_of=billed.reference).distinct()
    walk.until(above.exists, "The work above the cap")
    rest = above.get()
    yield walk.tell("Tower", f"{rest.amount:,.2f} EUR of {work['number']} waits above the cap")
    agreed = psa.do("agree_change", project=project, amount="20000.00")
    yield walk.tell("PSA", "A change order raises the cap by 20,000.00 EUR", str(agreed["number"]))
    walk.until(lambda: above.get().is_over, "The invoice of the rest")
    yield from walk.steps(rest)
    yield stage.agree("The rest and its invoice", _worth(rest), posted(stage, rest))
    left = _worth(rest, record__left_out_of=billed.reference)
    yield stage.agree("Work, within the cap and above it", _worth(billed), within + left)


def retainer(stage: Stage) -> Lines:
    """A month's fee is billed once; work that it covers is not, and work above it is."""
    psa, walk = stage.doors["salesforce"], stage.walk
    sold = psa.do("close_deal", entity="LF-DE", client=ONCE, amount="36000.00", grouping="Project")
    entity, number = entities()["LF-DE"], f"C-{str(sold['opportunity'])[-8:]}"
    month = entity.today(timezone.now()).replace(day=1)
    stage.doors["docusign"].do(
        "sign", opportunity_id=sold["opportunity"], legal_entity="LF-DE", currency="EUR",
        contract_value="36000.00", contract_number=number, retainer="3000.00",
        retainer_hours="20", retainer_billed="advance", retainer_above="bill",
        retainer_unused="expire", starts_on=(month - timedelta(days=1)).replace(day=1).isoformat(),
    )  # fmt: skip
    yield walk.tell("DocuSign", f"{sold['name']}: signed, 3,000.00 EUR a month for 20 hours")
    deal = walk.until_over("opportunity", str(sold["opportunity"]), "opportunity-to-project")
    fee = walk.until_over("retainer", f"{number} {month:%Y-%m}", BILLING)
    yield from walk.steps(fee)
    yield stage.agree(f"Retainer {month:%Y-%m}", Decimal("3000.00"), posted(stage, fee))
    _work, billed = yield from bill(stage, deal.steps.get(name="project").ref, "30")
    covered = Decimal(billed.steps.get(name="check").values.get("covered_amount", 0))
    yield walk.tell("Tower", f"{covered:,.2f} EUR of it is covered by the retainer")
    above = posted(stage, billed)
    yield stage.agree("Work, covered and above the retainer", _worth(billed), covered + above)


def bill(stage: Stage, project: str, hours: str) -> Billing:
    """Time that is approved and invoiced: what the PSA says of it, and the transaction."""
    work = stage.doors["salesforce"].do("approve_time", project=project, hours=hours)
    yield stage.walk.tell("PSA", f"Time approved: {work['number']}, {hours} hours")
    billed = stage.walk.until_over("approved work", str(work["number"]), BILLING)
    yield from stage.walk.steps(billed)
    return work, billed


def _worth(one: Transaction, **which: Any) -> Decimal:
    """What facts of an invoice come to, or those of them: the firm may approve more meanwhile."""
    found = one.items.filter(**which).values_list("record__amount", flat=True)
    return sum((Decimal(str(amount)) for amount in found), Decimal(0))


def posted(stage: Stage, one: Transaction) -> Decimal:
    """What the ERP's own books hold of a transaction, posted and without tax. Raises TourFailed."""
    found = stage.doors["tryton"].books("invoices", reference=one.reference)
    if len(found) != 1 or found[0]["state"] not in BOOKED:
        raise TourFailed(f"The ERP's books hold {len(found)} posted papers of {one.reference}.")
    return Decimal(found[0]["untaxed"])
