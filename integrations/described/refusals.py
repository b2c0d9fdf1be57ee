"""What an answer came to, by its status and by the codes that the description explains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controltower.canonical.verdicts import Kind, Misconfigured, Rejected, TryLater, Verdict
from integrations import exact_json
from integrations.answers import foreign, throttled
from integrations.described.description import Errors
from integrations.http import Answer

_OURS = {Kind.AUTH, Kind.PERMISSION, Kind.CONTRACT}
_CERTAIN = {Kind.AUTH, Kind.RATE_LIMITED}
"""Whoever says so, nothing was done."""
_LATER = {Kind.TRANSIENT, Kind.CONFLICT}
_BY_STATUS = {
    400: Kind.VALIDATION,
    401: Kind.AUTH,
    403: Kind.PERMISSION,
    404: Kind.NOT_FOUND,
    405: Kind.CONTRACT,
    406: Kind.CONTRACT,
    409: Kind.DUPLICATE,
    410: Kind.NOT_FOUND,
    412: Kind.VALIDATION,
    413: Kind.VALIDATION,
    415: Kind.CONTRACT,
    422: Kind.VALIDATION,
    423: Kind.CONFLICT,
    429: Kind.RATE_LIMITED,
}
_WORDS = 300


class Refusals:
    """Reads one system's refusals."""

    def __init__(self, title: str, errors: Errors) -> None:
        self._title, self._errors = title, errors

    def verdict(self, answer: Answer, *, writing: bool) -> Verdict | None:
        """None for a success. An answer that is not the system's own proves nothing: a page that
        some box on the way has written leaves a write in doubt."""
        content = _decoded(answer)
        own = isinstance(content, Mapping | list) or not answer.body
        code = self._at(content, self._errors.code)
        kind = self._kind(answer, code)
        succeeded = 200 <= answer.status < 300 and not code and (bool(answer.body) or writing)
        if kind is None and own and succeeded:
            return None
        if kind is None or not (own or kind in _CERTAIN):
            text = f"The answer (HTTP {answer.status}) is not one of {self._title}'s own."
            return foreign(answer, text, writing=writing)
        return self._told(answer, kind, self._at(content, self._errors.text) or code)

    def _kind(self, answer: Answer, code: str) -> Kind | None:
        """By the system's own code where it is explained; else by the status."""
        if code in self._errors.kinds:
            return Kind(self._errors.kinds[code])
        return _BY_STATUS.get(answer.status)

    def _told(self, answer: Answer, kind: Kind, words: str) -> Verdict:
        if kind is Kind.RATE_LIMITED:
            return throttled(answer, self._title)
        text = words[:_WORDS] or f"{self._title} refused this without a word ({answer.status})."
        if kind in _OURS:
            return Misconfigured(kind=kind, text=text, exchange=answer.exchange)
        if kind in _LATER:
            return TryLater(
                kind=kind, text=text, after=answer.retry_after, exchange=answer.exchange
            )
        return Rejected(kind=kind, text=text, exchange=answer.exchange)

    @staticmethod
    def _at(content: Any, path: str) -> str:
        """Text at a path of an answer, whose steps into a list are numbers from 0; "" when nothing
        is there."""
        found = content if path else None
        for step in path.split("."):
            if isinstance(found, Mapping):
                found = found.get(step)
            elif isinstance(found, list) and step.isdecimal() and int(step) < len(found):
                found = found[int(step)]
            else:
                return ""
        return "" if found is None else str(found)


def _decoded(answer: Answer) -> Any:
    try:
        return exact_json.decode(answer.body)
    except ValueError:
        return None
