"""The legal entity that a person has chosen to look at, within those they may see."""

from __future__ import annotations

from django.http import HttpRequest

from controltower.firm.models import LegalEntity, Person
from controltower.firm.rights import entities_of
from controltower.transactions.models.journey import Transaction, TransactionQuerySet

KEY = "entity"


def entities(person: Person) -> list[LegalEntity]:
    """The legal entities that the person sees, by code."""
    codes = entities_of(person)
    rows = LegalEntity.objects.all()
    return list(rows if codes is None else rows.filter(code__in=codes))


def chosen(request: HttpRequest) -> str:
    """The code of the chosen entity, "" for all. It narrows what rights allow, never widens it."""
    return str(request.session.get(KEY, ""))


def transactions(request: HttpRequest) -> TransactionQuerySet:
    """The transactions that this page may show: by right, then by choice."""
    assert isinstance(request.user, Person)
    found = Transaction.objects.visible_to(request.user)
    code = chosen(request)
    return found.of_entity(code) if code else found
