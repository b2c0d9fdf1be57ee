"""The vendor's answers as verdicts. Errors are ``{"error": {"code", "message"}}``; so few codes
that a posting which was refused tells only in its words that the period is closed."""

from __future__ import annotations

import re

from controltower.canonical.verdicts import (
    FieldError,
    Kind,
    Misconfigured,
    Rejected,
    TryLater,
    Verdict,
)
from integrations.answers import PERIOD_CLOSED, error_in, foreign, throttled
from integrations.http import Answer

_OURS = {401: Kind.AUTH, 403: Kind.PERMISSION}
_OURS_BY_CODE = {
    "Authentication_InvalidCredentials": Kind.AUTH,
    "BadRequest_InvalidRequestUrl": Kind.CONTRACT,
    "BadRequest_MethodNotAllowed": Kind.CONTRACT,
    "BadRequest_MethodNotImplemented": Kind.CONTRACT,
    "Internal_CompanyNotFound": Kind.CONTRACT,
}
_CHANGED = {"Request_EntityChanged", "Internal_EntityChanged", "BadRequest_InvalidToken"}
_AWAY = "Internal_TenantUnavailable"
_BROKEN = {"Internal_ServerError", "Unknown"}
"""Of the server itself, whatever the status: nobody says how far it came."""
_WORDS = (
    (
        rf"allowed posting dates|accounting period|fiscal year|{PERIOD_CLOSED.pattern}",
        Kind.PERIOD_CLOSED,
        "invoice_date",
    ),
    (r"same key|already exists", Kind.DUPLICATE, ""),
    (r"(VAT|tax) registration", Kind.VALIDATION, "vat_number"),
    (
        r"does not exist|cannot be found|there is no .+ within the filter",
        Kind.REFERENCE_MISSING,
        "",
    ),
)
_OURS_BY_WORDS = (
    (r"current permissions prevented|following permissions on", Kind.PERMISSION),
    (
        r"No HTTP resource was found|does not exist on type|^Invalid Request Body|query syntax",
        Kind.CONTRACT,
    ),
)
_BUSY = re.compile(r"locked by another user|deadlock", re.IGNORECASE)


def verdict_of(answer: Answer, *, writing: bool) -> Verdict:
    """What an answer other than success came to."""
    if answer.status == 429:
        return throttled(answer, "Business Central")
    code, words = error_in(answer)
    if not code:
        text = f"Business Central's answer (HTTP {answer.status}) is not one of its own."
        return foreign(answer, text, writing=writing)
    words = words or "Business Central gives no reason."
    if kind := _OURS.get(answer.status) or _OURS_BY_CODE.get(code) or _kind_by(words):
        return Misconfigured(kind=kind, text=words, exchange=answer.exchange)
    if later := _later(answer, code, words):
        return later
    if answer.status == 404:
        return Rejected(kind=Kind.NOT_FOUND, text=words, exchange=answer.exchange)
    if answer.status in {400, 422} and code not in _BROKEN:
        return _refused(answer, words)
    return foreign(answer, words, writing=writing)


def _later(answer: Answer, code: str, words: str) -> TryLater | None:
    """What fares better a while later, having done nothing now; None for anything else."""
    if answer.status in {409, 412} or code in _CHANGED:
        text = f"Somebody has changed this in Business Central meanwhile: {words}"
        return TryLater(kind=Kind.CONFLICT, text=text, exchange=answer.exchange)
    if code == _AWAY:
        return TryLater(kind=Kind.OUTAGE, text=words, exchange=answer.exchange)
    if answer.status == 400 and _BUSY.search(words):
        return TryLater(kind=Kind.TRANSIENT, text=words, exchange=answer.exchange)
    return None


def _kind_by(words: str) -> Kind | None:
    """What is ours to mend, which the vendor tells in its words alone."""
    found = (kind for pattern, kind in _OURS_BY_WORDS if re.search(pattern, words))
    return next(found, None)


def _refused(answer: Answer, words: str) -> Rejected:
    for pattern, kind, field in _WORDS:
        if re.search(pattern, words, re.IGNORECASE):
            fields = (FieldError(field, words),) if field else ()
            return Rejected(kind=kind, text=words, fields=fields, exchange=answer.exchange)
    return Rejected(kind=Kind.VALIDATION, text=words, exchange=answer.exchange)
