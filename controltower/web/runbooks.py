"""Runbooks: what to do about which trouble, written, approved by a second person, and followed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from controltower.firm.models import Person
from controltower.firm.rights import Right
from controltower.incidents import matching, steps, writing_down
from controltower.incidents import runbooks as books
from controltower.incidents.models import Cause, Run, Runbook, RunbookState, RunbookVersion
from controltower.web import exception_groups, runbook_form, runbook_list, runbook_words
from controltower.web.actions import Action, leave
from controltower.web.exceptions import scope_of
from controltower.web.mapping_actions import Decision
from controltower.web.runbook_list import CURRENT, url_of
from controltower.web.security import SignedIn

MOST_RUNS, MORE_ROWS = 10, 2


@require_safe
def runbooks(request: SignedIn) -> HttpResponse:
    """All runbooks."""
    filters = runbook_list.Filters(request.GET)
    context = {
        "runbooks": filters.leave(runbook_list.lines(request.user)),
        "form": filters,
        "filters": filters.number,
        "clear_url": reverse("runbooks"),
        "region_url": request.get_full_path(),
        "may_edit": leave(request.user, Right.EDIT_RUNBOOK),
    }
    return render(request, "runbooks/list.html", context)


@require_safe
def runbook(request: SignedIn, slug: str) -> HttpResponse:
    """The version that is in force, or else the newest."""
    versions = list(RunbookVersion.objects.filter(runbook__slug=slug).select_related("runbook"))
    if not versions:
        raise Http404
    current = next((one for one in versions if one.state in CURRENT), versions[0])
    return HttpResponseRedirect(url_of(current))


@require_safe
def version(request: SignedIn, slug: str, number: int) -> HttpResponse:
    """One version: its steps, what differs, who approved it, and when it was followed."""
    one = _version(slug, number)
    others = list(one.runbook.versions.all())
    before = next((other for other in others if other.number < one.number), None)
    context = {
        "crumbs": [(_("Runbooks"), reverse("runbooks")), (one.runbook.title, "")],
        "version": one,
        "steps": [runbook_words.row(rule, n) for n, rule in enumerate(one.steps, start=1)],
        "fits": runbook_words.fits(one.fits),
        "before": before,
        "changes": runbook_words.changes(before.steps, one.steps) if before else [],
        "versions": [(other, url_of(other), other.pk == one.pk) for other in others],
        "runs": list(_runs(one, request.user)[:MOST_RUNS]),
        "actions": _actions(one, request.user),
        "may_edit": leave(request.user, Right.EDIT_RUNBOOK),
        "draft_url": f"{reverse('runbook_drafts', args=[slug])}?from={number}",
    }
    return render(request, "runbooks/version.html", context)


def _runs(one: RunbookVersion, person: Person) -> QuerySet[Run]:
    """When it was followed, as far as the person may know."""
    return Run.objects.visible_to(person).filter(version=one).select_related("started_by")


def _version(slug: str, number: int) -> RunbookVersion:
    found = RunbookVersion.objects.select_related("runbook", "author", "decided_by")
    return get_object_or_404(found, runbook__slug=slug, number=number)


def _actions(one: RunbookVersion, person: Person) -> list[Action]:
    """What the version's state allows next."""
    args = [one.runbook.slug, one.number]
    if one.state == RunbookState.DRAFT:
        may = leave(person, Right.EDIT_RUNBOOK)
        words = _("Ask for approval")
        return [
            Action(
                id="submit", label=words, title=_("Ask a second person to approve it?"),
                url=reverse("runbook_submissions", args=args), confirm=words, icon="users-round",
                primary=True, allowed=may.allowed, why_not=may.why_not,
            )
        ]  # fmt: skip
    if one.state != RunbookState.APPROVAL_PENDING:
        return []
    may = leave(person, Right.APPROVE_RUNBOOK)
    own = one.author_id == person.pk
    why_not = _("You wrote this version, so somebody else must decide.") if own else may.why_not
    return [
        Action(
            id=f"decide-{word}", label=label, title=title,
            url=reverse("runbook_decisions", args=args), confirm=label, icon=icon,
            form=Decision(initial={"approve": word}, auto_id=f"decide-{word}-%s"),
            primary=word == "yes", allowed=may.allowed and not own, why_not=why_not,
        )
        for word, label, title, icon in (
            ("yes", _("Approve"), _("Approve exactly these steps?"), "check"),
            ("no", _("Reject"), _("What should change?"), "x"),
        )
    ]  # fmt: skip


@require_POST
def submit(request: SignedIn, slug: str, number: int) -> HttpResponse:
    """draft → approval pending."""
    one = _version(slug, number)
    return _answer(
        request, one, lambda now: books.submit(version=one, by=request.user, now=now),
        _("It waits for a second person."),
    )  # fmt: skip


@require_POST
def decide(request: SignedIn, slug: str, number: int) -> HttpResponse:
    """A second person approves it or says what should change."""
    one, form = _version(slug, number), Decision(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say what should change."))
        return HttpResponseRedirect(url_of(one))
    approve = form.cleaned_data["approve"] == "yes"
    said = _("Approved: it is offered from now on.") if approve else _("Rejected, with your word.")

    def act(now: datetime) -> None:
        comment = form.cleaned_data["comment"]
        books.decide(version=one, approve=approve, comment=comment, by=request.user, now=now)

    return _answer(request, one, act, said)


def _answer(
    request: SignedIn, one: RunbookVersion, act: Callable[[datetime], None], done: str
) -> HttpResponse:
    try:
        act(timezone.now())
    except (books.NotAllowed, books.WrongState) as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, done)
    return HttpResponseRedirect(url_of(one))


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: SignedIn) -> HttpResponse:
    """Write a runbook that does not exist yet."""
    return _edit(request, None, [], {})


@require_http_methods(["GET", "HEAD", "POST"])
def drafts(request: SignedIn, slug: str) -> HttpResponse:
    """Write the next version, beginning from one that exists."""
    book = get_object_or_404(Runbook, slug=slug)
    number = request.GET.get("from", "")
    versions = book.versions.all()
    if number.isdecimal():
        versions = versions.filter(number=int(number[:9]))
    base = versions.first()
    if base is None:
        raise Http404
    return _edit(request, book, base.steps, base.fits)


def _edit(
    request: SignedIn, book: Runbook | None, rules: list[Any], fits: dict[str, Any]
) -> HttpResponse:
    posted = request.POST if request.method == "POST" else None
    if posted is not None and "more" in posted:
        entered = runbook_form.About(posted, named=book is not None)
        so_far = {name: entered[name].value() for name in entered.fields}
        about = runbook_form.About(named=book is not None, initial=so_far, auto_id="about-%s")
        rows = runbook_form.rows(runbook_form.with_more(posted, MORE_ROWS), rules, MORE_ROWS)
        return _editor(request, book, about, rows, "", 200)
    about = runbook_form.About(
        posted, named=book is not None, initial=runbook_form.about(fits), auto_id="about-%s"
    )
    rows = runbook_form.rows(posted, rules, MORE_ROWS)
    error, status = "", 200
    if posted is not None:
        if about.is_valid() and rows.is_valid():
            try:
                return HttpResponseRedirect(url_of(_keep(request, book, about, rows.rules())))
            except (books.NotAllowed, steps.BadSteps, matching.BadFit) as refused:
                error = str(refused)
        status = 422
    return _editor(request, book, about, rows, error, status)


def _keep(
    request: SignedIn, book: Runbook | None, about: runbook_form.About, rules: list[Any]
) -> RunbookVersion:
    """Keep the draft. Raises NotAllowed, BadSteps or BadFit; then nothing is kept."""
    now, by = timezone.now(), request.user
    steps.check_steps(rules)
    matching.check_fits(about.fits())
    book = book or books.begin(title=about.cleaned_data["title"], by=by, now=now)
    note = about.cleaned_data["note"]
    return books.draft(runbook=book, rules=rules, fits=about.fits(), note=note, by=by, now=now)


def _editor(
    request: SignedIn,
    book: Runbook | None,
    about: forms.Form,
    rows: Any,
    error: str,
    status: int,
) -> HttpResponse:
    context = {
        "crumbs": [(_("Runbooks"), reverse("runbooks")), (_("New draft"), "")],
        "book": book,
        "about": about,
        "rows": rows,
        "error": error,
        "has_errors": status != 200,
        "may_edit": leave(request.user, Right.EDIT_RUNBOOK),
    }
    return render(request, "runbooks/draft.html", context, status=status)


NOTHING_DONE = gettext_lazy(
    "Nobody has done anything about this group yet. Act first, then write it down."
)


@require_POST
def written_down(request: SignedIn, pk: int) -> HttpResponse:
    """Draft a runbook from what people have just done about a group."""
    if not exception_groups.letters_of(scope_of(request)).filter(cause=pk).exists():
        raise Http404
    cause, back = get_object_or_404(Cause, pk=pk), reverse("exception", args=[pk])
    try:
        made = writing_down.draft(cause=cause, by=request.user, now=timezone.now())
    except writing_down.NothingDone:
        messages.warning(request, NOTHING_DONE)
        return HttpResponseRedirect(back)
    except books.NotAllowed as refused:
        messages.error(request, str(refused))
        return HttpResponseRedirect(back)
    messages.success(
        request, _("Written down as a draft. Put it in your words, then have it approved.")
    )
    return HttpResponseRedirect(reverse("runbook_drafts", args=[made.runbook.slug]))
