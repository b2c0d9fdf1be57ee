"""The vendor's answers as verdicts. Errors are ``{"error": {"code", "message"}}``; that another
refresh is under way is told only in the words of a 400."""

from __future__ import annotations

import re
from datetime import timedelta

from controltower.canonical.verdicts import Kind, Misconfigured, Rejected, TryLater, Verdict
from integrations.answers import error_in, foreign, throttled
from integrations.http import Answer

_OURS = {401: Kind.AUTH, 403: Kind.PERMISSION}
_ENDED = {"TokenExpired"}
_SPENT = re.compile(r"last 24 hours|reached the limit of \d+ refreshes", re.IGNORECASE)
_UNDER_WAY = re.compile(r"already (executing|in progress)", re.IGNORECASE)
LOOK_AGAIN = timedelta(seconds=30)


def verdict_of(answer: Answer, *, writing: bool) -> Verdict:
    """What an answer other than success came to."""
    code, words = error_in(answer)
    if answer.status == 429 or code == "CapacityLimitExceeded":
        return throttled(answer, "Power BI")
    if kind := Kind.AUTH if code in _ENDED else _OURS.get(answer.status):
        text = words or code or f"Power BI does not let us in (HTTP {answer.status})."
        return Misconfigured(kind=kind, text=text, exchange=answer.exchange)
    if not code:
        text = f"Power BI's answer (HTTP {answer.status}) is not one of its own."
        return foreign(answer, text, writing=writing)
    said = words or f"Power BI gives no reason but “{code}”."
    if answer.status == 404:
        return Rejected(kind=Kind.NOT_FOUND, text=said, exchange=answer.exchange)
    if answer.status == 400 and _UNDER_WAY.search(said):
        return TryLater(
            kind=Kind.RATE_LIMITED, text=said, after=LOOK_AGAIN, exchange=answer.exchange
        )
    if answer.status == 400 and _SPENT.search(said):
        return TryLater(kind=Kind.RATE_LIMITED, text=said, exchange=answer.exchange)
    if answer.status == 400:
        return Rejected(kind=Kind.VALIDATION, text=said, exchange=answer.exchange)
    return foreign(answer, said, writing=writing)
