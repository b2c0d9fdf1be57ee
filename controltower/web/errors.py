"""What a person or a program is told when something cannot be done: pages and RFC 9457 problems.

Error pages are drawn without context processors, so that they also appear while the database is
away.
"""

from __future__ import annotations

import secrets
from http import HTTPStatus
from urllib.parse import urlsplit

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import get_template
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme

LETTERS = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ" * 8
"""One of thirty-two, easily told apart, for each byte."""
PROBLEM = "application/problem+json"
PROGRAMS = ("/api/", "/healthz", "/readyz", "/metrics")
"""Paths whose callers are programs and are answered with a problem document."""


def new_reference() -> str:
    """A name for one request, short enough to be read out on the telephone: "R-7F3K9QA2"."""
    return "R-" + secrets.token_bytes(8).translate(LETTERS).decode()


def reference_of(request: HttpRequest) -> str:
    """The reference that ReferenceMiddleware gave this request."""
    return str(getattr(request, "reference", ""))


def came_from(request: HttpRequest) -> str:
    """The address of our own page that sent a request, or the Tower's where none is known."""
    told = request.headers.get("Referer", "")
    try:
        ours = url_has_allowed_host_and_scheme(
            told, allowed_hosts={request.get_host()}, require_https=request.is_secure()
        )
    except DisallowedHost:
        # What is refused may be the very name by which we were called.
        return "/"
    address = urlsplit(told)._replace(scheme="", netloc="", fragment="").geturl() if ours else ""
    # Two slashes would begin another host's address; to browsers a backslash is one.
    return "/" + address.lstrip("/\\")


def problem(
    status: int, name: str, title: str, detail: str, *, reference: str = "", **more: object
) -> JsonResponse:
    """A problem document (RFC 9457). `name` is its stable type, `more` its extension members."""
    document: dict[str, object] = {
        "type": f"urn:control-tower:problem:{name}",
        "title": title,
        "status": status,
        "detail": detail,
    }
    if reference:
        document["reference"] = reference
    return JsonResponse(document | more, status=status, content_type=PROBLEM)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400: it could not be read."""
    return _say(request, 400, "unreadable", "The request could not be read. Nothing was changed.")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403: this person may not."""
    return _say(
        request, 403, "not-allowed", "Your role does not include this. Nothing was changed."
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: the form did not come from a page of ours, or the session has ended since."""
    words = "The form was not ours or too old. Nothing was changed."
    return _say(request, 403, "not-allowed", words, template="csrf")


def only_sent(request: HttpRequest) -> HttpResponse:
    """405: the address takes what a form sends, and was opened, say from a bookmark."""
    return _say(request, 405, "not-shown", "There is nothing to show here. Nothing was changed.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404: not there, or not in this person's legal entities."""
    return _say(request, 404, "not-found", "There is nothing here, or not in your legal entities.")


def too_large(request: HttpRequest) -> HttpResponse:
    """413: more was sent at once than is taken in. Drawn before any middleware has seen it."""
    with translation.override(translation.get_language_from_request(request)):
        return _say(request, 413, "too-large", "More was sent at once than is taken. Send less.")


def server_error(request: HttpRequest) -> HttpResponse:
    """500: our fault; the transactions run apart from the page."""
    return _say(
        request, 500, "our-fault", "The tower could not answer. Quote the reference to an operator."
    )


def _say(
    request: HttpRequest, status: int, name: str, detail: str, template: str = ""
) -> HttpResponse:
    reference = reference_of(request)
    if request.path.startswith(PROGRAMS):
        return problem(status, name, HTTPStatus(status).phrase, detail, reference=reference)
    try:
        page = get_template(f"errors/{template or status}.html").render(
            {"reference": reference, "back": came_from(request)}
        )
    except ValueError:
        # The static files have not been collected: say it all the same, without their look.
        return HttpResponse(
            f"{detail} Reference: {reference}\n", status=status, content_type="text/plain"
        )
    return HttpResponse(page, status=status)
