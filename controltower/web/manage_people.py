"""Admin: people, their roles in legal entities, and their way in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Prefetch
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from controltower.firm import duties
from controltower.firm import people as staff
from controltower.firm.models import AuditEntry, Duty, LegalEntity, Person, PolicyVersion, Role
from controltower.firm.policies import BadPolicy
from controltower.firm.rights import Right
from controltower.web import manage_frame, policy_words, refused_forms, zones
from controltower.web.actions import Action, Leave
from controltower.web.decisions import Reason
from controltower.web.manage_frame import guarded
from controltower.web.security import SignedIn

LATELY = 10


class NewPerson(forms.Form):
    """Somebody who is to sign in."""

    username = forms.CharField(label=gettext_lazy("Sign-in name"), max_length=61)
    first = forms.CharField(label=gettext_lazy("First name"), max_length=80)
    last = forms.CharField(label=gettext_lazy("Last name"), max_length=80)
    email = forms.EmailField(label=gettext_lazy("E-mail"))
    zone = forms.ChoiceField(
        label=gettext_lazy("Time zone"), choices=zones.CHOICES, initial="Europe/Berlin"
    )


class Rights(Reason):
    """Roles, each for the whole firm or in single entities: "controller@LF-UK"."""

    duties = forms.MultipleChoiceField(required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["duties"]
        assert isinstance(field, forms.MultipleChoiceField)
        codes = ["", *LegalEntity.objects.values_list("code", flat=True)]
        field.choices = [(f"{role}@{code}",) * 2 for role in Role.values for code in codes]


@require_http_methods(["GET", "HEAD", "POST"])
@guarded
def people(request: SignedIn) -> HttpResponse:
    """Everybody who signs in, and how somebody new comes in."""
    form = NewPerson(request.POST or None, auto_id="new-%s")
    if request.method == "POST":
        if not form.is_valid():
            return manage_frame.unclear(request, form, reverse("manage_people"))
        try:
            made, password = staff.create(**form.cleaned_data, by=request.user, now=timezone.now())
        except (staff.NotAllowed, staff.BadPerson) as refused:
            messages.error(request, str(refused))
            return HttpResponseRedirect(reverse("manage_people"))
        return _password(request, made, password)
    rows = Person.objects.prefetch_related(
        Prefetch("duties", Duty.objects.select_related("entity"))
    )
    leave = manage_frame.leave(request, Right.ADMINISTER)
    new = Action(
        id="new-person", label=_("New person"), title=_("Who is to sign in?"), icon="user-plus",
        url=reverse("manage_people"), form=form, confirm=_("Create the person"), primary=True,
        allowed=leave.allowed, why_not=leave.why_not,
    )  # fmt: skip
    context = {
        "people": [_line(one) for one in rows.order_by("-is_active", "last_name", "username")],
        "coming": manage_frame.waiting(duties.KIND),
        "new": new,
    }
    return manage_frame.page(request, "manage/people.html", "manage_people", context)


def _line(person: Person) -> dict[str, Any]:
    held = {"duties": [(duty.role, duty.entity.code if duty.entity else "")
                       for duty in person.duties.all()]}  # fmt: skip
    return {
        "person": person,
        "url": reverse("manage_person", args=[person.username]),
        "rights": policy_words.rights(held),
    }


@require_safe
@guarded
def person(request: SignedIn, username: str) -> HttpResponse:
    """One person: roles × entities, standing, and what was decided about them."""
    one = get_object_or_404(Person, username=username)
    subject = f"{duties.KIND}:{one.username}"
    coming = manage_frame.waiting(duties.KIND).get(one.username)
    typed = refused_forms.typed(request, "rights", reverse("manage_rights", args=[one.username]))
    held = [f"{role}@{code}" for role, code in duties.held_by(one)]
    ticked = held if typed is None else typed.getlist("duties")
    entities = [("", _("The whole firm"))]
    entities += [(entity.code, entity.name) for entity in LegalEntity.objects.all()]
    about = AuditEntry.objects.filter(subject__in=[subject, f"person {one.username}"])
    context = {
        "crumbs": [(_("Admin"), reverse("manage")), (_("People"), reverse("manage_people")),
                   (str(one), "")],
        "person": one,
        "entities": [name for _code, name in entities],
        "grid": [
            (label, [(f"{role}@{code}", name, f"{role}@{code}" in ticked)
                     for code, name in entities])
            for role, label in Role.choices
        ],
        "form": Rights(typed, auto_id="rights-%s"),
        "may_change": _may_change(request, one),
        "coming": policy_words.said(duties.KIND, coming.content) if coming else "",
        "actions": _actions(request, one),
        "versions": PolicyVersion.objects.filter(subject=subject).select_related(
            "author", "decided_by"
        ),
        "entries": about.order_by("-id")[:LATELY],
    }  # fmt: skip
    return manage_frame.page(request, "manage/person.html", "manage_people", context)


def _may_change(request: SignedIn, one: Person) -> Leave:
    if one.pk == request.user.pk:
        return Leave(False, _("Nobody may change their own rights."))
    return manage_frame.leave(request, Right.ADMINISTER)


def _actions(request: SignedIn, one: Person) -> list[Action]:
    leave = manage_frame.leave(request, Right.ADMINISTER)
    if one.pk == request.user.pk:
        leave = Leave(False, _("Somebody else has to do this for you."))
    name = {"name": str(one)}
    reset = Action(
        id="reset", label=_("Reset sign-in"), icon="key",
        title=_("Give %(name)s a new password? All their sessions end.") % name,
        url=reverse("manage_sign_ins", args=[one.username]), confirm=_("Reset sign-in"),
        form=Reason(auto_id="reset-%s"), allowed=leave.allowed, why_not=leave.why_not,
    )  # fmt: skip
    label = _("Deactivate") if one.is_active else _("Let back in")
    title = _("Deactivate %(name)s?") if one.is_active else _("Let %(name)s back in?")
    toggle = Action(
        id="standing", label=label, title=title % name, icon="lock",
        url=reverse("manage_standing", args=[one.username]), confirm=label,
        form=Reason(auto_id="standing-%s"), allowed=leave.allowed, why_not=leave.why_not,
    )  # fmt: skip
    return [reset, toggle]


@require_POST
@guarded
def rights(request: SignedIn, username: str) -> HttpResponse:
    """Propose other roles for somebody; a second person decides."""
    one, form = get_object_or_404(Person, username=username), Rights(request.POST)
    back = reverse("manage_person", args=[one.username])
    if not form.is_valid():
        return manage_frame.unclear(request, form, back)
    said = form.cleaned_data
    content = {"duties": [pair.split("@", 1) for pair in sorted(said["duties"])]}
    subject = f"{duties.KIND}:{one.username}"
    return manage_frame.propose(request, subject, content, said["reason"], back)


@require_POST
@guarded
def standing(request: SignedIn, username: str) -> HttpResponse:
    """Put somebody aside, or let them back in."""
    one = get_object_or_404(Person, username=username)
    act = staff.put_aside if one.is_active else staff.let_back
    done = _("Deactivated: sessions and API keys have ended.")
    return _act(request, one, act, done if one.is_active else _("They may sign in again."))


def _act(request: SignedIn, one: Person, act: Callable[..., object], done: str) -> HttpResponse:
    form, back = Reason(request.POST), reverse("manage_person", args=[one.username])
    if not form.is_valid():
        return manage_frame.unclear(request, form, back)
    now: datetime = timezone.now()
    try:
        act(person=one, reason=form.cleaned_data["reason"], by=request.user, now=now)
    except (staff.NotAllowed, BadPolicy) as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, done)
    return HttpResponseRedirect(back)


@require_POST
@guarded
def sign_ins(request: SignedIn, username: str) -> HttpResponse:
    """Give somebody a new password, shown once."""
    one, form = get_object_or_404(Person, username=username), Reason(request.POST)
    back = reverse("manage_person", args=[one.username])
    if not form.is_valid():
        return manage_frame.unclear(request, form, back)
    reason = form.cleaned_data["reason"]
    try:
        password = staff.reset_sign_in(
            person=one, reason=reason, by=request.user, now=timezone.now()
        )
    except staff.NotAllowed as refused:
        messages.error(request, str(refused))
        return HttpResponseRedirect(back)
    return _password(request, one, password)


def _password(request: SignedIn, one: Person, password: str) -> HttpResponse:
    """Shown once, in the answer itself: it is kept nowhere."""
    context = {
        "crumbs": [(_("Admin"), reverse("manage")), (_("People"), reverse("manage_people")),
                   (str(one), "")],
        "person": one,
        "password": password,
        "url": reverse("manage_person", args=[one.username]),
    }  # fmt: skip
    return manage_frame.page(request, "manage/password.html", "manage_people", context)
