"""How the API says what speaks against something that was not written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from django.http import HttpRequest, HttpResponse

from controltower.transactions.validating import Answer
from controltower.web.errors import problem, reference_of


def refused(
    request: HttpRequest, found: Answer, what: str, masked: Callable[[str], str] = str
) -> HttpResponse | None:
    """The problem document: 422 names what speaks against it, by field; 503 who did not answer, so
    that nobody knows. None where nothing speaks against it."""
    if found.objections:
        objections = [replace(one, text=masked(one.text)) for one in found.objections]
        return problem(
            422, "not-acceptable", f"The {what} would not be accepted",
            " ".join(one.text for one in objections) + " Nothing was written.",
            reference=reference_of(request),
            objections=[{"kind": one.kind, "text": one.text, "field": one.field}
                        for one in objections],
        )  # fmt: skip
    if found.unanswered:
        answer = problem(
            503, "not-answered", "Nobody knows yet",
            f"{' and '.join(found.unanswered)} did not answer in time or may not be called "
            "at present. Nothing was written. Ask again in a minute.",
            reference=reference_of(request),
        )  # fmt: skip
        answer.headers["Retry-After"] = "60"
        return answer
    return None
