"""A deal on a tour that is won no longer, though it is billed, and then is again."""

from __future__ import annotations

from decimal import Decimal

from controltower.processes import deal_taken_back
from controltower.transactions.models import Transaction
from controltower.web.tours.contract_billing import bill, posted
from controltower.web.tours.stage import ONCE, Lines, Stage
from controltower.web.tours.walk import TourFailed

WON, OPEN = "Closed Won", "Proposal"


def play(stage: Stage) -> Lines:
    """Somebody must see to it, with all that the CRM says it was worth and all that the ERP has
    posted of it; won again, it ends by itself."""
    crm, walk = stage.doors["salesforce"], stage.walk
    sold = crm.do("close_deal", entity="LF-DE", client=ONCE, amount="24000.01", grouping="Project")
    ref = str(sold["opportunity"])
    deal = walk.until_over("opportunity", ref, "opportunity-to-project")
    _work, billed = yield from bill(stage, deal.steps.get(name="project").ref, "10")
    _become(stage, ref, OPEN)
    yield walk.tell("CRM", f"{sold['name']} is open again", ref)
    losses = Transaction.objects.filter(
        process=deal_taken_back.PROCESS.name, keys__kind="opportunity", keys__value=ref
    )
    stuck = Transaction.objects.stuck().filter(pk__in=losses.values("pk"))
    walk.until(stuck.exists, "The exception of the deal taken back")
    loss = stuck.get()
    (shown,) = [row for row in crm.books("Opportunity") if row["Id"] == ref]
    worth = Decimal(str(shown["Amount"]))
    yield stage.agree(f"Deal taken back, {sold['name']}", worth, loss.amount)
    said, owed = loss.steps.get().text, posted(stage, billed)
    if f"{owed:,.2f} {loss.currency}" not in said:
        raise TourFailed(f"The ERP has posted {owed:,.2f} of the deal, the Tower says: {said}")
    yield walk.tell("Books", f"What is invoiced of it: {owed:,.2f} on both sides")
    _become(stage, ref, WON)
    yield walk.tell("CRM", f"{sold['name']} is won again", ref)
    walk.until(lambda: not stuck.exists(), "The end of the deal taken back")
    yield walk.tell("Tower", f"{loss.title}: ended by itself")


def _become(stage: Stage, deal: str, name: str) -> None:
    fields = {"StageName": name}
    stage.doors["salesforce"].do("change", object="Opportunity", id=deal, fields=fields)
