"""The vendor's answers as verdicts: empty bodies, words in a header, and errors inside a 200."""

from __future__ import annotations

from collections.abc import Mapping

from controltower.canonical.verdicts import Kind, Misconfigured, Rejected, Verdict
from integrations import exact_json
from integrations.answers import foreign, kind_by, throttled
from integrations.http import Answer

WORDS = "X-BambooHR-Error-Message"
_OURS = {401: Kind.AUTH, 403: Kind.PERMISSION}
_REFUSED = {
    400: Kind.VALIDATION,
    404: Kind.NOT_FOUND,
    406: Kind.VALIDATION,
    409: Kind.VALIDATION,
    412: Kind.CONFLICT,
}


def complaint_in(answer: Answer) -> str:
    """What is wrong with a 200: the words of an error body, or that it is no JSON; "" when all is
    well."""
    try:
        content = exact_json.decode(answer.body)
    except ValueError:
        return "BambooHR's answer is not one of its own."
    error = content.get("error") if isinstance(content, Mapping) else None
    if not error:
        return ""
    return str(error.get("message") or "no words") if isinstance(error, Mapping) else str(error)


def verdict_of(answer: Answer, *, writing: bool) -> Verdict:
    """What an answer other than success came to."""
    if _is_throttled(answer):
        return throttled(answer, "BambooHR")
    words = answer.headers.get(WORDS, "").strip()
    if kind := _OURS.get(answer.status):
        text = words or f"BambooHR does not let us in (HTTP {answer.status})."
        return Misconfigured(kind=kind, text=text, exchange=answer.exchange)
    if kind := _refusal_kind(answer, words):
        kind = kind_by(words, kind) if answer.status == 409 else kind
        text = words or f"BambooHR refused this without a word (HTTP {answer.status})."
        return Rejected(kind=kind, text=text, exchange=answer.exchange)
    text = words or f"BambooHR's answer (HTTP {answer.status}) is not one of its own."
    return foreign(answer, text, writing=writing)


def _is_throttled(answer: Answer) -> bool:
    """429 since 2026-09-16; before, a 503 that says when to come again. One end point says it in
    the body of a 200."""
    if answer.status == 429:
        return True
    if answer.status == 503:
        return "Retry-After" in answer.headers
    return answer.status == 200 and "rate limit" in complaint_in(answer).lower()


def _refusal_kind(answer: Answer, words: str) -> Kind | None:
    """A refusal of the vendor's own has its words in the header or no body at all; a page that
    some box on the way has written has neither."""
    if answer.body and not words:
        return None
    return _REFUSED.get(answer.status)
