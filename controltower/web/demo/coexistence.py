"""Two companies' sales ledgers have moved to cloud ERPs; what they buy is still booked in the old
one, until that moves too."""

from __future__ import annotations

from datetime import datetime

from controltower.firm.models import LegalEntity
from controltower.systems import establishing
from controltower.systems.models import Route, System
from controltower.systems.said import Listed
from controltower.transactions.models import Transaction
from controltower.web.demo.surroundings import ROUTES_SINCE

LEDGERS = {"LF-UK": "business_central", "LF-US": "netsuite"}
"""The ERP that keeps a company's sales ledger now."""
MOVED = ("customer", "invoice", "credit_note", "revenue", "revenue_entry")
"""The records of a sales ledger."""
FEEDS = (("invoice", 5), ("customer", 8))


def move_sales_ledgers(now: datetime) -> None:
    """Route them to the new books, where these run and nothing was begun in the old ones: a firm
    that is at work already moves on Admin, by an agreed day."""
    if Transaction.objects.exists():
        return
    for code, erp in LEDGERS.items():
        system = System.objects.filter(slug=erp).first()
        if system is not None:
            _move(LegalEntity.objects.get(code=code), system, now)


def _move(company: LegalEntity, system: System, now: datetime) -> None:
    for record in MOVED:
        Route.objects.get_or_create(
            role="erp", company=company, record=record, starts_on=ROUTES_SINCE,
            defaults={"system": system},
        )  # fmt: skip
    for entity, seconds in FEEDS:
        establishing.listen(system, Listed(entity, seconds), now)
