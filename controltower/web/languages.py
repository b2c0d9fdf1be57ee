"""In which language a person is spoken to: their own choice, else the cookie's, else the browser's.

Programs are always answered in English and in plain ISO formats, whatever their headers say.
"""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.locale import LocaleMiddleware
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from controltower.firm.models import Language, Person
from controltower.web.errors import PROGRAMS

A_YEAR = 365 * 24 * 3600


class LanguageMiddleware(LocaleMiddleware):
    """Puts the language in force before anything is said. Stands behind the authentication, since
    it asks who it is."""

    def process_request(self, request: HttpRequest) -> None:
        """First what can be known without the database, so that even its absence is told in the
        right language; then the person's own choice."""
        if request.path.startswith(PROGRAMS):
            translation.activate(settings.LANGUAGE_CODE)
            return
        translation.activate(translation.get_language_from_request(request))
        if isinstance(request.user, Person) and request.user.language:
            translation.activate(request.user.language)


@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Keep a language with the person, and in a cookie for the pages before the sign-in."""
    language, target = request.POST.get("language", ""), request.POST.get("next", "")
    if language not in Language.values:
        raise Http404
    if isinstance(request.user, Person):
        request.user.language = language
        request.user.save(update_fields=["language"])
    safe = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    response = HttpResponseRedirect(target if safe else settings.LOGIN_REDIRECT_URL)
    remember(response, language)
    return response


def remember(response: HttpResponse, language: str) -> None:
    """Keep the language in the cookie; forget it where the browser is to decide."""
    if language:
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME, language, max_age=A_YEAR, samesite="Lax", httponly=True,
            secure=settings.HTTPS,
        )  # fmt: skip
    else:
        response.delete_cookie(settings.LANGUAGE_COOKIE_NAME, samesite="Lax")
