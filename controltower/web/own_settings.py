"""A person's own settings, and the messages that were sent to them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm
from django.db.models import QuerySet
from django.db.transaction import atomic
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from controltower.firm import audit
from controltower.firm.models import Density, Landing, Language, Person, Theme
from controltower.incidents.models import Channel, Message, MessageState, Wish
from controltower.web import languages, saved_views, view_lists, zones
from controltower.web.list_filters import ListFilters, choice, containing
from controltower.web.manage_notices import MARKS
from controltower.web.sayings import heard, heard_lazy
from controltower.web.security import SignedIn
from controltower.web.signin import address_of, too_many

LATELY = 50
CHOSEN = {"language": Language, "lands_on": Landing, "theme": Theme, "density": Density}


class Looks(forms.ModelForm):  # type: ignore[type-arg]
    """How the tower speaks to somebody and looks."""

    zone = forms.ChoiceField(label=gettext_lazy("Time zone"), choices=zones.CHOICES)

    class Meta:
        model = Person
        fields = ("language", "zone", "lands_on", "theme", "density", "single_keys")
        labels = {
            "language": gettext_lazy("Language"),
            "lands_on": gettext_lazy("You begin at"),
            "theme": gettext_lazy("Theme"),
            "density": gettext_lazy("Rows"),
            "single_keys": gettext_lazy("Single-key shortcuts"),
        }
        help_texts = {
            "single_keys": gettext_lazy("Letters as J, K, X or R act at once. Ctrl K always does.")
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name, kinds in CHOSEN.items():
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [(value, heard(label)) for value, label in kinds.choices]


class Mails(forms.ModelForm):  # type: ignore[type-arg]
    """When the daily mail comes."""

    class Meta:
        model = Wish
        fields = ("digest_at",)
        labels = {"digest_at": gettext_lazy("Daily mail at")}
        help_texts = {
            "digest_at": gettext_lazy(
                "In your time zone, on working days, when something has changed. Empty: none."
            )
        }
        widgets = {"digest_at": forms.TimeInput({"type": "time"}, format="%H:%M")}


@require_safe
def settings_page(request: SignedIn) -> HttpResponse:
    """All of it on one page."""
    return _page(request)


def _page(request: SignedIn, status: int = 200, **forms_: forms.BaseForm) -> HttpResponse:
    mailed = saved_views.visible_to(request.user).filter(readers=request.user)
    context: dict[str, Any] = {
        "looks": Looks(instance=request.user, auto_id="looks-%s"),
        "mails": Mails(instance=_wish(request.user), auto_id="mails-%s"),
        "password": _password_form(request),
        "mailed": [(view.name, view_lists.address(view.page, view.query)) for view in mailed],
        "has_errors": bool(forms_),
    }
    return render(request, "own/settings.html", context | forms_, status=status)


def _wish(person: Person) -> Wish:
    return Wish.objects.filter(person=person).first() or Wish(person=person)


def _password_form(request: SignedIn, data: Any = None) -> PasswordChangeForm:
    form = PasswordChangeForm(request.user, data, auto_id="password-%s")
    form.fields["old_password"].widget.attrs.pop("autofocus", None)
    form.fields["new_password1"].help_text = _("Twelve characters or more, and no common password.")
    return form


def _kept() -> HttpResponse:
    return HttpResponseRedirect(reverse("own_settings"))


@require_POST
def looks(request: SignedIn) -> HttpResponse:
    """Language, zone, theme, rows and single keys."""
    form = Looks(request.POST, instance=Person.objects.get(pk=request.user.pk), auto_id="looks-%s")
    if not form.is_valid():
        return _page(request, 422, looks=form)
    form.save()
    response = _kept()
    languages.remember(response, form.cleaned_data["language"])
    messages.success(request, _("Kept."))
    return response


@require_POST
def mails(request: SignedIn) -> HttpResponse:
    """When the daily mail comes, if at all."""
    form = Mails(request.POST, instance=_wish(request.user), auto_id="mails-%s")
    if not form.is_valid():
        return _page(request, 422, mails=form)
    now, at = timezone.now(), form.cleaned_data["digest_at"]
    with atomic():
        form.save()
        audit.record(
            actor=request.user, verb="change notices", subject=f"person {request.user.username}",
            allowed=True, now=now, detail={"digest_at": str(at or "")},
        )  # fmt: skip
    messages.success(request, _("Kept."))
    return _kept()


@require_POST
def password(request: SignedIn) -> HttpResponse:
    """A new password; sessions elsewhere end with it. Guessing the old one is limited as at the
    sign-in."""
    now, account = timezone.now(), request.user.username
    form = _password_form(request, request.POST)
    if too_many(account.casefold(), address_of(request), now):
        form.add_error(
            None, _("Too many tries. Wait ten minutes, then try again. Nothing was changed.")
        )
    allowed = form.is_valid()
    with atomic():
        if allowed:
            form.save()
        audit.record(
            actor=request.user, verb="change password", subject=f"person {account}",
            allowed=allowed, now=now,
        )  # fmt: skip
    if not allowed:
        return _page(request, 422, password=form)
    update_session_auth_hash(request, form.user)
    messages.success(request, _("Your password is changed. Sessions elsewhere have ended."))
    return _kept()


class MessageFilters(ListFilters):
    """What narrows the list of messages."""

    channel = choice(
        gettext_lazy("Way"),
        gettext_lazy("Any way"),
        [(one.value, heard_lazy(one.label)) for one in Channel],
    )
    state = choice(
        gettext_lazy("State"),
        gettext_lazy("Any state"),
        [(one.value, heard_lazy(one.label)) for one in MessageState],
    )
    hint = gettext_lazy("Words of the message")

    def leave(self, rows: QuerySet[Message]) -> QuerySet[Message]:
        """The messages that they ask for; none when one makes no sense."""
        if not self.is_valid():
            return rows.none()
        chosen = {name: self.given(name) for name in ("channel", "state") if self.given(name)}
        return rows.filter(containing(self.given("q"), "subject", "text"), **chosen)


@require_safe
def sent(request: SignedIn) -> HttpResponse:
    """What was sent to this person, the newest first: here, too, where no mail server is set."""
    filters = MessageFilters(request.GET)
    mine = Message.objects.filter(person=request.user).select_related("ask__settled_by")
    found = filters.leave(mine).order_by("-id")[:LATELY]
    context = {
        "form": filters,
        "filters": filters.number,
        "clear_url": reverse("own_messages"),
        "lines": [(one, MARKS[MessageState(one.state)]) for one in found],
        "has_server": bool(settings.EMAIL_HOST),
    }
    return render(request, "own/messages.html", context)


@require_safe
def asks(request: SignedIn) -> HttpResponse:
    """What waits for this person's word, for the top bar."""
    return render(request, "components/_asks.html")
