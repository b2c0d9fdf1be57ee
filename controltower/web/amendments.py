"""Edit and retry: a refused step is sent again with edited fields, when a second person agrees."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from controltower.transactions import amending, consent
from controltower.transactions.facts import facts
from controltower.transactions.models import Amendment, Transaction
from controltower.web import standing
from controltower.web.amend_actions import Edit
from controltower.web.decisions import DecideAmendment
from controltower.web.security import SignedIn
from controltower.web.transactions import part_of


@require_POST
def propose(request: SignedIn, correlation_id: str) -> HttpResponse:
    """Send a refused step again with edited fields."""
    part = part_of(request, correlation_id)
    try:
        amendment = _propose(request, part)
    except consent.NotAllowed as refusal:
        messages.error(request, str(refusal))
    except (amending.NotEditable, amending.Wrong) as why:
        messages.warning(request, _nothing(why))
    else:
        messages.success(request, _outcome(amendment))
    return HttpResponseRedirect(standing.url_of(part))


def _propose(request: SignedIn, part: Transaction) -> Amendment:
    """Raises NotAllowed, NotEditable, Wrong."""
    now, bare = timezone.now(), Edit(request.POST)
    if not bare.is_valid():
        raise amending.Wrong({name: str(said[0]) for name, said in bare.errors.items()})
    steps = part.steps.select_related("system", "transaction__entity")
    step = steps.filter(pk=bare.cleaned_data["step"]).first()
    if step is None:
        raise Http404
    form = Edit(request.POST, editable=amending.offered(step, facts(part, now)))
    if not form.is_valid():
        raise amending.Wrong({name: str(said[0]) for name, said in form.errors.items()})
    return amending.propose(
        step=step,
        fence=form.cleaned_data["fence"],
        entered=form.entered,
        reason=form.cleaned_data["reason"],
        by=request.user,
        now=now,
    )


def _nothing(why: Exception) -> str:
    return _("Nothing was changed or sent. %(why)s") % {"why": why}


def _outcome(amendment: Amendment) -> str:
    if amendment.state == Amendment.State.PROPOSED:
        return _("Kept. Nothing is sent before a second person has agreed.")
    if amendment.is_withdrawn:
        return _("Taken back: nothing was sent, and the step stays as it is.")
    if amendment.state == Amendment.State.REFUSED:
        return _("Not agreed. It stays.")
    return _("It is sent again with the edited fields, and read back.")


@require_POST
def decide(request: SignedIn, correlation_id: str) -> HttpResponse:
    """The second person agrees to an edit, or does not."""
    part, form = part_of(request, correlation_id), DecideAmendment(request.POST)
    back = HttpResponseRedirect(standing.url_of(part))
    if not form.is_valid():
        messages.error(request, _("That could not be read. Nothing was decided."))
        return back
    found = Amendment.objects.select_related("step__transaction__entity", "proposed_by")
    try:
        decided = amending.decide(
            amendment=found.get(pk=form.cleaned_data["amendment"], step__transaction=part),
            agree=form.cleaned_data["agree"] == "yes",
            by=request.user,
            now=timezone.now(),
        )
    except Amendment.DoesNotExist:
        raise Http404 from None
    except consent.NotAllowed as refusal:
        messages.error(request, str(refusal))
    except amending.NotEditable as why:
        messages.warning(request, _nothing(why))
    else:
        messages.success(request, _outcome(decided))
    return back
