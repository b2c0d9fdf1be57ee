"""What goes wrong in a real firm's data, on purpose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from integrations.sandbox import firm
from integrations.sandbox.control import Impossible
from integrations.sandbox.days import today
from integrations.sandbox.salesforce.life.firm_at_work import FirmAtWork
from integrations.sandbox.salesforce.life.settling import account_of
from integrations.sandbox.salesforce.schema import OBJECTS
from integrations.sandbox.salesforce.store import Row

Result = dict[str, str]


def _won(work: FirmAtWork, **changed: Any) -> Result:
    ref = work.open_deal(stage="Proposal")
    work.org.change("Opportunity", ref, changed)
    work.win(ref)
    return {"opportunity": ref}


def without_entity(work: FirmAtWork) -> Result:
    """A deal is won that names no legal entity."""
    return _won(work, Legal_Entity__c=None)


def unknown_currency(work: FirmAtWork) -> Result:
    """A deal is won in a currency that the firm does not trade in."""
    return _won(work, CurrencyIsoCode="ARS")


def without_amount(work: FirmAtWork) -> Result:
    """A deal is won that is worth nothing."""
    return _won(work, Amount=0)


def duplicate_client(work: FirmAtWork) -> Result:
    """A client that exists twice wins a deal under its second record."""
    client = work.chance.choice(firm.CLIENTS)
    twin = work.org.create("Account", account_of(client))
    return {**_won(work, AccountId=twin, Legal_Entity__c=client.entity), "account": twin}


def zero_hours(work: FirmAtWork) -> Result:
    """A week with no hours is approved."""
    return work.approve_week(_any_project(work), hours=Decimal(0))


def negative_hours(work: FirmAtWork) -> Result:
    """A correcting week with negative hours is approved."""
    return work.approve_week(_any_project(work), hours=Decimal(-8))


def non_billable(work: FirmAtWork) -> Result:
    """A week of internal work is approved: cost, never an invoice."""
    return work.approve_week(_any_project(work), billable=False)


def last_period(work: FirmAtWork) -> Result:
    """A forgotten week of last month is approved."""
    project = _any_project(work)
    home = str(project["Legal_Entity__c"] or "LF-DE")
    before = today(home).replace(day=1) - timedelta(days=7)
    return work.approve_week(project, week=before - timedelta(days=before.weekday()))


def foreign_project(work: FirmAtWork) -> Result:
    """Time is approved on a project that somebody made by hand, without a deal."""
    account = work.org.store.first("SELECT * FROM Account WHERE IsDeleted = 0 ORDER BY Id")
    if account is None:
        raise Impossible("there is no client yet")
    ref = work.org.create(
        "pse__Proj__c",
        {
            "Name": f"{account['Name']} – started on a handshake",
            "pse__Account__c": account["Id"],
            "Legal_Entity__c": account["Legal_Entity__c"],
            "CurrencyIsoCode": account["CurrencyIsoCode"],
            "pse__Stage__c": "In progress",
        },
    )
    return {**work.approve_week(work.org.live(OBJECTS["pse__Proj__c"], ref)), "project": ref}


DIRT: Mapping[str, Callable[[FirmAtWork], Result]] = {
    "no_entity": without_entity,
    "unknown_currency": unknown_currency,
    "no_amount": without_amount,
    "duplicate_client": duplicate_client,
    "zero_hours": zero_hours,
    "negative_hours": negative_hours,
    "non_billable": non_billable,
    "last_period": last_period,
    "foreign_project": foreign_project,
}


def _any_project(work: FirmAtWork) -> Row:
    projects = work.projects()
    if not projects:
        raise Impossible("the tower has created no project yet")
    return work.chance.choice(projects)
