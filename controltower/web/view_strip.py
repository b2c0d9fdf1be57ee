"""The saved views above a list, and what a person does with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from controltower.firm.rights import Right
from controltower.measures.exposure import Scope
from controltower.web import columns, saved_views, scope, undo, view_lists
from controltower.web.actions import Action, Leave, leave, only
from controltower.web.models import SavedView
from controltower.web.security import SignedIn
from controltower.web.view_lists import Rows

REFUSED = {
    "name": gettext_lazy("A view needs a name."),
    "taken": gettext_lazy("You have a view of this name already."),
    "list": gettext_lazy("This list cannot be kept."),
    "long": gettext_lazy("These filters are too long to be kept."),
    "many": gettext_lazy("You have as many views of this list as there can be. Remove one first."),
}


class NameView(forms.Form):
    """A view's name, and whether everybody has it."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=60)
    shared = forms.BooleanField(
        label=gettext_lazy("For the whole team"),
        required=False,
        help_text=gettext_lazy("Everybody sees in it what they may see."),
    )

    def __init__(self, *args: Any, may_share: Leave, **options: Any) -> None:
        super().__init__(*args, **options)
        if not may_share.allowed and not self.initial.get("shared"):
            self.fields["shared"].disabled = True
            self.fields["shared"].help_text = may_share.why_not


class KeepView(NameView):
    """The list as it stands."""

    mailed = forms.BooleanField(label=gettext_lazy("In my daily mail"), required=False)
    page = forms.CharField(widget=forms.HiddenInput, max_length=20)
    query = forms.CharField(widget=forms.HiddenInput, required=False, max_length=2000)


@dataclass(frozen=True, slots=True)
class Line:
    """One view above its list. `rows` is None until it was counted."""

    view: SavedView
    url: str
    current: bool
    rows: Rows | None


def shown(request: SignedIn, page: str) -> dict[str, Any]:
    """The context of `components/views.html` on a list: names at once, counts by themselves; and
    that of its columns, where it has a choice of them."""
    query = view_lists.plain(request.GET.urlencode())
    found = list(saved_views.visible_to(request.user, page))
    lines = [_line(view, query, None) for view in found]
    chosen = next((line.view for line in lines if line.current), None)
    return {
        "views": {
            "lines": lines,
            "url": f"{reverse('views')}?{urlencode({'page': page, 'query': query})}",
            "actions": _actions(request, page, query, chosen),
            "mailed": chosen and _mailing(request, chosen),
        },
        **(columns.shown(request, page) if page in columns.LAYOUTS else {}),
    }


def _line(view: SavedView, query: str, rows: Rows | None) -> Line:
    return Line(view, view_lists.address(view.page, view.query), view.query == query, rows)


def _actions(request: SignedIn, page: str, query: str, chosen: SavedView | None) -> list[Action]:
    """Keep what is no view yet; change or remove one's own."""
    may_share = leave(request.user, Right.SHARE_VIEW)
    if chosen is None:
        form = KeepView(
            initial={"page": page, "query": query}, may_share=may_share, auto_id="keep-view-%s"
        )
        return [
            Action(
                id="keep-view", label=_("Save this view"), title=_("Save this view"), small=True,
                icon="bookmark", url=reverse("views"), confirm=_("Save view"), form=form,
            )
        ]  # fmt: skip
    if chosen.owner_id != request.user.pk:
        return []
    named = NameView(
        initial={"name": chosen.name, "shared": chosen.shared}, may_share=may_share,
        auto_id="change-view-%s",
    )  # fmt: skip
    return [
        Action(
            id="change-view", label=_("Rename or share"), title=_("Change this view"), small=True,
            icon="pencil", url=reverse("view_changes", args=[chosen.pk]), confirm=_("Keep"),
            form=named,
        ),
        Action(
            id="remove-view", label=_("Remove view"), small=True, icon="x",
            title=_("Remove “%(name)s”?") % {"name": chosen.name},
            url=reverse("view_removals", args=[chosen.pk]), confirm=_("Remove view"),
        ),
    ]  # fmt: skip


def _mailing(request: SignedIn, view: SavedView) -> dict[str, Any]:
    return {
        "url": reverse("view_mails", args=[view.pk]),
        "wanted": view.readers.filter(pk=request.user.pk).exists(),
    }


def views(request: SignedIn) -> HttpResponse:
    """The views of a list with their counts; by POST, keep one."""
    return _kept(request) if request.method == "POST" else _counted(request)


@require_safe
def _counted(request: SignedIn) -> HttpResponse:
    page, now = request.GET.get("page", "transactions"), timezone.now()
    if page not in view_lists.LISTS:
        raise Http404
    query = view_lists.plain(request.GET.get("query", ""))
    seen = Scope(request.user, scope.chosen(request))
    lines = [
        _line(view, query, view_lists.count(page, view.query, seen, now))
        for view in saved_views.visible_to(request.user, page)
    ]
    context = {"views": {"lines": lines, "url": request.get_full_path(), "counted": True}}
    return render(request, "components/_view_lines.html", context)


@require_POST
def _kept(request: SignedIn) -> HttpResponse:
    form = KeepView(request.POST, may_share=Leave(allowed=True))
    page = form.data.get("page", "")
    if page not in view_lists.LISTS:
        raise Http404
    back = view_lists.address(page, view_lists.plain(form.data.get("query", "")))

    def act(now: datetime) -> None:
        saved_views.keep(**form.cleaned_data, by=request.user, now=now)

    return _try(request, act, _("Saved. It is above the list from now on."), back, form)


@require_POST
def change(request: SignedIn, pk: int) -> HttpResponse:
    """Another name; for everybody, or no longer."""
    view, form = _view(request, pk), NameView(request.POST, may_share=Leave(allowed=True))

    def act(now: datetime) -> None:
        saved_views.change(view=view, **form.cleaned_data, by=request.user, now=now)

    return _try(request, act, _("Kept."), _url(view), form)


@require_POST
def mail(request: SignedIn, pk: int) -> HttpResponse:
    """Have it in the daily mail, or no longer."""
    view, wanted = _view(request, pk), "wanted" in request.POST

    def act(now: datetime) -> None:
        saved_views.mail(view=view, wanted=wanted, by=request.user, now=now)

    done = _("It is in your daily mail.") if wanted else _("It is no longer in your daily mail.")
    return _try(request, act, done, _url(view))


@require_POST
def remove(request: SignedIn, pk: int) -> HttpResponse:
    """Take a view away, and offer to bring it back."""
    view = _view(request, pk)

    def act(now: datetime) -> None:
        saved_views.remove(view=view, by=request.user, now=now)
        undo.offer(request, reverse("view_restorations", args=[view.pk]), now)

    words = _("The view “%(name)s” is removed.") % {"name": view.name}
    return _try(request, act, words, _url(view))


@require_POST
def restore(request: SignedIn, pk: int) -> HttpResponse:
    """Bring a removed view back."""
    view = get_object_or_404(SavedView, pk=pk, owner=request.user)

    def act(now: datetime) -> None:
        saved_views.restore(view=view, by=request.user, now=now)

    words = _("The view “%(name)s” is back.") % {"name": view.name}
    return _try(request, act, words, _url(view))


def _view(request: SignedIn, pk: int) -> SavedView:
    return get_object_or_404(saved_views.visible_to(request.user), pk=pk)


def _url(view: SavedView) -> str:
    return view_lists.address(view.page, view.query)


def _try(
    request: SignedIn,
    act: Callable[[datetime], None],
    done: str,
    back: str,
    form: forms.Form | None = None,
) -> HttpResponse:
    """Do it and say so, or say why not."""
    if form is not None and not form.is_valid():
        messages.error(request, _("A view needs a name. Nothing was changed."))
        return HttpResponseRedirect(back)
    try:
        act(timezone.now())
    except saved_views.NotAllowed:
        words = _("Others' views are theirs to change. %(who)s Nothing was changed.")
        messages.error(request, words % {"who": only(Right.SHARE_VIEW)})
    except saved_views.Refused as refused:
        words = _("%(why)s Nothing was changed.")
        messages.error(request, words % {"why": REFUSED[refused.why]})
    else:
        messages.success(request, done)
    return HttpResponseRedirect(back)
