"""The vendor's answers as verdicts: ``o:errorDetails`` with a code each, sometimes a page of HTML.

One status means several things: 400 is a refusal, a spent concurrency limit, the news that a job of
the same key has been there before, or that a script of the account's own broke: one that runs after
the record was saved leaves it there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from controltower.canonical.verdicts import (
    FieldError,
    Kind,
    Misconfigured,
    Rejected,
    TryLater,
    Verdict,
)
from integrations import exact_json
from integrations.answers import PERIOD_CLOSED, foreign, throttled
from integrations.http import Answer

IDEMPOTENCY = "IDEMPOTENCY_ERROR"
_OURS = {401: Kind.AUTH, 403: Kind.PERMISSION}
_CODES_OF_OURS = {
    "INVALID_LOGIN": Kind.AUTH,
    "INSUFFICIENT_PERMISSION": Kind.PERMISSION,
    "NONEXISTENT_RECORD_TYPE": Kind.CONTRACT,
    "INVALID_HEADER": Kind.CONTRACT,
    "INVALID_PARAMETER": Kind.CONTRACT,
    "METHOD_NOT_ALLOWED": Kind.CONTRACT,
}
_TOO_MUCH = re.compile(r"CONCURRENCY|REQUEST_LIMIT|SSS_REQUEST_LIMIT_EXCEEDED")
_BROKEN = re.compile(r"^(UNEXPECTED_ERROR|SSS_(TIME|USAGE|INSTRUCTION)_LIMIT_EXCEEDED)$")
"""Something broke on the way, and nobody says whether the record was saved before."""
_CHANGED = {"RCRD_HAS_BEEN_CHANGED", "RECORD_HAS_BEEN_CHANGED"}
_BY_CODE = {
    "NONEXISTENT_ID": Kind.NOT_FOUND,
    "RCRD_DSNT_EXIST": Kind.NOT_FOUND,
    "DUP_ENTITY": Kind.DUPLICATE,
    "DUP_RCRD": Kind.DUPLICATE,
    "UNIQUE_CUST_ID_REQD": Kind.DUPLICATE,
    "INVALID_KEY_OR_REF": Kind.REFERENCE_MISSING,
    "INVALID_INITIALIZE_REF": Kind.REFERENCE_MISSING,
}
_PERIOD = re.compile(rf"accounting period|posting period|{PERIOD_CLOSED.pattern}", re.I)
_REFERENCE = re.compile(
    r"invalid (\w+ reference key|field value .+ following field)", re.IGNORECASE
)


def verdict_of(answer: Answer, *, writing: bool) -> Verdict:
    """What an answer other than success came to."""
    code, words, path = error_in(answer)
    if answer.status == 429 or _TOO_MUCH.search(code):
        return throttled(answer, "NetSuite")
    if not code:
        text = f"NetSuite's answer (HTTP {answer.status}) is not one of its own."
        return foreign(answer, text, writing=writing)
    if kind := _CODES_OF_OURS.get(code) or _OURS.get(answer.status):
        return Misconfigured(kind=kind, text=words, exchange=answer.exchange)
    if code in _CHANGED:
        return TryLater(kind=Kind.CONFLICT, text=words, exchange=answer.exchange)
    if _BROKEN.match(code):
        return foreign(answer, words, writing=writing)
    if answer.status == 404:
        return Rejected(kind=Kind.NOT_FOUND, text=words, exchange=answer.exchange)
    if 400 <= answer.status < 500:
        return _refused(answer, code, words, path)
    return foreign(answer, words, writing=writing)


def failure_of(answer: Answer) -> Verdict:
    """What a job has failed of, by the result of its task; nothing was written."""
    code, words, path = error_in(answer)
    if _TOO_MUCH.search(code):
        return throttled(answer, "NetSuite")
    return _refused(answer, code, words or "The job failed, and NetSuite gives no reason.", path)


def error_in(answer: Answer) -> tuple[str, str, str]:
    """Code, words and path of the first detail of an error; no code when it is none of the
    vendor's."""
    try:
        content = exact_json.decode(answer.body)
    except ValueError:
        return "", "", ""
    details = content.get("o:errorDetails") if isinstance(content, Mapping) else None
    if not isinstance(details, list) or not details or not isinstance(details[0], Mapping):
        return "", "", ""
    first = details[0]
    words = str(first.get("detail") or content.get("title") or "NetSuite gives no reason.")
    return str(first.get("o:errorCode") or ""), words, str(first.get("o:errorPath") or "")


def _refused(answer: Answer, code: str, words: str, path: str) -> Rejected:
    missing = Kind.REFERENCE_MISSING if _REFERENCE.search(words) else Kind.VALIDATION
    kind = _BY_CODE.get(code, missing)
    if _PERIOD.search(words):
        kind, path = Kind.PERIOD_CLOSED, "invoice_date"
    fields = (FieldError(path, words),) if path else ()
    return Rejected(kind=kind, text=words, fields=fields, exchange=answer.exchange)
