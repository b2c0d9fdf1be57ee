"""Whose turn it is: of one business record in one system, one step is sent at a time, and none
while it is in doubt whether an earlier one arrived."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.db.models import Q

from controltower.transactions.folding import fold
from controltower.transactions.intent import Draft
from controltower.transactions.models import Step, WaitKind
from controltower.transactions.protocol import IN_DOUBT, State
from controltower.transactions.resolver import UNDECIDED, UNDER_WAY, stands_before

A_WHILE = timedelta(seconds=1)


def in_order(drafts: Sequence[Draft]) -> Iterable[Draft]:
    """Those that no other step of their business record stands before; the others wait."""
    earlier = _earlier([draft for draft in drafts if draft.prepared.ordering and draft.sends])
    taken: set[tuple[int | None, str]] = set()
    for draft in drafts:
        if draft.prepared.ordering and draft.sends:
            key = (draft.step.system_id, draft.prepared.ordering)
            before = _before(draft.step, earlier.get(key, ()))
            if before or key in taken:
                _wait(draft, before)
                continue
            taken.add(key)
        yield draft


def _earlier(wanted: Sequence[Draft]) -> dict[tuple[int | None, str], list[Step]]:
    """Steps under way or in doubt by system and business record."""
    found: dict[tuple[int | None, str], list[Step]] = {}
    if not wanted:
        return found
    doubted = Q(state__in=UNDECIDED, kind=IN_DOUBT, sent_at__isnull=False)
    for step in Step.objects.select_related("transaction").filter(
        Q(state__in=UNDER_WAY) | doubted,
        system__in={draft.step.system_id for draft in wanted},
        ordering_key__in={draft.prepared.ordering for draft in wanted},
    ):
        found.setdefault((step.system_id, step.ordering_key), []).append(step)
    return found


def _before(step: Step, earlier: Iterable[Step]) -> Step | None:
    """The step that keeps this one from being sent, if any."""
    doubtful = step.kind == IN_DOUBT
    for one in earlier:
        sent, state = one.sent_at is not None, State(one.state)
        if one.pk != step.pk and stands_before(state, one.kind, sent=sent, doubtful=doubtful):
            return one
    return None


def _wait(draft: Draft, before: Step | None) -> None:
    """A moment; behind a doubt, until somebody has ended it: the claim's own rule keeps it."""
    case, step = draft.case, draft.step
    step.due_at, step.lease_until = case.now + A_WHILE, None
    if before is None or before.state in UNDER_WAY or step.kind == WaitKind.DEPENDENCY:
        return
    step.kind, step.ordering_key = WaitKind.DEPENDENCY, draft.prepared.ordering
    step.text = (
        f"Waits for {before.transaction.reference}: nobody knows yet whether its “{before.title}” "
        "reached the same record."
    )
    case.note(step.state, f"{step.title}: {step.text}", step=step.name)
    fold(case)
