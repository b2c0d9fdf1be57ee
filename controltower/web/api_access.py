"""Who calls the JSON API: a person, by a token of which only the digest is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from django.db.models import prefetch_related_objects
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from ninja.security import HttpBearer

from controltower.firm.models import ApiToken, Person
from controltower.web import scope
from controltower.web.errors import problem, reference_of

NOTED_EVERY = timedelta(minutes=1)


def digest_of(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


class Token(HttpBearer):
    """A bearer token that is not revoked, of a person who is active."""

    def authenticate(self, request: HttpRequest, token: str) -> Person | None:
        """The person, or None. Notes at most once a minute that the token was used."""
        found = (
            ApiToken.objects.select_related("person")
            .filter(digest=digest_of(token), revoked_at__isnull=True, person__is_active=True)
            .first()
        )
        if found is None:
            return None
        now = timezone.now()
        if found.last_used_at is None or found.last_used_at < now - NOTED_EVERY:
            ApiToken.objects.filter(pk=found.pk).update(last_used_at=now)
        prefetch_related_objects([found.person], "duties__entity")
        request.user = found.person
        return found.person


def caller(request: HttpRequest) -> Person:
    """The person behind an authenticated request."""
    person = request.user
    assert isinstance(person, Person)
    return person


def require_entity(person: Person, code: str | None) -> None:
    """Raises Http404 for a legal entity that the person does not see; None stands for all."""
    if code is not None and code not in {one.code for one in scope.entities(person)}:
        raise Http404


def no_token(request: HttpRequest) -> HttpResponse:
    """401, in words."""
    answer = problem(
        401,
        "no-token",
        "A token is needed",
        "Send a valid token as Authorization: Bearer. An administrator issues tokens.",
        reference=reference_of(request),
    )
    answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def known_caller(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """For the API's own description: a token, or a session."""

    @require_safe
    @wraps(view)
    def guarded(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponse:
        if not isinstance(request.user, Person) and not Token()(request):
            return no_token(request)
        return view(request, *arguments, **named)

    return guarded
