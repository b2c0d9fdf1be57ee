"""The transactions' pages: the list, one chain, and what a person may do with a transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_POST, require_safe

from controltower.firm.rates import rate_date
from controltower.firm.rights import Right
from controltower.incidents import settling, triage
from controltower.measures.exposure import Scope
from controltower.transactions import cancelling, consent, gathering, replay
from controltower.transactions.models import Transaction
from controltower.transactions.models.journey import TransactionQuerySet
from controltower.transactions.protocol import State
from controltower.web import (
    invoice_words,
    list_order,
    scope,
    settlements,
    standing,
    transaction_list,
    view_strip,
)
from controltower.web.actions import only
from controltower.web.decisions import WRITE_OFF, DecideWork, PlanReplay, Reason, Settle
from controltower.web.privacy import NotAllowed, ReasonMissing, reveal
from controltower.web.security import SignedIn
from controltower.web.transaction_chain import load
from controltower.web.transaction_impact import impact_of
from controltower.web.transaction_page import present


@require_safe
def transactions(request: SignedIn) -> HttpResponse:
    """The list; htmx asks it for its rows, or only how many arrived since."""
    now = timezone.now()
    seen = Scope(request.user, scope.chosen(request))
    filters = transaction_list.Filters(request.GET, scope.entities(request.user), seen)
    visible = scope.transactions(request)
    rows = transaction_list.matching(visible, filters, request.user, now)
    if "arrived" in request.GET:
        return render(request, "transactions/_arrived.html", _arrived(request, rows))
    page = transaction_list.one_page(rows, filters, request.GET)
    context = {
        "form": filters,
        "filters": filters.number,
        "clear_url": reverse("transactions"),
        "rows": transaction_list.rows_of(page.rows, request.user, now),
        "page": page,
        "order_words": list_order.words_of(filters.cleaned_data),
        "refresh_url": _watching(request, now),
        "new_count": 0,
        "total": transaction_list.total_of(rows, filters),
        "rate_date": rate_date(),
        "export_url": f"{reverse('transaction_exports')}?{request.GET.urlencode()}",
        **view_strip.shown(request, "transactions"),
    }
    if _rows_only(request):
        return render(request, "transactions/_rows.html", context | {"rows_only": True})
    return render(request, "transactions/list.html", context)


def _rows_only(request: SignedIn) -> bool:
    """Whether htmx asks for a region; going back in the browser's history needs the whole page."""
    asked = request.headers
    whole = asked.get("HX-Boosted") or asked.get("HX-History-Restore-Request")
    return bool(asked.get("HX-Request")) and not whole


def _watching(request: SignedIn, now: datetime) -> str:
    """This list's address, with the moment from which new rows are counted."""
    query = request.GET.copy()
    query["since"] = now.isoformat()
    return f"{request.path}?{query.urlencode()}"


def _arrived(request: SignedIn, rows: TransactionQuerySet) -> dict[str, Any]:
    """How many rows began since the page was drawn."""
    query = request.GET.copy()
    since = parse_datetime(query.pop("since", [""])[-1].replace(" ", "+"))
    query.pop("arrived", None)
    url = f"{request.path}?{query.urlencode()}" if query else request.path
    count = rows.filter(started_at__gt=since).order_by()[:99].count() if since else 0
    return {"new_count": count, "refresh_url": url}


@require_safe
def transaction(request: SignedIn, correlation_id: str) -> HttpResponse:
    """One chain with one of its transactions chosen."""
    now = timezone.now()
    chain = load(request.user, correlation_id, request.GET.get("part", ""), now)
    if chain is None:
        raise Http404
    context = present(chain, request.user, request.GET, request.session, now)
    return render(request, "transactions/transaction.html", context)


@require_safe
def impact(request: SignedIn, correlation_id: str) -> HttpResponse:
    """What would happen if the stuck step were replayed now: asks the target, writes nothing."""
    part = part_of(request, correlation_id)
    stuck = standing.trouble_in(part.steps.select_related("system", "mapping_version__mapping"))
    if stuck is None or stuck.state not in standing.STUCK:
        return HttpResponse(status=204)
    found = impact_of(part, stuck, request.user, timezone.now())
    return render(request, "transactions/_impact.html", {"impact": found})


def part_of(request: SignedIn, correlation_id: str) -> Transaction:
    """The transaction that a form is about: visible to the person, or it does not exist."""
    reference = request.POST.get("part") or request.GET.get("part", "")
    found = (
        Transaction.objects.visible_to(request.user)
        .select_related("entity")
        .filter(correlation_id=correlation_id, reference=reference)
        .first()
    )
    if found is None:
        raise Http404
    return found


def _back(part: Transaction) -> HttpResponse:
    return HttpResponseRedirect(standing.url_of(part))


@require_POST
def replays(request: SignedIn, correlation_id: str) -> HttpResponse:
    """Plan the replay of what is stuck in a transaction; its page shows the plan."""
    part = part_of(request, correlation_id)
    steps = list(
        part.steps.filter(state__in=[State.PARKED, State.HELD]).values_list("pk", flat=True)
    )
    form = PlanReplay(request.POST, steps=steps)
    if not form.is_valid():
        messages.error(request, _("That could not be planned. Look at the page again."))
        return _back(part)
    chosen: list[UUID] = form.cleaned_data["step"] or steps
    title = gettext_noop("Replay %(title)s") % {"title": part.title}
    try:
        made = replay.plan(
            steps=chosen,
            title=title,
            selection={"transaction": part.reference, "count": len(chosen)},
            mapping=form.cleaned_data["mapping"],
            by=request.user,
            now=timezone.now(),
        )
    except replay.NotAllowed:
        messages.error(request, only(Right.REPLAY))
        return _back(part)
    except replay.NotReplayable as refusal:
        messages.warning(request, str(refusal))
        return _back(part)
    return HttpResponseRedirect(reverse("job", args=[made.pk]))


@require_POST
def decide(request: SignedIn, correlation_id: str) -> HttpResponse:
    """Decide what happens to work of a closed period, or of which the approval was taken back, or
    to a field that a system sets back."""
    part, form = part_of(request, correlation_id), DecideWork(request.POST)
    if not form.is_valid():
        messages.error(request, _("A decision needs a reason. Nothing was changed."))
        return _back(part)
    try:
        triage.decide(
            transaction=part,
            decision=form.cleaned_data["decision"],
            by=request.user,
            reason=form.cleaned_data["reason"],
            now=timezone.now(),
        )
    except triage.NotAllowed:
        messages.error(request, only(triage.right_to(form.cleaned_data["decision"])))
    except triage.ReasonMissing:
        messages.error(request, _("A decision needs a reason. Nothing was changed."))
    except triage.NotWaiting as gone:
        messages.info(request, str(gone))
    else:
        messages.success(request, _("Decided. It is taken up again with your decision."))
    return _back(part)


@require_POST
def solve(request: SignedIn, correlation_id: str) -> HttpResponse:
    """End a transaction that was settled outside the tower, or write it off."""
    part, form = part_of(request, correlation_id), Settle(request.POST)
    if not form.is_valid():
        messages.error(request, _("Ending it needs a reason. Nothing was changed."))
        return _back(part)
    try:
        made = settling.settle(
            transactions=[part],
            reason=form.cleaned_data["reason"],
            by=request.user,
            now=timezone.now(),
            discard=form.cleaned_data["how"] == WRITE_OFF,
        )
    except triage.NotAllowed:
        messages.error(request, only(Right.RESOLVE))
    except triage.ReasonMissing:
        messages.error(request, _("Ending it needs a reason. Nothing was changed."))
    except settling.NotDecidable as why:
        messages.warning(request, str(why))
    else:
        settlements.say(request, made)
    return _back(part)


@require_POST
def cancel(request: SignedIn, correlation_id: str) -> HttpResponse:
    """Call a transaction off of which nothing was sent."""
    part, form = part_of(request, correlation_id), Reason(request.POST)
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    try:
        cancelling.cancel(transaction=part, reason=reason, by=request.user, now=timezone.now())
    except consent.NotAllowed:
        messages.error(request, only(Right.RESOLVE))
    except cancelling.ReasonMissing:
        messages.error(request, _("Calling it off needs a reason. Nothing was changed."))
    except cancelling.Sent as why:
        messages.warning(request, _("It was not called off. %(why)s") % {"why": why})
    else:
        messages.success(request, _("Called off. Nothing of it was or will be sent."))
    return _back(part)


@require_POST
def bill(request: SignedIn, correlation_id: str) -> HttpResponse:
    """Begin the billing run of gathered work now."""
    part, now = part_of(request, correlation_id), timezone.now()
    try:
        begun = gathering.bill_now(transaction=part, by=request.user, now=now)
    except gathering.NotAllowed:
        messages.error(request, only(Right.REPLAY))
        return _back(part)
    if begun:
        messages.success(request, _("The billing run has begun."))
    else:
        messages.info(request, _("The billing run had begun already."))
    return _back(part)


@require_POST
def foresee(request: SignedIn, correlation_id: str) -> HttpResponse:
    """Say whether the invoice for gathered work would be accepted."""
    part = part_of(request, correlation_id)
    invoice_words.say(request, part)
    return _back(part)


@require_POST
def show(request: SignedIn, correlation_id: str) -> HttpResponse:
    """Show personal data to this person for five minutes."""
    part, form = part_of(request, correlation_id), Reason(request.POST)
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    try:
        reveal(
            transaction=part, by=request.user, reason=reason, session=request.session,
            now=timezone.now(),
        )  # fmt: skip
    except (NotAllowed, ReasonMissing) as refusal:
        messages.error(request, str(refusal))
    return _back(part)
