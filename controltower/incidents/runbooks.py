"""The life of a runbook's version: draft → approval pending → approved → deprecated or expired.

The author never approves; an approved version is in force for a year, then somebody looks again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max
from django.db.transaction import atomic
from django.utils.text import slugify

from controltower.firm import audit
from controltower.firm.models import Person
from controltower.firm.rights import Right, may, who_grants
from controltower.incidents import matching, steps
from controltower.incidents.models import Runbook, RunbookState, RunbookVersion
from controltower.transactions import bell

GOOD_FOR = timedelta(days=365)


class NotAllowed(Exception):
    """This person may not do this; the text says who may."""


class WrongState(Exception):
    """The version is not in a state in which this can be done."""


class CommentMissing(Exception):
    """Rejecting needs a word on why."""


def begin(*, title: str, by: Person, now: datetime) -> Runbook:
    """A runbook without a version yet. Raises NotAllowed or BadSteps without a title."""
    _require(by, Right.EDIT_RUNBOOK, "begin runbook", title, now)
    base = slugify(title)[:40]
    if not base:
        raise steps.BadSteps("The runbook needs a title.")
    slug, number = base, 2
    while Runbook.objects.filter(slug=slug).exists():
        slug, number = f"{base}-{number}", number + 1
    return Runbook.objects.create(slug=slug, title=title[:120])


def draft(
    *,
    runbook: Runbook,
    rules: Sequence[Mapping[str, Any]],
    fits: Mapping[str, Any],
    note: str,
    by: Person,
    now: datetime,
) -> RunbookVersion:
    """Begin a new version. Raises NotAllowed, BadSteps or BadFit."""
    _require(by, Right.EDIT_RUNBOOK, "draft runbook", str(runbook), now)
    steps.check_steps(rules)
    matching.check_fits(fits)
    with atomic():
        Runbook.objects.select_for_update().get(pk=runbook.pk)
        last = runbook.versions.aggregate(last=Max("number"))["last"] or 0
        version = RunbookVersion.objects.create(
            runbook=runbook,
            number=last + 1,
            steps=[dict(one) for one in rules],
            fits=dict(fits),
            note=note[:400],
            author=by,
            created_at=now,
        )
        _tell(by, "draft runbook", version, now)
    return version


def submit(*, version: RunbookVersion, by: Person, now: datetime) -> None:
    """draft → approval pending. Raises NotAllowed or WrongState."""
    _require(by, Right.EDIT_RUNBOOK, "submit runbook", str(version), now)
    with atomic():
        _move(version, RunbookState.DRAFT, RunbookState.APPROVAL_PENDING)
        _tell(by, "submit runbook", version, now)


def decide(
    *, version: RunbookVersion, approve: bool, comment: str, by: Person, now: datetime
) -> None:
    """approval pending → approved (what was in force is replaced) or rejected. Raises NotAllowed
    (also for the author), CommentMissing or WrongState."""
    verb = "approve runbook" if approve else "reject runbook"
    _require(by, Right.APPROVE_RUNBOOK, verb, str(version), now)
    if version.author_id == by.pk:
        audit.record(
            actor=by, verb=verb, subject=str(version)[:120], allowed=False, now=now,
            detail={"why": "the author may not decide"},
        )  # fmt: skip
        raise NotAllowed("You wrote this version, so somebody else must decide.")
    if not approve and not comment.strip():
        raise CommentMissing
    with atomic():
        Runbook.objects.select_for_update().get(pk=version.runbook_id)
        if approve:
            version.runbook.versions.filter(state=RunbookState.APPROVED).update(
                state=RunbookState.DEPRECATED
            )
        state = RunbookState.APPROVED if approve else RunbookState.REJECTED
        _move(
            version, RunbookState.APPROVAL_PENDING, state, decided_by=by, decided_at=now,
            comment=comment[:400], expires_at=now + GOOD_FOR if approve else None,
        )  # fmt: skip
        _tell(by, verb, version, now)


def expire(*, now: datetime) -> int:
    """approved → expired, of what is older than a year; returns how many."""
    old = RunbookVersion.objects.filter(state=RunbookState.APPROVED, expires_at__lte=now)
    count = 0
    for version in old.select_related("runbook"):
        with atomic():
            _move(version, RunbookState.APPROVED, RunbookState.EXPIRED)
            _tell("tower", "expire runbook", version, now)
        count += 1
    return count


def _move(version: RunbookVersion, origin: str, target: str, **more: Any) -> None:
    row = RunbookVersion.objects.filter(pk=version.pk, state=origin)
    if not row.update(state=target, **more):
        raise WrongState("The version is not in that state any more.")
    version.refresh_from_db()


def _require(by: Person, right: Right, verb: str, subject: str, now: datetime) -> None:
    if not may(by, right):
        audit.record(actor=by, verb=verb, subject=subject[:120], allowed=False, now=now)
        raise NotAllowed(f"Only the {who_grants(right)} may do this.")


def _tell(by: Person | str, verb: str, version: RunbookVersion, now: datetime) -> None:
    audit.record(actor=by, verb=verb, subject=str(version)[:120], allowed=True, now=now)
    bell.ring("runbooks")
