"""The runbooks of the sandbox firm: what the product brings, approved by a second person when the
tower was set up."""

from __future__ import annotations

from datetime import datetime

from controltower.firm.models import Person, Role
from controltower.incidents import matching, steps
from controltower.incidents.library.catalogue import RUNBOOKS
from controltower.incidents.models import Runbook, RunbookState, RunbookVersion
from controltower.incidents.runbooks import GOOD_FOR


def agree_runbooks(now: datetime) -> None:
    """Create each runbook with its first version, written by one person and approved by another."""
    author, approver = (
        Person.objects.filter(duties__role=role).order_by("pk")[0]
        for role in (Role.OPERATOR, Role.CONTROLLER)
    )
    for slug, title, fits, rules in RUNBOOKS:
        book, created = Runbook.objects.get_or_create(slug=slug, defaults={"title": title})
        if not created:
            continue
        steps.check_steps(rules)
        matching.check_fits(fits)
        RunbookVersion.objects.create(
            runbook=book,
            number=1,
            state=RunbookState.APPROVED,
            fits=fits,
            steps=rules,
            note="As agreed when the tower was set up.",
            author=author,
            created_at=now,
            decided_by=approver,
            decided_at=now,
            expires_at=now + GOOD_FOR,
        )
