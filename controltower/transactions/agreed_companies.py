"""A company that has books keeps its currency: what was counted in it would mean another amount."""

from __future__ import annotations

from controltower.firm import companies
from controltower.firm.models import LegalEntity
from controltower.firm.policies import BadPolicy
from controltower.transactions.models import Transaction


def check(about: str, content: object) -> None:
    """Raises BadPolicy for what is no company, and for another currency once it has books."""
    companies.check(about, content)
    assert isinstance(content, dict)
    entity = LegalEntity.objects.filter(code=about).first()
    if entity is None or content["currency"] == entity.currency:
        return
    if has_books(entity):
        raise BadPolicy(
            f"{entity.name} has books in {entity.currency}: its currency cannot change. Found a "
            f"company of its own for {content['currency']}."
        )


def has_books(entity: LegalEntity) -> bool:
    """Whether anything was counted in the company's currency, here or in an ERP that told of it."""
    told = entity.periods.filter(told_at__isnull=False)
    return Transaction.objects.filter(entity=entity).exists() or told.exists()
