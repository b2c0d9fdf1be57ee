"""Signing in and out, and what a person prefers."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from controltower.firm import audit
from controltower.firm.models import Density, Person, Theme
from controltower.web import landing, scope
from controltower.web.models import SignInTry
from controltower.web.security import SignedIn
from controltower.web.zones import ZONES

WINDOW = timedelta(minutes=10)
MOST_TOGETHER, MOST_PER_ADDRESS, MOST_PER_ACCOUNT = 5, 50, 50
"""Tries in the window: per account and address; per address; per account from anywhere."""


class SignInForm(AuthenticationForm):
    """Name and password, with a limit to guessing."""

    error_messages = {
        "invalid_login": _("That name and password do not go together. Try again."),
        "inactive": _("That name and password do not go together. Try again."),
    }

    def clean(self) -> dict[str, Any]:
        """Count the try first, then look at the password. Raises ValidationError."""
        now = timezone.now()
        account = str(self.cleaned_data.get("username", "")).casefold()[:150]
        address = address_of(self.request)
        if too_many(account, address, now):
            audit.record(
                actor=account, verb="sign in", subject=f"from {address}", allowed=False, now=now,
                detail={"why": "too many tries"},
            )  # fmt: skip
            text = _(
                "Too many tries. Wait ten minutes, then try again; nothing is locked for good."
            )
            raise ValidationError(text, code="throttled")
        try:
            return super().clean()
        except ValidationError:
            audit.record(
                actor=account, verb="sign in", subject=f"from {address}", allowed=False, now=now
            )
            raise


def address_of(request: HttpRequest | None) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))[:45] if request else ""


def too_many(account: str, address: str, now: datetime) -> bool:
    """Count this try at a password and say whether it is one too many."""
    SignInTry.objects.filter(at__lt=now - WINDOW).delete()
    SignInTry.objects.create(account=account, address=address, at=now)
    tries = SignInTry.objects.filter(Q(account=account) | Q(address=address))
    of_account = [try_.address for try_ in tries if try_.account == account]
    of_address = sum(1 for try_ in tries if try_.address == address)
    return (
        of_account.count(address) > MOST_TOGETHER
        or of_address > MOST_PER_ADDRESS
        or len(of_account) > MOST_PER_ACCOUNT
    )


class SignIn(LoginView):
    """The sign-in page."""

    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_context_data(self, **given: Any) -> dict[str, Any]:
        """Besides the form: whether there is anybody at all who could sign in."""
        return super().get_context_data(**given) | {"unfounded": not Person.objects.exists()}

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Let the person in, and forget the tries that led here."""
        person = form.get_user()
        account, address = person.get_username().casefold(), address_of(self.request)
        SignInTry.objects.filter(account=account, address=address).delete()
        audit.record(
            actor=person.get_username(), verb="sign in", subject=f"from {address}", allowed=True,
            now=timezone.now(),
        )  # fmt: skip
        return super().form_valid(form)

    def get_success_url(self) -> str:
        """The page that was asked for; where nobody asked for one, where this person begins."""
        asked = self.get_redirect_url()
        if asked not in ("", settings.LOGIN_REDIRECT_URL):
            return asked
        person = self.request.user
        return landing.address(person) if isinstance(person, Person) else asked


class SignOut(LogoutView):
    """Signing out, by POST only."""

    http_method_names = ["post", "options"]


@require_POST
def preferences(request: SignedIn) -> HttpResponse:
    """What is kept with the person; and the entity, which is kept in the session."""
    person, wanted = request.user, request.POST
    if "theme" in wanted:
        person.theme = _one_of(wanted["theme"], Theme.values)
    if "zone" in wanted:
        person.zone = _one_of(wanted["zone"], ZONES)
    if "single_keys" in wanted:
        person.single_keys = _one_of(wanted["single_keys"], ("on", "off")) == "on"
    if "density" in wanted:
        person.density = _one_of(wanted["density"], Density.values)
    if "entity" in wanted:
        _choose_entity(request, person, wanted["entity"])
    person.save(update_fields=["theme", "zone", "density", "single_keys"])
    target = wanted.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return HttpResponseRedirect(target if safe else settings.LOGIN_REDIRECT_URL)


def _one_of(value: str, known: Any) -> str:
    if value not in known:
        raise Http404
    return value


def _choose_entity(request: HttpRequest, person: Person, code: str) -> None:
    if code and code not in {entity.code for entity in scope.entities(person)}:
        raise Http404
    request.session[scope.KEY] = code
