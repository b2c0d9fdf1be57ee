"""What the product brings for any firm to begin with, mappings and runbooks: proposed by one
person, looked at and agreed to by another in one sitting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from controltower.firm.rights import Right
from controltower.incidents import offering as runbook_offering
from controltower.incidents import runbooks
from controltower.incidents.models import RunbookVersion
from controltower.mappings import offering as mapping_offering
from controltower.mappings import own_codes, versions
from controltower.mappings.models import MappingVersion
from controltower.transactions import backtesting
from controltower.web import formats
from controltower.web.actions import Action, Leave, leave
from controltower.web.decisions import Reason
from controltower.web.security import SignedIn

Version = MappingVersion | RunbookVersion
Act = Callable[..., int]


@require_safe
def library(request: SignedIn) -> HttpResponse:
    """What waits, what carries money, and what nobody has proposed yet."""
    mappings, books = mapping_offering.waiting(), runbook_offering.waiting()
    plain = [one for one in mappings if versions.approvals_needed(one) == 1]
    unproposed = len(mapping_offering.missing()) + len(runbook_offering.missing())
    context = {
        "crumbs": [(_("Mappings"), reverse("mappings")), (_("What the product brings"), "")],
        "to_fill_in": [_draft(one) for one in mapping_offering.to_fill_in()],
        "mappings": [_mapping(one) for one in mappings],
        "runbooks": books,
        "unproposed": unproposed,
        "propose": _propose(request, unproposed),
        "agree_mappings": _agree(
            request, plain, Right.APPROVE_MAPPING, "library_mapping_approvals",
            _("Agree to all without money"),
        ),
        "agree_runbooks": _agree(
            request, books, Right.APPROVE_RUNBOOK, "library_runbook_approvals",
            _("Agree to all runbooks"),
        ),
    }  # fmt: skip
    return render(request, "library/library.html", context)


def _draft(one: MappingVersion) -> dict[str, Any]:
    """A mapping that wants the firm's own codes, and where they are written."""
    drafts = reverse("mapping_drafts", args=[one.mapping.slug])
    return {
        "title": one.mapping.title,
        "url": f"{drafts}?from={one.number}",
        "wanted": own_codes.blanks(one.rules),
    }


def _mapping(one: MappingVersion) -> dict[str, Any]:
    return {
        "title": one.mapping.title,
        "url": reverse("mapping_version", args=[one.mapping.slug, one.number]),
        "author": one.author,
        "rules": len(one.rules),
        "money": versions.money_changes(one),
        "missing": versions.approvals_missing(one),
    }


def _propose(request: SignedIn, count: int) -> Action | None:
    if not count:
        return None
    may = leave(request.user, Right.EDIT_MAPPING)
    return Action(
        id="propose-library", label=_("Propose them"), title=_("Propose what the product brings?"),
        url=reverse("library_proposals"), confirm=_("Propose them"), primary=True,
        allowed=may.allowed, why_not=may.why_not, icon="send",
    )  # fmt: skip


def _agree(
    request: SignedIn, found: Sequence[Version], right: Right, route: str, label: str
) -> Action | None:
    if not found:
        return None
    may = leave(request.user, right)
    if may.allowed and any(one.author_id == request.user.pk for one in found):
        may = Leave(False, _("Somebody else agrees to what you proposed."))
    title = ngettext("Agree to it?", "Agree to all %(n)s?", len(found))
    return Action(
        id=route, label=label, title=title % {"n": formats.number(len(found))}, url=reverse(route),
        confirm=label, form=Reason(auto_id=f"{route}-%s"), allowed=may.allowed,
        why_not=may.why_not, icon="check",
    )  # fmt: skip


@require_POST
def proposals(request: SignedIn) -> HttpResponse:
    """Propose whatever the product brings and the firm has not. What carries money is tried on the
    way, as any mapping that is submitted: nobody approves it otherwise."""
    by, now = request.user, timezone.now()
    try:
        count = mapping_offering.propose(by=by, now=now) + runbook_offering.propose(by=by, now=now)
        for version in mapping_offering.waiting():
            if versions.money_changes(version):
                backtesting.run(version=version, by=by, now=now)
    except (versions.NotAllowed, runbooks.NotAllowed) as refused:
        messages.error(request, str(refused))
    else:
        words = _("%(n)s proposed. Nothing of it is used before somebody else has agreed.")
        messages.success(request, words % {"n": formats.number(count)})
    return HttpResponseRedirect(reverse("library"))


@require_POST
def agree_to_mappings(request: SignedIn) -> HttpResponse:
    """Approve the mappings that carry no money, and put them in use."""
    return _decide(request, mapping_offering.agree)


@require_POST
def agree_to_runbooks(request: SignedIn) -> HttpResponse:
    """Approve the runbooks."""
    return _decide(request, runbook_offering.agree)


def _decide(request: SignedIn, agree: Act) -> HttpResponse:
    form = Reason(request.POST)
    if not form.is_valid():
        messages.error(request, _("Nothing was changed. Say why."))
        return HttpResponseRedirect(reverse("library"))
    try:
        count = agree(by=request.user, comment=form.cleaned_data["reason"], now=timezone.now())
    except (
        versions.NotAllowed, versions.WrongState, runbooks.NotAllowed, runbooks.WrongState
    ) as refused:  # fmt: skip
        messages.error(request, str(refused))
    else:
        words = _("%(n)s agreed to, each as a decision of its own.")
        messages.success(request, words % {"n": formats.number(count)})
    return HttpResponseRedirect(reverse("library"))
