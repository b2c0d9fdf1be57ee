"""The vendor's answers as verdicts: `{"error": {"code", "message"}}`."""

from __future__ import annotations

from controltower.canonical.verdicts import Kind, Misconfigured, Rejected, TryLater, Verdict
from integrations.answers import error_in, foreign, throttled
from integrations.http import Answer

_OURS = {401: Kind.AUTH, 403: Kind.PERMISSION}
_REFUSED = {400: Kind.VALIDATION, 404: Kind.NOT_FOUND, 409: Kind.DUPLICATE, 507: Kind.VALIDATION}
_CHANGED = {412, 423}


def verdict_of(answer: Answer, *, writing: bool) -> Verdict:
    """What an answer other than success came to."""
    if answer.status == 429:
        return throttled(answer, "SharePoint")
    code, words = error_in(answer)
    if not code:
        text = f"SharePoint's answer (HTTP {answer.status}) is not one of its own."
        return foreign(answer, text, writing=writing)
    words = words or "SharePoint gives no reason."
    if kind := _OURS.get(answer.status):
        return Misconfigured(kind=kind, text=words, exchange=answer.exchange)
    if answer.status in _CHANGED:
        text = f"Somebody works on this in SharePoint just now: {words}"
        return TryLater(kind=Kind.CONFLICT, text=text, exchange=answer.exchange)
    if kind := _REFUSED.get(answer.status):
        return Rejected(kind=kind, text=words, exchange=answer.exchange)
    return foreign(answer, words, writing=writing)
