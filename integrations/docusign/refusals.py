"""The vendor's answers as verdicts: `{"errorCode": …, "message": …}`."""

from __future__ import annotations

from collections.abc import Mapping

from controltower.canonical.verdicts import Kind, Misconfigured, Rejected, TryLater, Verdict
from integrations import exact_json
from integrations.answers import foreign, throttled
from integrations.http import Answer

_THROTTLED = {"HOURLY_APIINVOCATION_LIMIT_EXCEEDED", "BURST_APIINVOCATION_LIMIT_EXCEEDED"}
_OURS = {401: Kind.AUTH, 403: Kind.PERMISSION}
_CODES_OF_OURS = {
    "AUTHORIZATION_INVALID_TOKEN": Kind.AUTH,
    "USER_AUTHENTICATION_FAILED": Kind.AUTH,
    "PARTNER_AUTHENTICATION_FAILED": Kind.AUTH,
    "USER_LACKS_PERMISSIONS": Kind.PERMISSION,
    "USER_DOES_NOT_BELONG_TO_SPECIFIED_ACCOUNT": Kind.PERMISSION,
    "ACCOUNT_HAS_BEEN_SUSPENDED": Kind.PERMISSION,
    "PLAN_ITEM_LIMIT_EXCEEDED": Kind.PERMISSION,
    "PLAN_ITEM_NOT_ENABLED": Kind.PERMISSION,
}
_HELD = {"EDIT_LOCK_ENVELOPE_LOCKED"}
_ABSENT = {"ENVELOPE_DOES_NOT_EXIST", "RESOURCE_NOT_FOUND"}


def verdict_of(answer: Answer) -> Verdict:
    """What the answer to a read, other than success, came to."""
    code, words = _complaint(answer)
    if answer.status == 429 or code in _THROTTLED:
        return throttled(answer, "DocuSign")
    if kind := _CODES_OF_OURS.get(code) or _OURS.get(answer.status):
        text = words or f"DocuSign does not let us in (HTTP {answer.status})."
        return Misconfigured(kind=kind, text=text, exchange=answer.exchange)
    if code in _HELD or (code and answer.status == 409):
        return TryLater(kind=Kind.CONFLICT, text=words or code, exchange=answer.exchange)
    if code in _ABSENT:
        return Rejected(kind=Kind.NOT_FOUND, text=words, exchange=answer.exchange)
    if code and answer.status == 400:
        return Rejected(kind=Kind.VALIDATION, text=words or code, exchange=answer.exchange)
    text = f"DocuSign's answer (HTTP {answer.status}) is not one of its own."
    return foreign(answer, words or text, writing=False)


def _complaint(answer: Answer) -> tuple[str, str]:
    """The code and the words of an error body, "" where there are none."""
    try:
        content = exact_json.decode(answer.body)
    except ValueError:
        return "", ""
    if not isinstance(content, Mapping):
        return "", ""
    return str(content.get("errorCode") or ""), str(content.get("message") or "")
