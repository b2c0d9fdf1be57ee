"""What people say who looked in a target that nobody else can ask: reported, and confirmed."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from controltower.firm.rights import Right
from controltower.transactions import consent, findings
from controltower.transactions.models import Finding, Step
from controltower.web import standing
from controltower.web.actions import only
from controltower.web.decisions import ConfirmFinding, Found
from controltower.web.security import SignedIn
from controltower.web.transactions import part_of


@require_POST
def report(request: SignedIn, correlation_id: str) -> HttpResponse:
    """Somebody looked in the target and says what they found."""
    part, form = part_of(request, correlation_id), Found(request.POST)
    if not form.is_valid():
        messages.error(
            request, _("It needs what you looked at and a reason. Nothing was changed or sent.")
        )
        return HttpResponseRedirect(standing.url_of(part))
    said = form.cleaned_data
    step = part.steps.select_related("system", "transaction__entity").filter(pk=said["step"])
    try:
        found = findings.report(
            step=step.get(),
            fence=said["fence"],
            ref=said.get("number", ""),
            evidence=said["evidence"],
            reason=said["reason"],
            by=request.user,
            now=timezone.now(),
        )
    except Step.DoesNotExist:
        raise Http404 from None
    except consent.NotAllowed:
        messages.error(request, only(Right.RESOLVE))
    except findings.ProofMissing:
        messages.error(
            request, _("It needs what you looked at and a reason. Nothing was changed or sent.")
        )
    except findings.NotDecidable as why:
        messages.warning(request, _("Nothing was changed or sent. %(why)s") % {"why": why})
    else:
        messages.success(request, _outcome(found))
    return HttpResponseRedirect(standing.url_of(part))


def _outcome(found: Finding) -> str:
    if found.state == Finding.State.PROPOSED:
        return _("Kept. Nothing is sent before a second person has confirmed it.")
    if found.ref:
        return _("Linked. Its number is read now, and nothing is sent.")
    return _("It is sent again, once, and read back.")


@require_POST
def confirm(request: SignedIn, correlation_id: str) -> HttpResponse:
    """The second person confirms what was found, or does not."""
    part, form = part_of(request, correlation_id), ConfirmFinding(request.POST)
    back = HttpResponseRedirect(standing.url_of(part))
    if not form.is_valid():
        messages.error(request, _("That could not be read. Nothing was decided."))
        return back
    found = Finding.objects.select_related("step__transaction__entity").filter(
        pk=form.cleaned_data["finding"], step__transaction=part
    )
    try:
        decided = findings.decide(
            finding=found.get(),
            confirm=form.cleaned_data["confirm"] == "yes",
            by=request.user,
            now=timezone.now(),
        )
    except Finding.DoesNotExist:
        raise Http404 from None
    except consent.NotAllowed as refusal:
        messages.error(request, str(refusal))
    except findings.NotDecidable as why:
        messages.warning(request, _("Nothing was changed or sent. %(why)s") % {"why": why})
    else:
        carried_out = decided.state == Finding.State.CARRIED_OUT
        messages.success(request, _outcome(decided) if carried_out else _("Not confirmed."))
    return back
