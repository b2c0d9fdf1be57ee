"""The runbooks that the product brings, offered to a firm: somebody proposes them, somebody else
agrees to them, each a decision of its own."""

from __future__ import annotations

from datetime import datetime

from django.db.transaction import atomic

from controltower.firm.models import Person
from controltower.incidents import runbooks
from controltower.incidents.library.catalogue import RUNBOOKS
from controltower.incidents.library.wording import Book
from controltower.incidents.models import Runbook, RunbookState, RunbookVersion
from controltower.mappings.offering import NOTE


def missing() -> list[Book]:
    """What the product brings and this firm has no runbook of."""
    known = set(Runbook.objects.values_list("slug", flat=True))
    return [one for one in RUNBOOKS if one[0] not in known]


def propose(*, by: Person, now: datetime) -> int:
    """Submit what is missing for approval; returns how many. Raises runbooks.NotAllowed."""
    offered = missing()
    with atomic():
        for slug, title, fits, rules in offered:
            book = Runbook.objects.create(slug=slug, title=title)
            version = runbooks.draft(
                runbook=book, rules=rules, fits=fits, note=NOTE, by=by, now=now
            )
            runbooks.submit(version=version, by=by, now=now)
    return len(offered)


def waiting() -> list[RunbookVersion]:
    """First versions that wait for approval and say what the product brings, word for word."""
    brought = {slug: rules for slug, _title, _fits, rules in RUNBOOKS}
    found = RunbookVersion.objects.filter(
        number=1, note=NOTE, state=RunbookState.APPROVAL_PENDING, runbook__slug__in=brought
    )
    rows = found.select_related("runbook", "author").order_by("runbook__title", "pk")
    return [one for one in rows if one.steps == brought[one.runbook.slug]]


def agree(*, by: Person, comment: str, now: datetime) -> int:
    """Approve all that waits; returns how many. Raises runbooks.NotAllowed (recorded as a denial),
    also for the author."""
    found = waiting()
    for version in found:
        runbooks.decide(version=version, approve=True, comment=comment, by=by, now=now)
    return len(found)
