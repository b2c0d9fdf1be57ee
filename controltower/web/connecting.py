"""Connecting a system by one of our connectors: the door to all of them, and the form of one."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from controltower.firm.models import Person
from controltower.firm.rights import Right
from controltower.mappings import describing
from controltower.systems import connected
from controltower.systems.connected import Descriptor
from controltower.systems.described import BadDescription
from controltower.systems.models import Agreement, Description, System
from controltower.web import missing_parts, policy_words, setup_words
from controltower.web.actions import Action, leave
from controltower.web.sayings import heard
from controltower.web.security import SignedIn
from controltower.web.setup_form import Setup, beginning

ENDING = {"takes", "retired"}
"""What a version says once, and the next does not repeat."""


@require_safe
def door(request: SignedIn) -> HttpResponse:
    """What can be connected, by its part; and where a system is described that none of it is."""
    playing = set(System.objects.filter(active=True).values_list("role", flat=True))
    offered = [
        {
            "title": one.title,
            "url": reverse("system_connect", args=[one.name]),
            "domain": heard(one.domain),
            "part": policy_words.part(one.needs.plays),
            "is_played": one.needs.plays in playing,
            "proven": heard(str(one.verification)),
        }
        for one in sorted(connected.descriptors(), key=lambda one: (one.domain, one.title))
    ]
    context = {
        "crumbs": [(_("Health"), reverse("systems")), (_("Connect a system"), "")],
        "offered": offered,
        "missing": missing_parts.sentences(),
        "may_connect": leave(request.user, Right.ADMINISTER),
    }
    return render(request, "systems/door.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def connect(request: SignedIn, connector: str) -> HttpResponse:
    """Propose a system of this connector, or another version of one (``?from=slug``)."""
    descriptor = next((one for one in connected.descriptors() if one.name == connector), None)
    if descriptor is None:
        raise Http404
    document = _last(descriptor, request.GET.get("from", ""))
    form = Setup(
        request.POST or None,
        descriptor=descriptor,
        is_new=document is None,
        routes=document is None and System.objects.playing(descriptor.needs.plays).exists(),
        initial=beginning(descriptor, document),
        auto_id="connect-%s",
    )
    if request.method == "POST" and form.is_valid():
        try:
            version = describing.propose(
                document=form.document, by=request.user, now=timezone.now()
            )
        except BadDescription as bad:
            form.blame(bad.faults)
        except describing.NotAllowed as refused:
            form.add_error(None, heard(str(refused)))
        else:
            messages.success(request, _("Kept. Ask the system, then let a second person decide."))
            return HttpResponseRedirect(setup_words.url_of(version))
    status = 422 if request.method == "POST" else 200
    return render(request, "systems/connect.html", _context(request, form), status=status)


def _context(request: SignedIn, form: Setup) -> dict[str, Any]:
    one = form.descriptor
    feeds = [
        {
            "read": form[f"feeds.{name}"],
            "how": [form[place] for place in form.fields if place.startswith(f"feeds.{name}.")],
            "purpose": setup_words.purpose(one, name),
        }
        for name in one.needs.feeds
    ]
    title = _("Connect %(system)s") % {"system": one.title}
    options = _group(form, "options.")
    required = [field for field in options if field.field.required]
    return {
        "crumbs": [
            (_("Health"), reverse("systems")),
            (_("Connect a system"), reverse("system_new")),
            (one.title, ""),
        ],
        "title": title,
        "form": form,
        "about": [form[name] for name in ("title", "slug", "base_url", "region")] + required,
        "secrets": _group(form, "secrets."),
        "options": [field for field in options if not field.field.required],
        "limits": _group(form, "limits."),
        "takes": _group(form, "takes."),
        "feeds": feeds,
        "part": policy_words.part(one.needs.plays),
        "proven": heard(str(one.verification)),
        "lacks": one.lacks,
        "may_connect": leave(request.user, Right.ADMINISTER),
    }


def _group(form: Setup, beginning_with: str) -> list[Any]:
    return [form[name] for name in form.fields if name.startswith(beginning_with)]


def _last(descriptor: Descriptor, slug: str) -> dict[str, Any] | None:
    """What was said last of a system that is to be changed: what waits for a second person, or
    else what is in force; its newest version where neither is; None of a new one."""
    if not slug:
        return None
    system = System.objects.filter(slug=slug, connector=descriptor.name, active=True).first()
    said = Description.objects.filter(slug=slug, document__connector=descriptor.name)
    last = said.standing().first() or said.first()
    if system is not None and (last is None or last.state != Agreement.PROPOSED):
        return connected.document_of(system)
    if last is None:
        raise Http404
    return {name: one for name, one in last.document.items() if name not in ENDING}


def retirement(system: System, person: Person) -> Action:
    """To propose that a system is spoken to no more."""
    allowed = leave(person, Right.ADMINISTER)
    words = _("Retire %(system)s") % {"system": system.title}
    return Action(
        id="retire", label=words, title=_("Propose that it is called no more?"),
        url=reverse("system_retirements", args=[system.slug]), confirm=words, icon="unplug",
        allowed=allowed.allowed, why_not=allowed.why_not,
    )  # fmt: skip


@require_POST
def retire(request: SignedIn, slug: str) -> HttpResponse:
    """Propose that a system is spoken to no more; a second person agrees, as to all else."""
    system = get_object_or_404(System, slug=slug, active=True)
    last = Description.objects.filter(slug=slug, state=Agreement.ACTIVE).first()
    is_described = last is not None and not connected.is_setup(last.document)
    document = last.document if last and is_described else connected.document_of(system)
    try:
        version = describing.propose(
            document=document | {"retired": True}, by=request.user, now=timezone.now()
        )
    except (describing.NotAllowed, BadDescription) as refused:
        messages.error(request, heard(str(refused)))
        return HttpResponseRedirect(reverse("system", args=[slug]))
    messages.success(request, _("Proposed. It goes on until a second person agrees."))
    return HttpResponseRedirect(setup_words.url_of(version))
