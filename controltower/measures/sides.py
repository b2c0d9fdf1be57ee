"""Systems that could take the same part, side by side: what is under way in each, by company."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django.db.models import Count

from controltower.systems.models import System
from controltower.transactions.models import Step, Transaction
from controltower.transactions.protocol import FINISHED


def under_way(systems: Collection[System]) -> Mapping[int, Mapping[str, int]]:
    """By system, of each company ("" where none is known) the transactions that still have a step
    to play there. What began before a cut-over ends where it began."""
    waiting = (
        Step.objects.filter(system__in=systems, transaction__in=Transaction.objects.live())
        .exclude(state__in=FINISHED)
        .order_by()
        .values_list("system", "transaction__entity__code")
        .annotate(count=Count("transaction", distinct=True))
    )
    found: dict[int, dict[str, int]] = {system.pk: {} for system in systems}
    for system, company, count in waiting:
        found[system][company or ""] = count
    return found
