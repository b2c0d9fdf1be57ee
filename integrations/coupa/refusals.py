"""The vendor's answers as verdicts: `{"errors": {"account": ["is closed"]}}`, or a list."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
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
_NOBODY_KNOWS = re.compile(r"Unable to find valid \w+ record")


def is_own(answer: Answer) -> bool:
    """Whether it is a success with JSON of the vendor's own, not a page that some box wrote."""
    return 200 <= answer.status < 300 and not isinstance(_content(answer), _Foreign)


def verdict_of(answer: Answer, *, writing: bool) -> Verdict:
    """What an answer other than success came to."""
    if answer.status == 429:
        return throttled(answer, "Coupa")
    problems = list(_problems(_content(answer)))
    words = " ".join(_sentence(problem) for problem in problems)
    if kind := _OURS.get(answer.status):
        text = words or f"Coupa does not let us in (HTTP {answer.status})."
        return Misconfigured(kind=kind, text=text, exchange=answer.exchange)
    kind = _REFUSED.get(answer.status)
    if kind and problems:
        missing = _NOBODY_KNOWS.search(words) and answer.status != 404
        kind = Kind.REFERENCE_MISSING if missing else kind_by(words, kind)
        named = tuple(problem for problem in problems if problem.field)
        return Rejected(kind=kind, text=words, fields=named, exchange=answer.exchange)
    text = f"Coupa's answer (HTTP {answer.status}) is not one of its own."
    return foreign(answer, words or text, writing=writing)


class _Foreign:
    """A body that is not JSON."""


def _content(answer: Answer) -> Any:
    try:
        return exact_json.decode(answer.body)
    except ValueError:
        return _Foreign()


def _problems(content: Any) -> Iterator[FieldError]:
    """The complaints of an error body, whose field is "" when they are about the whole."""
    errors = content.get("errors") if isinstance(content, Mapping) else None
    if isinstance(errors, Mapping):
        for name, texts in errors.items():
            for text in texts if isinstance(texts, list) else [texts]:
                yield FieldError(str(name), str(text))
    elif isinstance(errors, list):
        yield from map(_problem, errors)


def _problem(said: Any) -> FieldError:
    """An entry of a list: words alone, or with the field that they are about."""
    if isinstance(said, Mapping):
        return FieldError(str(said.get("field") or ""), str(said.get("message") or ""))
    return FieldError("", str(said))


def _sentence(problem: FieldError) -> str:
    """As Coupa shows it to its own users: the field's name, then what is wrong with it."""
    name = problem.field.replace("_", " ").replace("-", " ").capitalize()
    words = f"{name} {problem.text}".strip()
    return words if words.endswith((".", "!", "?")) else f"{words}."
