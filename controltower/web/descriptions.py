"""What is said of a system: describing one, its versions, asking it, and putting it in force by a
second person."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from controltower.canonical import strict_json
from controltower.firm.models import Person
from controltower.firm.rights import Right, entities_of
from controltower.mappings import describing
from controltower.systems import connected
from controltower.systems.described import BadDescription
from controltower.systems.models import Agreement, Description, Rehearsal, System
from controltower.web import setup_words
from controltower.web.actions import Action, leave
from controltower.web.decisions import Reason
from controltower.web.security import SignedIn

BLANK = {
    "slug": "",
    "title": "",
    "domain": "CRM",
    "role": "crm",
    "base_url": "https://",
    "signs_in": {"by": "header", "header": "Authorization", "prefix": "Bearer ", "secret": "env:"},
    "health": "/",
    "resources": [],
}
"""Where a new description begins."""


class Document(forms.Form):
    """The description as JSON; secrets stand in it by the names of their variables only."""

    document = forms.CharField(
        label=gettext_lazy("Description"),
        widget=forms.Textarea(attrs={"rows": 28, "class": "mono", "spellcheck": "false"}),
        help_text=gettext_lazy(
            "JSON, as docs/new-system.md says. Credentials are named by variables, not written."
        ),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: SignedIn) -> HttpResponse:
    """Describe a system, or write the next version of one (``?from=slug``)."""
    form, faults = Document(request.POST or None, auto_id="describe-%s"), list[str]()
    if request.method == "POST" and form.is_valid():
        try:
            document = strict_json.decode(form.cleaned_data["document"].encode())
            version = describing.propose(document=document, by=request.user, now=timezone.now())
        except BadDescription as bad:
            faults = list(bad.faults)
        except (strict_json.NotStrictJson, describing.NotAllowed) as refused:
            faults = [str(refused)]
        else:
            messages.success(request, _("Kept. Ask the system, then let a second person decide."))
            return HttpResponseRedirect(_url(version))
    elif request.method != "POST":
        form.initial = {"document": _beginning(request.GET.get("from", ""))}
    context = {
        "crumbs": [
            (_("Health"), reverse("systems")),
            (_("Connect a system"), reverse("system_new")),
            (_("Describe a system"), ""),
        ],
        "form": form,
        "faults": faults,
        "may_describe": leave(request.user, Right.ADMINISTER),
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "systems/describe.html", context, status=status)


def _beginning(slug: str) -> str:
    said = Description.objects.filter(slug=slug)
    last = said.standing().first() or said.first()
    return _text(last.document if last else BLANK)


def _text(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False)


@require_safe
def version(request: SignedIn, slug: str, number: int) -> HttpResponse:
    """One version of what is said of a system, and what came of asking by it: that names records of
    all companies, and is for those who may see all."""
    one = _version(slug, number)
    others = Description.objects.filter(slug=one.slug)
    rehearsal = one.rehearsals.select_related("by").first()
    is_proposed, is_setup = one.state == Agreement.PROPOSED, connected.is_setup(one.document)
    context = {
        "crumbs": [(_("Health"), reverse("systems")), (str(one), "")],
        "version": one,
        "title": one.document.get("title", one.slug),
        "is_proposed": is_proposed,
        "is_connected": System.objects.filter(slug=one.slug).exists(),
        "rows": setup_words.rows(one.document) if is_setup else [],
        "text": "" if is_setup else _text(one.document),
        "is_ending": bool(one.document.get("retired")),
        "rehearsal": rehearsal if entities_of(request.user) is None else None,
        "cautions": _cautions(one, others, rehearsal) if is_proposed else [],
        "versions": [(other, _url(other), other.pk == one.pk) for other in others],
        "actions": _actions(one, request.user),
        "draft_url": setup_words.draft_url(one),
        "may_describe": leave(request.user, Right.ADMINISTER),
    }
    return render(request, "systems/description.html", context)


def _cautions(
    one: Description, others: Iterable[Description], rehearsal: Rehearsal | None
) -> list[str]:
    """What whoever decides should know first."""
    found = []
    if unset := connected.unset(one.document):
        words = _("Not set on this machine: %(names)s. Whoever runs it sets them and starts anew.")
        found.append(words % {"names": ", ".join(unset)})
    if one.document.get("retired"):
        found.append(_("With this version the system is called no more, and its feeds end."))
    elif rehearsal is None:
        found.append(_("Nobody has asked the system by this version yet."))
    elif not rehearsal.went_well:
        found.append(_("When the system was asked by this version, not all was good."))
    for other in others:
        if other.number > one.number and other.state == Agreement.ACTIVE:
            words = _("%(version)s is newer and in force: this one would put it out of force.")
            found.append(words % {"version": other})
        elif other.number > one.number and other.state == Agreement.PROPOSED:
            found.append(_("%(version)s is newer and waits as well.") % {"version": other})
    return found


@require_POST
def test(request: SignedIn, slug: str, number: int) -> HttpResponse:
    """Ask the system, reading only, and show what came of it."""
    one = _version(slug, number)
    try:
        describing.rehearse(version=one, by=request.user, now=timezone.now())
    except (describing.NotAllowed, BadDescription) as refused:
        messages.error(request, str(refused))
    return HttpResponseRedirect(f"{_url(one)}#asked-title")


@require_POST
def decide(request: SignedIn, slug: str, number: int) -> HttpResponse:
    """A second person puts it in force."""
    one = _version(slug, number)
    try:
        describing.put_in_force(version=one, by=request.user, now=timezone.now())
    except (describing.NotAllowed, describing.WrongState, BadDescription) as refused:
        messages.error(request, str(refused))
        return HttpResponseRedirect(_url(one))
    is_over = bool(one.document.get("retired"))
    said = _("In force: the system is called no more.")
    going_on = _("In force: the system is read and written to from now on.")
    messages.success(request, said if is_over else going_on)
    return HttpResponseRedirect(reverse("system", args=[slug]))


@require_POST
def refuse(request: SignedIn, slug: str, number: int) -> HttpResponse:
    """A second person refuses it, with the reason."""
    one, form = _version(slug, number), Reason(request.POST)
    if not form.is_valid():
        messages.error(request, _("Nothing was changed. A refusal says why."))
        return HttpResponseRedirect(_url(one))
    try:
        describing.refuse(
            version=one, answer=form.cleaned_data["reason"], by=request.user, now=timezone.now()
        )
    except (describing.NotAllowed, describing.WrongState) as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("Refused. Nothing is called by it."))
    return HttpResponseRedirect(_url(one))


@require_POST
def withdraw(request: SignedIn, slug: str, number: int) -> HttpResponse:
    """Whoever wrote it takes it back."""
    one = _version(slug, number)
    try:
        describing.withdraw(version=one, by=request.user, now=timezone.now())
    except (describing.NotAllowed, describing.WrongState) as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("Withdrawn. Nothing is called by it."))
    return HttpResponseRedirect(_url(one))


def _version(slug: str, number: int) -> Description:
    found = Description.objects.select_related("author", "decided_by")
    return get_object_or_404(found, slug=slug, number=number)


def _url(one: Description) -> str:
    return setup_words.url_of(one)


def _actions(one: Description, person: Person) -> list[Action]:
    """Asking is the administrator's; deciding is somebody else's, who answers for mappings."""
    asks, words = leave(person, Right.ADMINISTER), _("Test the connection")
    ask = Action(
        id="ask", label=words, title=_("Sign in and read a little? Nothing is written."),
        url=reverse("description_tests", args=[one.slug, one.number]), confirm=words,
        icon="activity", allowed=asks.allowed, why_not=asks.why_not,
    )  # fmt: skip
    return [ask, *_decisions(one, person)] if one.state == Agreement.PROPOSED else [ask]


def _decisions(one: Description, person: Person) -> list[Action]:
    """Putting a proposal in force, and how its author or a second person ends it."""
    args, own = [one.slug, one.number], one.author_id == person.pk
    decides = leave(person, Right.APPROVE_MAPPING)
    why_not = _("You wrote this version, so somebody else must decide.")
    agree, withdraw, refuse = _("Put in force"), _("Withdraw"), _("Refuse")
    found = [
        Action(
            id="decide", label=agree, title=_("Read from and write to it by these rules?"),
            url=reverse("description_decisions", args=args), confirm=agree, icon="check",
            primary=True, allowed=decides.allowed and not own,
            why_not=why_not if own else decides.why_not,
        )
    ]  # fmt: skip
    if own:
        found.append(
            Action(
                id="withdraw", label=withdraw, title=_("Take this version back?"), confirm=withdraw,
                url=reverse("description_withdrawals", args=args), icon="undo-2",
            )
        )  # fmt: skip
    elif decides.allowed:
        found.append(
            Action(
                id="refuse", label=refuse, title=_("Refuse this?"), confirm=refuse,
                url=reverse("description_refusals", args=args), icon="x",
                form=Reason(auto_id="refuse-%s"),
            )
        )  # fmt: skip
    return found
