"""Above which amount a second person must agree: agreed upon, for the firm or for one entity."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

from django.conf import settings

from controltower.firm.models import LegalEntity
from controltower.firm.policies import BadPolicy, of_kind

KIND, FIRM = "limit", "firm"
"""The kind of policy, and what the firm's own limit is about."""
MOST = Decimal(10) ** 12


def second_person_above(entities: Iterable[str | None] = ()) -> Decimal:
    """The limit, in the reporting currency: the lowest that holds for any of these entities; the
    firm's where none of them has its own; the setting's before anything was agreed upon."""
    agreed = {about: Decimal(one.content["amount"]) for about, one in of_kind(KIND).items()}
    whole = agreed.get(FIRM, Decimal(settings.SECOND_PERSON_ABOVE))
    return min((agreed.get(code or "", whole) for code in entities), default=whole)


def check(about: str, content: object) -> None:
    """Raises BadPolicy unless it is an amount for the firm or for one of its entities."""
    try:
        amount = Decimal(str(content["amount"]))  # type: ignore[index]
    except (KeyError, TypeError, InvalidOperation):
        raise BadPolicy("A limit is an amount.") from None
    if not amount.is_finite() or not 0 <= amount <= MOST:
        raise BadPolicy("A limit is an amount from 0 on.")
    if about != FIRM and not LegalEntity.objects.filter(code=about).exists():
        raise BadPolicy(f"There is no legal entity “{about}”.")
