"""The vendor's answers as verdicts: `{"code", "sqlState", "message", "statementHandle"}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controltower.canonical.verdicts import Kind, Misconfigured, Rejected, TryLater, Verdict
from integrations import exact_json
from integrations.answers import foreign, throttled
from integrations.http import Answer

_OURS = {401: Kind.AUTH, 403: Kind.PERMISSION}
_SET_UP = {
    "000002": Kind.CONTRACT,
    "002043": Kind.CONTRACT,
    "000904": Kind.CONTRACT,
    "001003": Kind.CONTRACT,
    "002003": Kind.CONTRACT,
    "003001": Kind.PERMISSION,
    "000606": Kind.CONTRACT,
    "090073": Kind.PERMISSION,
}
"""Not supported, unknown column, SQL that does not compile, no such object, no privilege, no
warehouse, or none that its limit lets run: nothing that another fact would fare better with."""
_NOT_NOW = {
    "000625": Kind.CONFLICT,
    "000630": Kind.TRANSIENT,
    "000604": Kind.TRANSIENT,
    "000603": Kind.TRANSIENT,
}
"""The table stayed locked, the statement timed out, was cancelled or broke inside of Snowflake:
rolled back as a whole."""


def is_own(answer: Answer) -> bool:
    """Whether a statement ran or runs, told in JSON and not on a page that some box wrote."""
    if answer.status not in {200, 202}:
        return False
    try:
        exact_json.decode(answer.body)
    except ValueError:
        return False
    return True


def verdict_of(answer: Answer, *, writing: bool) -> Verdict:
    """What an answer other than success came to."""
    if answer.status == 429:
        return throttled(answer, "Snowflake")
    said = _content(answer)
    words = str(said.get("message") or "")
    code = str(said.get("code") or "")
    if kind := _OURS.get(answer.status):
        text = words or f"Snowflake does not let us in (HTTP {answer.status})."
        return Misconfigured(kind=kind, text=text, exchange=answer.exchange)
    if answer.status in {408, 422} and words:
        return _failed(answer, code, words)
    if answer.status in {400, 404, 415} and words:
        return Misconfigured(kind=Kind.CONTRACT, text=words, exchange=answer.exchange)
    text = words or f"Snowflake's answer (HTTP {answer.status}) is not one of its own."
    return foreign(answer, text, writing=writing)


def _failed(answer: Answer, code: str, words: str) -> Verdict:
    """A statement that was not carried out; a single one is rolled back as a whole."""
    if answer.status == 408 or code in _NOT_NOW:
        kind = _NOT_NOW.get(code, Kind.TRANSIENT)
        return TryLater(kind=kind, text=words, exchange=answer.exchange)
    if code in _SET_UP:
        return Misconfigured(kind=_SET_UP[code], text=words, exchange=answer.exchange)
    return Rejected(kind=Kind.VALIDATION, text=words, exchange=answer.exchange)


def _content(answer: Answer) -> Mapping[str, Any]:
    try:
        content = exact_json.decode(answer.body)
    except ValueError:
        content = None
    return content if isinstance(content, Mapping) else {}
