"""What is at stake as every page tells it: whose eyes look, a value, and the list that it opens."""

from __future__ import annotations

from urllib.parse import urlencode

from django.urls import reverse

from controltower.canonical.money import Money
from controltower.measures.exposure import Lateness, Scope, Stake, reporting_currency
from controltower.web import scope
from controltower.web.charts.value import Backlog, Part
from controltower.web.security import SignedIn


def scope_of(request: SignedIn) -> Scope:
    """Whose eyes, and the legal entity chosen in the top bar."""
    return Scope(request.user, scope.chosen(request))


def money(stake: Stake) -> Money:
    """A stake's value in the reporting currency."""
    return Money.of(stake.amount, reporting_currency())


def backlog(parts: Lateness) -> Backlog:
    """A measure as the drawings take it."""
    return Backlog(*(Part(stake.count, money(stake)) for stake in parts.parts))


def listing(**filters: str) -> str:
    """The list of transactions that a figure counts."""
    query = urlencode({name: value for name, value in filters.items() if value})
    return f"{reverse('transactions')}?{query}" if query else reverse("transactions")
