"""The British company's sales ledger has moved to a cloud ERP; what it buys is still booked in the
old one, until that moves too."""

from __future__ import annotations

from datetime import datetime

from controltower.firm.models import LegalEntity
from controltower.systems.models import Feed, Route, System
from controltower.transactions.models import Transaction
from controltower.web.demo.surroundings import ROUTES_SINCE

COMPANY, ERP = "LF-UK", "business_central"
MOVED = ("customer", "invoice", "credit_note", "revenue", "revenue_entry")
"""The records of its sales ledger."""
FEEDS = (("invoice", 5), ("customer", 8))


def move_sales_ledger(now: datetime) -> None:
    """Route them to the new books, where these run and nothing was begun in the old ones: a firm
    that is at work already moves on Admin, by an agreed day."""
    system = System.objects.filter(slug=ERP).first()
    if system is None or Transaction.objects.exists():
        return
    company = LegalEntity.objects.get(code=COMPANY)
    for record in MOVED:
        Route.objects.get_or_create(
            role="erp", company=company, record=record, starts_on=ROUTES_SINCE,
            defaults={"system": system},
        )  # fmt: skip
    for entity, seconds in FEEDS:
        Feed.objects.get_or_create(
            system=system, entity=entity,
            defaults={"every_seconds": seconds, "due_at": now},
        )  # fmt: skip
