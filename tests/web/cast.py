"""Who appears in the edge's tests, and a deal each for two companies."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.test import Client
from django.utils import timezone

from controltower.firm.models import ApiToken, Duty, LegalEntity, Person, Role
from controltower.transactions.models import BusinessKey, Transaction, TransactionState

PASSWORD = "correct horse battery staple"
LONG_AGO = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def entity(code: str, currency: str = "EUR") -> LegalEntity:
    """A company of the firm."""
    found, _ = LegalEntity.objects.get_or_create(
        code=code,
        defaults={
            "name": f"Larkfield {code}", "country": code[-2:], "currency": currency,
            "zone": "Europe/Berlin",
        },
    )  # fmt: skip
    return found


def person(name: str, role: Role = Role.OPERATOR, code: str | None = None) -> Person:
    """Someone with one duty, in one company or (None) in all."""
    made = Person.objects.create_user(name, password=PASSWORD)
    Duty.objects.create(person=made, role=role, entity=entity(code) if code else None)
    return made


def browser(who: Person) -> Client:
    """A browser in which the person has signed in."""
    client = Client()
    client.force_login(who)
    return client


def token(who: Person, text: str = "") -> dict[str, str]:
    """The header of a new API token."""
    text = text or f"tower-{who.username}"
    ApiToken.objects.create(
        person=who, name="test", digest=hashlib.sha256(text.encode()).hexdigest()
    )
    return {"Authorization": f"Bearer {text}"}


def transaction(reference: str, code: str | None, **more: Any) -> Transaction:
    """A transaction that has begun, with an opportunity key."""
    more = {
        "correlation_id": f"ct-{reference}",
        "process": "opportunity-to-project",
        "title": f"Deal {reference}",
        "counterparty": "Quillfeather Mutual",
        "amount": Decimal("1234.5"),
        "currency": "EUR",
        "exposure": "revenue",
        "state": TransactionState.IN_PROGRESS,
        "started_at": LONG_AGO,
        "changed_at": timezone.now(),
    } | more
    made = Transaction.objects.create(
        reference=reference, entity=entity(code) if code else None, **more
    )
    BusinessKey.objects.create(transaction=made, kind="opportunity", value=f"OPP-{reference}")
    return made
