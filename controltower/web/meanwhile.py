"""Two people at one thing: what somebody has changed since a form was shown is not overwritten.

A form carries how the thing stood when it was shown (`Action.seen`); the row is locked and compared
before the act.
"""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.translation import gettext as _

from controltower.firm.models import Person
from controltower.incidents.models import Incident

SEEN = "seen"


def standing(incident: Incident) -> str:
    """Who leads an incident, and in whose stead."""
    return f"{incident.owner_id or '-'} {incident.deputy_id or '-'}"


def changed(request: HttpRequest, stands: str) -> bool:
    """Whether it stands otherwise than it was shown; never without a form that says how."""
    seen = request.POST.get(SEEN, "")
    return bool(seen) and seen != stands


def words(request: HttpRequest, owner: Person | None) -> str:
    """What a person is told whose act was not done, by who has the thing now."""
    if owner is not None and owner != request.user:
        return _(
            "%(name)s has it since you looked, so nothing was done. If you still want to, do it "
            "again."
        ) % {"name": owner}
    return _(
        "Somebody has changed it since you looked, so nothing was done. If you still want to, do "
        "it again."
    )
