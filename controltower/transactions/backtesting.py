"""Back-tests on what was really sent: the last records of a mapping, read from the steps.

A step keeps the canonical record of its last sending and the version that mapped it. What a
mapping refused was never sent: its record is concluded again by the process's own rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from controltower.firm.models import Person
from controltower.mappings import backtest
from controltower.mappings.models import BackTest, MappingVersion
from controltower.mappings.trial import Real
from controltower.processes.definition import Send
from controltower.transactions.facts import conclude, definitions, facts
from controltower.transactions.models import Step

MOST = 500
"""Real records that a version is tried on."""


def run(*, version: MappingVersion, by: Person, now: datetime) -> BackTest:
    """Try a version on the last records of its mapping and keep what was found. Nothing is sent.
    Raises backtest.NotAllowed."""
    return backtest.keep(version=version, records=list(_latest(version, now)), by=by, now=now)


def _latest(version: MappingVersion, now: datetime) -> Iterator[Real]:
    """The newest first; each version's own are found by an index."""
    used = version.mapping.versions.exclude(pk=version.pk).order_by("-number")
    steps: list[Step] = []
    for one in used:
        found = Step.objects.filter(mapping_version=one).order_by("-id")[:MOST]
        steps += found.select_related("transaction__entity", "mapping_version")
    steps.sort(key=lambda step: step.pk, reverse=True)
    for step in steps[:MOST]:
        if (real := _real(step, now)) is not None:
            yield real


def _real(step: Step, now: datetime) -> Real | None:
    """The record of a step, None where its rule has nothing to send any more."""
    record, whole, pinned = step.sent, step.transaction, step.mapping_version
    assert pinned is not None
    if not record:
        known = facts(whole, now)
        definition = definitions(whole, known).get(step.name)
        prepared = conclude(definition, known) if definition else None
        if not isinstance(prepared, Send):
            return None
        record = dict(prepared.record)
    return Real(
        reference=whole.reference,
        chain=whole.correlation_id,
        title=whole.title,
        entity=whole.entity.code if whole.entity else "",
        amount=whole.amount,
        currency=whole.currency,
        record=record,
        rules=pinned.rules,
        version=pinned.number,
    )
