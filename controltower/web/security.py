"""What every request passes: a reference, the content security policy, and the sign-in."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed, HttpResponseRedirect
from django.utils import timezone

from controltower.firm.models import Person
from controltower.web.errors import bad_request, came_from, new_reference, only_sent, reference_of

log = logging.getLogger(__name__)

Answer = Callable[[HttpRequest], HttpResponseBase]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
OPEN = re.compile(r"/(sign-in/|language/|healthz|readyz|metrics)\Z|/(api/v1|static)/")
"""All that is reached without a session: sign-in and its language, health, and the doors that check
for themselves (metrics and API by token). Everything else needs a person."""
QUIET = re.compile(r"/(static/|healthz\Z|readyz\Z|metrics\Z)")


class SignedIn(HttpRequest):
    """A request behind the sign-in: its user is a person. For the annotations of views."""

    user: Person


class ReferenceMiddleware:
    """Gives each request a reference, shown on error pages and written to the log."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        begun = time.monotonic()
        request.reference = new_reference()  # type: ignore[attr-defined]
        response = self.get_response(request)
        response.headers.setdefault("X-Reference", reference_of(request))
        if not QUIET.match(request.path):
            log.info(
                "%s %s",
                request.method,
                request.path[:200],
                extra={
                    "reference": reference_of(request),
                    "status": response.status_code,
                    "milliseconds": round((time.monotonic() - begun) * 1000),
                },
            )
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Write the fault down under the reference that its page shows."""
        log.error("page failed", exc_info=exception, extra={"reference": reference_of(request)})


class ContentSecurityPolicyMiddleware:
    """No inline script or style, nothing from elsewhere; and pages stay out of caches."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers["Content-Security-Policy"] = POLICY
        response.headers.setdefault("Cache-Control", "no-store")
        return response


class SignInMiddleware:
    """Nothing is shown to nobody; the signed-in person's zone is in force; and no address names
    anything by a NUL, which PostgreSQL could not even look up."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if "\x00" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            return bad_request(request)
        if OPEN.match(request.path):
            return self.get_response(request)
        if not isinstance(request.user, Person):
            query = urlencode(_meant(request), safe="/")
            return HttpResponseRedirect(f"{settings.LOGIN_URL}?{query}")
        prefetch_related_objects([request.user], "duties__entity")
        with timezone.override(_zone(request.user.zone)):
            return self.get_response(request)


class WordsMiddleware:
    """An address that only takes what is sent to it says so to who opens it: Django's own answer
    is empty. Innermost, so that the person's language is in force."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if isinstance(response, HttpResponseNotAllowed) and not response.content:
            said = only_sent(request)
            said["Allow"] = response["Allow"]
            return said
        return response


def _meant(request: HttpRequest) -> dict[str, str]:
    """Where a person goes on after the sign-in: what was opened, or the page whose form was sent
    when the session had ended, with word that it was not done."""
    if request.method in {"GET", "HEAD"}:
        return {"next": request.get_full_path()}
    return {"next": came_from(request), "unsent": "1"}


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
