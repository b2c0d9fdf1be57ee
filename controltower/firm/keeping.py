"""For how long the logs, and the bodies of received events, are kept, as agreed upon; longer or
shorter than what is set."""

from __future__ import annotations

from datetime import timedelta

from controltower.firm.models import PolicyVersion
from controltower.firm.policies import BadPolicy, of_kind

KIND = "retention"
TIMELINE, ATTEMPTS = LOGS = ("timeline", "attempts")
BODIES = "bodies"
KEPT = (*LOGS, BODIES)
LEAST, MOST = 92, 36_500
"""Days: a quarter, so that nothing under way loses its trace, and a century."""
LEAST_BODIES = 30
"""Days: what is under way keeps its bodies however old, so that a month is enough to look back."""


def agreed() -> dict[str, timedelta]:
    """By log, for how long it is kept."""
    return {about: length_of(one) for about, one in of_kind(KIND).items()}


def length_of(version: PolicyVersion) -> timedelta:
    """How long a version says that something is kept."""
    return timedelta(days=version.content["days"])


def least(about: str) -> int:
    """The fewest days for which something may be kept."""
    return LEAST_BODIES if about == BODIES else LEAST


def check(about: str, content: object) -> None:
    """Raises BadPolicy unless it is a number of days for something that is kept."""
    days = content.get("days") if isinstance(content, dict) else None
    if about not in KEPT:
        raise BadPolicy(f"There is no log “{about}”.")
    if not isinstance(days, int) or not least(about) <= days <= MOST:
        if about == BODIES:
            raise BadPolicy(f"The body of an event is kept for {LEAST_BODIES} to {MOST} days.")
        raise BadPolicy(f"A log is kept for {LEAST} to {MOST} days.")
