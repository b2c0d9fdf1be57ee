"""What an invoice and a credit note have in common: to whom, by whom, on which day, how taxed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from controltower.canonical.money import Money
from controltower.processes import tax
from controltower.processes.definition import Facts, Refuse

Lines = Sequence[Mapping[str, Any]]


def paper(
    facts: Facts, *, on: date, about: str, worth: Money, lines: Lines
) -> dict[str, Any] | Refuse:
    """The canonical paper, worth `worth` without tax, over the work that the facts are of; or why
    nobody can say how it is taxed. Its client is the one that the step "client" has read."""
    client, entity = facts.result("client").values, facts.entity
    assert entity is not None
    treatment = tax.treatment(
        entity, str(client.get("country") or ""), str(client.get("vat_number") or "")
    )
    if isinstance(treatment, Refuse):
        return treatment
    code = f"{entity.code}/{treatment}"
    return {
        "entity": entity.code,
        "reference": facts.reference,
        "customer_code": client.get("erp_code", ""),
        "currency": worth.currency,
        "invoice_date": on.isoformat(),
        "payment_term": "net_30",
        "description": f"{about} · {facts.correlation_id}",
        "po_number": facts.items[0]["project"].get("po_number", ""),
        "tax_treatment": code,
        "untaxed": str(worth.amount),
        "lines": [{**line, "tax_treatment": code} for line in lines],
    }
