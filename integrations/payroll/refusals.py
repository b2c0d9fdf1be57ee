"""The vendor's answers as verdicts: `confirmMessage`, with the words for people deep inside."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from controltower.canonical.verdicts import Kind, Misconfigured, Rejected, Verdict
from integrations import exact_json
from integrations.answers import foreign, kind_by, throttled
from integrations.http import Answer

_OURS = {401: Kind.AUTH, 403: Kind.PERMISSION, 405: Kind.CONTRACT}
_REFUSED = {400: Kind.VALIDATION, 404: Kind.NOT_FOUND, 409: Kind.CONFLICT, 422: Kind.VALIDATION}
_WORDS = {"messageTxt", "message"}
_STRANGER = re.compile("invalid_client|invalid_grant|unauthorized_client")


def verdict_of(answer: Answer, *, writing: bool) -> Verdict:
    """What an answer other than success came to. A 503 is a request to wait only in the vendor's
    own words: any box on the way may say it, having passed the request on."""
    words = " ".join(dict.fromkeys(_complaints(answer)))
    if answer.status == 429 or (answer.status == 503 and words):
        return throttled(answer, "ADP")
    is_stranger = answer.status == 400 and _STRANGER.search(answer.body.decode(errors="replace"))
    if words and (kind := Kind.AUTH if is_stranger else _OURS.get(answer.status)):
        return Misconfigured(kind=kind, text=words, exchange=answer.exchange)
    if words and (kind := _REFUSED.get(answer.status)):
        kind = kind_by(words, kind)
        return Rejected(kind=kind, text=words, exchange=answer.exchange)
    text = f"ADP's answer (HTTP {answer.status}) is not one of its own."
    return foreign(answer, words or text, writing=writing)


def _complaints(answer: Answer) -> Iterator[str]:
    """The words of an answer that are meant for people, and those of a refused token."""
    try:
        content = exact_json.decode(answer.body)
    except ValueError:
        return
    if isinstance(content, Mapping):
        yield from _said_in(content)
        if isinstance(content.get("error"), str):
            yield str(content.get("error_description") or content["error"])


def _said_in(content: Any) -> Iterator[str]:
    """Every `messageTxt` of the product, and `message` of its gateway, however deep."""
    if isinstance(content, Mapping):
        for name, value in content.items():
            if name in _WORDS and isinstance(value, str):
                yield value
            else:
                yield from _said_in(value)
    elif isinstance(content, list):
        for value in content:
            yield from _said_in(value)
