"""A customer who was changed in an ERP, as the fact that each ERP's feed tells of it."""

from __future__ import annotations

from datetime import datetime
from hashlib import blake2b

from controltower.canonical.events import CUSTOMER_CHANGED, CanonicalEvent
from controltower.canonical.records import Customer
from integrations import exact_json
from integrations.connector import Change
from integrations.shape import Row


def changed(row: Row, customer: Customer, source: str, at: datetime, version: str) -> Change:
    """Named by what the customer says, so that one saved without a change is no new fact. `at` is
    when it was changed, UTC; `version` orders what was said of it."""
    said = exact_json.encode(customer.as_dict()).encode()
    event = CanonicalEvent(
        id=f"{source}:customer:{customer.source_id}:{blake2b(said, digest_size=8).hexdigest()}",
        type=CUSTOMER_CHANGED,
        source=f"{source}/customer",
        subject=f"customer/{customer.source_id}",
        time=at,
        version=version,
        record=customer,
    )
    return Change(raw=exact_json.encode(row).encode(), event=event)
