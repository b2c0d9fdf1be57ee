"""Steps that waited for a mapping go on once a version of it is in force."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from controltower.canonical.verdicts import Kind
from controltower.mappings.models import MappingVersion
from controltower.mappings.versions import nothing_in_force
from controltower.transactions import cases, engine
from controltower.transactions.models import Step, Transaction
from controltower.transactions.protocol import State

MOST_AT_ONCE = 500
"""What goes on with the decision; the rest is replayed by its cause."""


def release(version: MappingVersion, now: datetime) -> None:
    """Take up what was parked because nothing of its mapping was in force."""
    mapping = version.mapping
    said = Q()
    for name in (mapping.title, mapping.slug):
        said |= Q(text__startswith=nothing_in_force(name))
    waiting = Step.objects.filter(
        said, state=State.PARKED, kind=Kind.CONTRACT, sent_at=None,
        transaction__in=Transaction.objects.live(),
    ).order_by("transaction__started_at")  # fmt: skip
    for owner in dict.fromkeys(waiting.values_list("transaction_id", flat=True)[:MOST_AT_ONCE]):
        with cases.opened([owner], now=now) as found:
            engine.reconsider(found[owner], why=f"“{mapping.title}” is in use")
