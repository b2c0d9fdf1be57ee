"""The vendor's answers as verdicts: `{"errors": [{"type": …, "message": …, "field": …}]}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from controltower.canonical.verdicts import FieldError, Kind, Misconfigured, Rejected, Verdict
from integrations import exact_json
from integrations.answers import foreign, kind_by, throttled
from integrations.http import Answer

_OURS = {401: Kind.AUTH, 403: Kind.PERMISSION}
_REFUSED = {
    400: Kind.VALIDATION,
    404: Kind.NOT_FOUND,
    409: Kind.CONFLICT,
    422: Kind.VALIDATION,
}
_DONE = re.compile(r"already been invoiced")


def is_own(answer: Answer) -> bool:
    """Whether it is a success with JSON of the vendor's own, not a page that some box wrote."""
    return answer.status in {200, 201} and isinstance(_content(answer), Mapping)


def verdict_of(answer: Answer, *, writing: bool) -> Verdict:
    """What an answer other than success came to; a 429 comes without a word of when."""
    if answer.status == 429:
        return throttled(answer, "Kantata")
    problems = _problems(_content(answer))
    words = " ".join(dict.fromkeys(_sentence(problem) for problem in problems))
    if kind := _OURS.get(answer.status):
        text = words or f"Kantata does not let us in (HTTP {answer.status})."
        return Misconfigured(kind=kind, text=text, exchange=answer.exchange)
    if problems and (kind := _REFUSED.get(answer.status)):
        kind = Kind.ALREADY_DONE if _DONE.search(words) else kind_by(words, kind)
        named = tuple(problem for problem in problems if problem.field)
        return Rejected(kind=kind, text=words, fields=named, exchange=answer.exchange)
    text = f"Kantata's answer (HTTP {answer.status}) is not one of its own."
    return foreign(answer, words or text, writing=writing)


def _content(answer: Answer) -> Any:
    try:
        return exact_json.decode(answer.body)
    except ValueError:
        return None


def _problems(content: Any) -> list[FieldError]:
    errors = content.get("errors") if isinstance(content, Mapping) else None
    return [
        FieldError(str(error.get("field") or ""), str(error.get("message") or "no words"))
        for error in (errors if isinstance(errors, list) else [])
        if isinstance(error, Mapping)
    ]


def _sentence(problem: FieldError) -> str:
    return problem.text if problem.text.endswith((".", "!", "?")) else f"{problem.text}."
