"""One interface: its contract and versions, who owns and uses it; and what people decide there."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from controltower.canonical import contracts
from controltower.firm.models import Person
from controltower.firm.rights import Right
from controltower.measures import registry
from controltower.systems import agreeing, calls
from controltower.systems.models import (
    NEVER_HELD,
    Agreement,
    Direction,
    Drift,
    Interface,
    InterfaceVersion,
    Standing,
)
from controltower.web import interface_words
from controltower.web.actions import Action, leave
from controltower.web.sayings import heard_lazy
from controltower.web.security import SignedIn
from controltower.web.stakes import scope_of
from controltower.web.system_words import WAYS

MOST_VERSIONS = 20


class Ownership(forms.Form):
    """Who answers for an interface, and what kind it is."""

    owner = forms.ModelChoiceField(
        label=gettext_lazy("Owner"), queryset=Person.objects.none(), required=False
    )
    standing = forms.ChoiceField(
        label=gettext_lazy("Kind"),
        required=False,
        choices=[(one.value, heard_lazy(one.label)) for one in Standing],
    )
    note = forms.CharField(
        label=gettext_lazy("Note"), max_length=400, required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )  # fmt: skip

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        owner = self.fields["owner"]
        assert isinstance(owner, forms.ModelChoiceField)
        people = Person.objects.filter(is_active=True, duties__isnull=False)
        owner.queryset = people.distinct().order_by("last_name", "first_name", "pk")


class Agree(forms.Form):
    """A second person's decision on a contract."""

    agree = forms.ChoiceField(choices=[("yes", "yes"), ("no", "no")], widget=forms.HiddenInput)


@require_safe
def interface(request: SignedIn, pk: int) -> HttpResponse:
    """One interface."""
    now, seen = timezone.now(), scope_of(request)
    mine = Interface.objects.filter(pk=pk)
    if not mine.exists():
        raise Http404
    (line,) = registry.lines(now, of=mine)
    one = line.interface
    versions = list(one.versions.select_related("author", "decided_by")[:MOST_VERSIONS])
    shown = _shown(request, versions)
    before = _before(shown, versions)
    ended = Drift.objects.filter(interface=one).exclude(ended_at=None)
    context = {
        "crumbs": [(_("Interfaces"), reverse("interfaces")), (interface_words.called(one), "")],
        "now": now,
        "interface": interface_words.line(line, now),
        "declared": _declared(one),
        "shown": shown,
        "fields": [interface_words.field(*one) for one in contracts.fields_of(shown.schema)]
        if shown
        else [],
        "before": before,
        "changes": contracts.changes(before.schema, shown.schema) if shown and before else [],
        "versions": [(other, shown is not None and other.pk == shown.pk) for other in versions],
        "drifts": [interface_words.drift(drift, seen, now) for drift in line.drifts],
        "ended": [interface_words.drift(drift, seen, now) for drift in ended[:MOST_VERSIONS]],
        "own": _own(one, request.user),
        "decisions": decisions(line.proposed, request.user),
    }
    return render(request, "interfaces/interface.html", context)


def _shown(request: SignedIn, versions: list[InterfaceVersion]) -> InterfaceVersion | None:
    """The version that is asked for, else the one in force, else the newest."""
    wanted = request.GET.get("v", "")
    for one in versions:
        if wanted == str(one.number):
            return one
    active = (one for one in versions if one.state == Agreement.ACTIVE)
    return next(active, versions[0] if versions else None)


def _before(
    shown: InterfaceVersion | None, versions: list[InterfaceVersion]
) -> InterfaceVersion | None:
    """The version that was in force before: what was refused or withdrawn never was."""
    held = (other for other in versions if other.state not in NEVER_HELD)
    return next((other for other in held if shown and other.number < shown.number), None)


def _declared(one: Interface) -> dict[str, Any]:
    """What the connector says of how it is called."""
    said = calls.descriptor(one.system)
    effects = [
        f"{operation.verb}: {operation.effect}"
        for operation in said.operations
        if operation.entity == one.entity and one.direction == Direction.OUTBOUND
    ]
    feed = said.feeds.get(one.entity, "") if one.direction == Direction.INBOUND else ""
    return {
        "connector": said.title,
        "auth": said.auth,
        "feed": WAYS.get(feed, ""),
        "effects": effects,
        "calls_per_second": one.system.calls_per_second,
        "concurrency": one.system.concurrency,
        "verification": said.verification,
    }


def _own(one: Interface, person: Person) -> Action:
    may = leave(person, Right.EDIT_MAPPING)
    initial = {"owner": one.owner_id, "standing": one.standing, "note": one.note}
    words = _("Owner and kind")
    return Action(
        id="own", label=words, title=words, url=reverse("interface_owners", args=[one.pk]),
        confirm=_("Keep"), form=Ownership(initial=initial, auto_id="own-%s"), icon="user-plus",
        allowed=may.allowed, why_not=may.why_not,
    )  # fmt: skip


def decisions(version: InterfaceVersion | None, person: Person) -> list[Action]:
    """What its author or a second person may do with a proposed contract."""
    if version is None:
        return []
    may, own = leave(person, Right.APPROVE_MAPPING), version.author_id == person.pk
    why_not = _("You proposed this version, so somebody else must decide.") if own else may.why_not
    url = reverse("contract_decisions", args=[version.interface_id, version.number])
    yes, no = (
        Action(
            id=f"agree-{word}", label=label, title=title, url=url, confirm=label, icon=icon,
            form=Agree(initial={"agree": word}, auto_id=f"agree-{word}-%s"), primary=word == "yes",
            allowed=may.allowed and not own, why_not=why_not,
        )
        for word, label, title, icon in (
            ("yes", _("Put v%(n)d in force") % {"n": version.number},
             _("Read answers by exactly these terms from now on?"), "check"),
            ("no", _("Reject"), _("Leave the contract as it is?"), "x"),
        )
    )  # fmt: skip
    return [yes, _withdrawal(version) if own else no]


def _withdrawal(version: InterfaceVersion) -> Action:
    words = _("Withdraw v%(n)d") % {"n": version.number}
    return Action(
        id="withdraw", label=words, title=_("Take this proposal back? Another can be made then."),
        url=reverse("contract_withdrawals", args=[version.interface_id, version.number]),
        confirm=words, icon="undo-2",
    )  # fmt: skip


@require_POST
def own(request: SignedIn, pk: int) -> HttpResponse:
    """Keep who owns it and what kind it is."""
    one, form = get_object_or_404(Interface, pk=pk), Ownership(request.POST)
    if not form.is_valid():
        messages.error(request, _("That is no owner or kind. Nothing was changed."))
        return HttpResponseRedirect(reverse("interface", args=[pk]))
    said = form.cleaned_data
    try:
        agreeing.settle(
            interface=one, owner=said["owner"], standing=said["standing"], note=said["note"],
            by=request.user, now=timezone.now(),
        )  # fmt: skip
    except agreeing.NotAllowed as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("Kept, with your name."))
    return HttpResponseRedirect(reverse("interface", args=[pk]))


@require_POST
def decide(request: SignedIn, pk: int, number: int) -> HttpResponse:
    """Put a proposed contract in force, or reject it."""
    version = _version(pk, number)
    form = Agree(request.POST)
    agree = form.is_valid() and form.cleaned_data["agree"] == "yes"
    try:
        agreeing.decide(version=version, agree=agree, by=request.user, now=timezone.now())
    except (agreeing.NotAllowed, agreeing.WrongState) as refused:
        messages.error(request, str(refused))
    else:
        done = _("In force. Feeds read on by themselves; what stands still can be replayed now.")
        messages.success(request, done if agree else _("Rejected. The contract is as it was."))
    return _back(version)


@require_POST
def withdraw(request: SignedIn, pk: int, number: int) -> HttpResponse:
    """Whoever proposed a contract takes it back."""
    version = _version(pk, number)
    try:
        agreeing.withdraw(version=version, by=request.user, now=timezone.now())
    except (agreeing.NotAllowed, agreeing.WrongState) as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("Withdrawn. The contract is as it was."))
    return _back(version)


def _version(interface: int, number: int) -> InterfaceVersion:
    found = InterfaceVersion.objects.select_related("interface__system", "author")
    return get_object_or_404(found, interface=interface, number=number)


def _back(version: InterfaceVersion) -> HttpResponse:
    """To the difference that it is about, else to its interface."""
    drift = Drift.objects.filter(version=version).first()
    own = reverse("interface", args=[version.interface_id])
    return HttpResponseRedirect(reverse("drift", args=[drift.pk]) if drift else own)
