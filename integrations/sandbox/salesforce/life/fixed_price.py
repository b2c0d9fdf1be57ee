"""What the firm's people do on projects that are sold at a fixed price and planned by hours."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from integrations.sandbox.control import Impossible
from integrations.sandbox.salesforce.delivered import BY_HOURS, FIXED_PRICE
from integrations.sandbox.salesforce.life.firm_at_work import TOWERS_PROJECT, FirmAtWork
from integrations.sandbox.salesforce.store import Row

_HOURLY = 160
"""What an hour brings in, roughly: how many hours a fixed price is planned with."""
_PLANNED_SHARE = 0.4


def plan_hours(work: FirmAtWork, project: Row, hours: Decimal | None = None) -> dict[str, str]:
    """The PMO plans a project by hours: revenue is earned as they are worked. Raises Impossible
    for one that is not sold at a fixed price."""
    if project["pse__Billing_Type__c"] != FIXED_PRICE:
        raise Impossible("only a project at a fixed price is planned by hours")
    worth = Decimal(str(project["Contract_Value__c"] or 0))
    planned = hours or max((worth / _HOURLY).to_integral_value(), Decimal(40))
    fields = {"Revenue_Method__c": BY_HOURS, "Budget_Hours__c": planned}
    work.org.change("pse__Proj__c", str(project["Id"]), fields)
    return {"project": str(project["Id"]), "hours": str(planned)}


def work_at_fixed_price(work: FirmAtWork) -> tuple[str, dict[str, Any]]:
    """A week of somebody on a project planned by hours; now and then another one is planned so."""
    planned = _projects(work, "Revenue_Method__c = 'Hours'")
    fresh = _projects(work, "Revenue_Method__c IS NULL AND NOT " + _MEASURED)
    if fresh and (not planned or work.chance.random() < _PLANNED_SHARE):
        return "project planned by hours", plan_hours(work, fresh[0])
    if not planned:
        return "", {}
    done = work.approve_week(work.chance.choice(planned), billable=False)
    return "time approved at a fixed price", done


_MEASURED = "EXISTS (SELECT 1 FROM Project_Month__c AS m WHERE m.pse__Project__c = p.Id)"


def _projects(work: FirmAtWork, condition: str) -> list[Row]:
    return work.org.store.rows(
        f"SELECT * FROM pse__Proj__c AS p WHERE {TOWERS_PROJECT} AND pse__Billing_Type__c = ?"
        f" AND {condition} ORDER BY CreatedDate DESC, Id LIMIT 20",
        [FIXED_PRICE],
    )
