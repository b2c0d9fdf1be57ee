"""For how long the logs are kept, as agreed upon; longer or shorter than what is set."""

from __future__ import annotations

from datetime import timedelta

from controltower.firm.policies import BadPolicy, of_kind

KIND = "retention"
TIMELINE, ATTEMPTS = LOGS = ("timeline", "attempts")
LEAST, MOST = 92, 36_500
"""Days: a quarter, so that nothing under way loses its trace, and a century."""


def agreed() -> dict[str, timedelta]:
    """By log, for how long it is kept."""
    return {about: timedelta(days=one.content["days"]) for about, one in of_kind(KIND).items()}


def check(about: str, content: object) -> None:
    """Raises BadPolicy unless it is a number of days for a log there is."""
    days = content.get("days") if isinstance(content, dict) else None
    if about not in LOGS:
        raise BadPolicy(f"There is no log “{about}”.")
    if not isinstance(days, int) or not LEAST <= days <= MOST:
        raise BadPolicy(f"A log is kept for {LEAST} to {MOST} days.")
