"""Mappings: who owns which field, the versions of the rules, and who may put them in use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from controltower.canonical.rules import BadRules
from controltower.firm.rights import Right
from controltower.mappings import backtest, owning, scheduling, versions
from controltower.mappings.models import (
    Mapping,
    MappingVersion,
    VersionState,
)
from controltower.transactions import backtesting
from controltower.web import (
    exports,
    field_names,
    formats,
    mapping_actions,
    mapping_owners,
    mapping_page,
    mapping_rules,
    mapping_trial,
    plain_names,
)
from controltower.web.actions import leave
from controltower.web.security import SignedIn


@require_safe
def mappings(request: SignedIn) -> HttpResponse:
    """Every mapping, and the ownership board with unowned fields first."""
    newest = MappingVersion.objects.order_by("-number").defer("note")
    found = Mapping.objects.prefetch_related(Prefetch("versions", queryset=newest))
    fields = owning.fields()
    filters = mapping_page.Filters(request.GET)
    return render(
        request,
        "mappings/list.html",
        {
            "form": filters,
            "filters": filters.number,
            "clear_url": reverse("mappings"),
            "mappings": [mapping_page.line(mapping) for mapping in filters.used(found)],
            "unowned": [
                (plain_names.record(one.record), field_names.field(one.field))
                for one in fields
                if one.owner is None
            ],
            "owners": mapping_owners.board(request, filters.owned(fields), fields),
        },
    )


@require_safe
def mapping(request: SignedIn, slug: str) -> HttpResponse:
    """One mapping's history: its versions, newest first, and who owns its fields."""
    one = get_object_or_404(Mapping, slug=slug)
    found = _versions(one).prefetch_related("reviews__reviewer")
    fields = [field for field in owning.fields() if field.record == one.record]
    may_edit = leave(request.user, Right.EDIT_MAPPING)
    return render(
        request,
        "mappings/history.html",
        {
            "crumbs": [(_("Mappings"), reverse("mappings")), (one.title, "")],
            "mapping": one,
            "versions": [mapping_page.past(version) for version in found],
            "owners": mapping_owners.board(request, fields, fields),
            "draft_url": reverse("mapping_drafts", args=[slug]),
            "may_edit": may_edit,
        },
    )


@require_safe
def version(request: SignedIn, slug: str, number: int) -> HttpResponse:
    """One version: what it changes, its rules, who has approved and who must."""
    one = _version(slug, number)
    return render(request, "mappings/version.html", mapping_page.present(one, request.user))


@require_http_methods(["GET", "HEAD", "POST"])
def drafts(request: SignedIn, slug: str) -> HttpResponse:
    """A new draft: the rules of a version (by default the active one) as a plain form."""
    one = get_object_or_404(Mapping, slug=slug)
    base = _base(one, request.POST.get("from") or request.GET.get("from", ""))
    if request.method != "POST":
        fields = mapping_rules.form_of(base.rules)
        return _editor(request, one, base, fields, mapping_actions.Note())
    edited, fields = mapping_rules.read_form(base.rules, request.POST)
    more = request.POST.get("more", "")
    note = mapping_actions.Note() if more else mapping_actions.Note(request.POST)
    if more:
        note = mapping_actions.Note(initial={"note": request.POST.get("note", "")})
        mapping_rules.with_blank_rows(fields, {more: mapping_rules.BLANK_ROWS})
        return _editor(request, one, base, fields, note)
    error = ""
    if note.is_valid() and not mapping_rules.has_errors(fields):
        try:
            made = _draft(request, one, base, edited, note.cleaned_data["note"])
        except (BadRules, versions.NotAllowed) as refused:
            error = str(refused)
        else:
            messages.success(request, _("%(version)s is a draft.") % {"version": made})
            return HttpResponseRedirect(mapping_page.url_of(made))
    mapping_rules.with_blank_rows(fields, {})
    return _editor(request, one, base, fields, note, error, status=422)


def _draft(
    request: SignedIn, one: Mapping, base: MappingVersion, edited: list[Any], note: str
) -> MappingVersion:
    """Keep the draft. Raises BadRules, also when nothing differs, or NotAllowed."""
    if edited == base.rules:
        raise BadRules(_("Nothing differs from v%(n)d yet.") % {"n": base.number})
    return versions.draft(
        mapping=one, rules=edited, note=note, author=request.user, now=timezone.now()
    )


def _editor(
    request: SignedIn,
    one: Mapping,
    base: MappingVersion,
    fields: list[mapping_rules.Field],
    note: mapping_actions.Note,
    error: str = "",
    status: int = 200,
) -> HttpResponse:
    context = {
        "crumbs": [
            (_("Mappings"), reverse("mappings")),
            (one.title, reverse("mapping", args=[one.slug])),
            (_("New draft"), ""),
        ],
        "mapping": one,
        "base": base,
        "fields": fields,
        "note": note,
        "error": error,
        "has_errors": bool(error) or mapping_rules.has_errors(fields) or bool(note.errors),
        "may_edit": leave(request.user, Right.EDIT_MAPPING),
    }
    return render(request, "mappings/draft.html", context, status=status)


@require_POST
def submit(request: SignedIn, slug: str, number: int) -> HttpResponse:
    """draft → in review, tried on real records on the way: its reviewers see what it would do."""
    one, now = _version(slug, number), timezone.now()

    def tested_and_submitted() -> None:
        versions.submit(version=one, by=request.user, now=now)
        backtesting.run(version=one, by=request.user, now=now)

    done = _("%(version)s waits for its reviewers.") % {"version": one}
    return _answer(request, one, tested_and_submitted, done)


@require_POST
def trials(request: SignedIn, slug: str, number: int) -> HttpResponse:
    """Try the version on the last real records; nothing is sent."""
    one = _version(slug, number)
    return _answer(
        request,
        one,
        lambda: backtesting.run(version=one, by=request.user, now=timezone.now()),
        _("Tried. Nothing was sent; what it would change is below."),
    )


@require_POST
def trial_file(request: SignedIn, slug: str, number: int) -> HttpResponseBase:
    """What the newest test found, as a file."""
    one = _version(slug, number)
    test = backtest.newest(one)
    if test is None:
        raise Http404
    rows = mapping_trial.cells(test, request.user)
    return exports.figures(request, f"mappings/{slug}-v{number}", mapping_trial.COLUMNS, rows)


@require_POST
def review(request: SignedIn, slug: str, number: int) -> HttpResponse:
    """A reviewer approves or asks for changes."""
    one, form = _version(slug, number), mapping_actions.Decision(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say what should change."))
        return HttpResponseRedirect(mapping_page.url_of(one))
    approve = form.cleaned_data["approve"] == "yes"
    if approve and versions.may_be_reviewed(one) and backtest.newest(one) is None:
        messages.error(request, _("It was not tried on real records yet. Nothing was approved."))
        return HttpResponseRedirect(mapping_page.url_of(one))
    said = _("You approved %(version)s.") if approve else _("You asked for changes to %(version)s.")
    return _answer(
        request,
        one,
        lambda: versions.review(
            version=one,
            by=request.user,
            approve=approve,
            comment=form.cleaned_data["comment"],
            now=timezone.now(),
        ),
        said % {"version": one},
    )


@require_POST
def activate(request: SignedIn, slug: str, number: int) -> HttpResponse:
    """Put an approved version in use, or go back to one that was."""
    one = _version(slug, number)
    return _answer(
        request,
        one,
        lambda: versions.activate(version=one, by=request.user, now=timezone.now()),
        _("%(version)s is in use from now on. What is under way keeps its version.")
        % {"version": one},
    )


@require_POST
def schedule(request: SignedIn, slug: str, number: int) -> HttpResponse:
    """approved → scheduled."""
    one, form = _version(slug, number), mapping_actions.Date(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say from when. Nothing was scheduled."))
        return HttpResponseRedirect(mapping_page.url_of(one))
    at, now = form.moment(request.user.zone), timezone.now()
    return _answer(
        request,
        one,
        lambda: scheduling.schedule(version=one, at=at, by=request.user, now=now),
        _("%(version)s will be in use from %(at)s.")
        % {"version": one, "at": formats.when(at, now)},
    )


@require_POST
def unschedule(request: SignedIn, slug: str, number: int) -> HttpResponse:
    """scheduled → approved."""
    one = _version(slug, number)
    return _answer(
        request,
        one,
        lambda: scheduling.call_off(version=one, by=request.user, now=timezone.now()),
        _("The date of %(version)s is called off. It stays approved.") % {"version": one},
    )


@require_POST
def retire(request: SignedIn, slug: str, number: int) -> HttpResponse:
    """deprecated → retired."""
    one = _version(slug, number)
    return _answer(
        request,
        one,
        lambda: scheduling.retire(version=one, by=request.user, now=timezone.now()),
        _("%(version)s is retired. What was sent with it keeps it.") % {"version": one},
    )


def _answer(
    request: SignedIn, one: MappingVersion, act: Callable[[], Any], done: str
) -> HttpResponse:
    """Do it and say so, or say why not."""
    try:
        act()
    except (versions.NotAllowed, versions.WrongState) as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, done)
    return HttpResponseRedirect(mapping_page.url_of(one))


def _versions(one: Mapping) -> QuerySet[MappingVersion]:
    return one.versions.select_related("author", "mapping").order_by("-number")


def _version(slug: str, number: int) -> MappingVersion:
    found = MappingVersion.objects.select_related("mapping", "author")
    return get_object_or_404(found, mapping__slug=slug, number=number)


def _base(one: Mapping, number: str) -> MappingVersion:
    """The version that a draft begins from: the one asked for, else the active or newest one."""
    found = _versions(one)
    if number.isdecimal():
        return get_object_or_404(found, number=int(number[:9]))
    active = found.filter(state=VersionState.ACTIVE).first()
    return active or get_object_or_404(found.order_by("-number")[:1])
