"""A fixed fee on a tour: its project has the milestones and staffing requests of its template."""

from __future__ import annotations

from decimal import Decimal

from controltower.processes import project_templates
from controltower.web.tours.psa_books import number
from controltower.web.tours.stage import ONCE, Lines, Stage


def play(stage: Stage) -> Lines:
    """The PSA's own books hold milestones over the whole price, and the hours that were agreed."""
    psa, walk, price = stage.doors["salesforce"], stage.walk, Decimal("75000.01")
    sold = psa.do("close_deal", entity="LF-DE", client=ONCE, amount=str(price), billing="Fixed fee")
    deal = walk.until_over("opportunity", str(sold["opportunity"]), "opportunity-to-project")
    yield from walk.steps(deal)
    project = deal.steps.get(name="project").ref
    template = deal.steps.get(name="check").values[project_templates.FIELD]

    def held(kind: str, amount: str) -> Decimal:
        rows = [one for one in psa.books(kind) if one["pse__Project__c"] == project]
        return sum((number(one[amount]) for one in rows), Decimal(0))

    milestones = held("pse__Milestone__c", "pse__Milestone_Amount__c")
    yield stage.agree(f"Milestones of “{template['name']}”", price, milestones)
    hours = sum((number(one.get("hours")) for one in template["roles"]), Decimal(0))
    asked = held("pse__Resource_Request__c", "pse__SOW_Hours__c")
    yield stage.agree(f"Hours asked for by “{template['name']}”", hours, asked)
