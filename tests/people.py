"""Somebody who works for the firm, as an HR system tells of them and as the PSA knows them."""

from __future__ import annotations

from decimal import Decimal

from controltower.canonical.records import Resource

WORKER = Resource(
    source_id="w1",
    name="Ilse Brunnhof",
    entity="LF-DE",
    number="LF-0007",
    email="ilse.brunnhof@larkfield.example",
    role="Senior consultant",
    skills=("Process design", "Workshops"),
    cost_rate=Decimal("79.50"),
    currency="EUR",
)
KNOWN = {
    "source_id": "003A", "number": "LF-0007", "hr_id": "w1", "entity": "LF-DE", "active": True,
}  # fmt: skip
