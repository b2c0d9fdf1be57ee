"""A rate that is there is not replaced before it is said what rests on it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from controltower.firm import dated_rates, rates
from controltower.firm.models import ExchangeRate
from controltower.firm.policies import BadPolicy
from controltower.transactions.models import Transaction

Replaced = list[list[str | int]]
"""Day, the rate so far, and how many transactions every total values by it."""


def check(about: str, content: object) -> None:
    """Raises BadPolicy for what is no list of rates, and while it does not say what it replaces."""
    dated_rates.check(about, content)
    assert isinstance(content, dict)
    told = [one[:2] for one in content.get("replaces", [])]
    if told != [one[:2] for one in replaced(about, content["rates"])]:
        raise BadPolicy("Other rates are there by now: look at them, and propose these again.")


def replaced(currency: str, pairs: Sequence[Sequence[str]]) -> Replaced:
    """The rates of the same days that say something else."""
    there = {
        one.on.isoformat(): one for one in ExchangeRate.objects.filter(currency=currency).iterator()
    }
    valued = rates.in_force().filter(currency=currency).first()
    return [
        [on, f"{there[on].rate.normalize():f}", _resting(there[on], valued)]
        for on, rate in sorted(map(tuple, pairs))
        if on in there and there[on].rate != Decimal(rate)
    ]


def _resting(one: ExchangeRate, valued: ExchangeRate | None) -> int:
    """Totals are told by the rate in force alone."""
    return Transaction.objects.filter(currency=one.currency).count() if one == valued else 0
