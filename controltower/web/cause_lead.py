"""What a cause calls for first: by its runbook, by its kind, by what helped the last time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from controltower.canonical.verdicts import Kind
from controltower.incidents.models import Cause
from controltower.web import settlements
from controltower.web.actions import Action, Ranked, ranked
from controltower.web.cause_actions import REPLAY
from controltower.web.decisions import NEXT_PERIOD
from controltower.web.offers import runbook_act


def by_weight(
    cause: Cause, actions: Sequence[Action], offered: Mapping[str, Any], *, has_fix: bool
) -> Ranked:
    """The cause's acts with the one that leads; that may be the runbook's, when one is `offered`
    (`offers.for_cause`)."""
    allowed = {one.id for one in actions if one.allowed}
    runbook = runbook_act(offered)
    for name in _wanted(cause, runbook, has_fix=has_fix):
        if runbook is not None and name == runbook.id:
            return ranked([runbook, *actions], name)
        if name in allowed:
            return ranked(actions, name)
    return ranked(actions)


def _wanted(cause: Cause, runbook: Action | None, *, has_fix: bool) -> Iterator[str]:
    """Ids of acts, the most fitting first."""
    yield settlements.AGREE
    if runbook is not None and runbook.leads:
        yield runbook.id
    if cause.kind == Kind.PERIOD_CLOSED:
        yield f"period-{NEXT_PERIOD}"
    if runbook is not None:
        yield runbook.id
    if cause.kind == Kind.UNKNOWN or has_fix:
        yield REPLAY
    if cause.owner_id is None:
        yield "assign"
    yield REPLAY
