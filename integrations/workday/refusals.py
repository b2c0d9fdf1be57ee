"""The vendor's answers as verdicts: ``{"error": "…", "errors": [{"error", "field"}]}``."""

from __future__ import annotations

from collections.abc import Mapping

from controltower.canonical.verdicts import FieldError, Kind, Misconfigured, Rejected, Verdict
from integrations import exact_json
from integrations.answers import foreign, throttled
from integrations.http import Answer

_OURS = {401: Kind.AUTH, 403: Kind.PERMISSION}
_REFUSED = {400: Kind.VALIDATION, 404: Kind.NOT_FOUND, 422: Kind.VALIDATION}


def verdict_of(answer: Answer) -> Verdict:
    """What a read that was no success came to."""
    if answer.status == 429:
        return throttled(answer, "Workday")
    words, fields = complaint_in(answer)
    if words and (kind := _OURS.get(answer.status)):
        return Misconfigured(kind=kind, text=words, exchange=answer.exchange)
    if words and (kind := _REFUSED.get(answer.status)):
        return Rejected(kind=kind, text=words, fields=fields, exchange=answer.exchange)
    text = f"Workday's answer (HTTP {answer.status}) is not one of its own."
    return foreign(answer, words or text, writing=False)


def complaint_in(answer: Answer) -> tuple[str, tuple[FieldError, ...]]:
    """The words of an error and what it says of fields; "" when it is none of the vendor's."""
    try:
        content = exact_json.decode(answer.body)
    except ValueError:
        return "", ()
    if not isinstance(content, Mapping) or not isinstance(content.get("error"), str):
        return "", ()
    parts = content.get("errors")
    named = tuple(
        FieldError(str(part.get("field") or ""), str(part.get("error") or ""))
        for part in (parts if isinstance(parts, list) else [])
        if isinstance(part, Mapping)
    )
    said = " ".join(dict.fromkeys([content["error"], *(one.text for one in named)]))
    return said.strip(), tuple(one for one in named if one.field)
