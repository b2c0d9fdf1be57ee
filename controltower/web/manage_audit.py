"""Admin: the audit chain, searched and followed from its beginning."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from controltower.firm import audit as chain
from controltower.web import audit_names, audit_search, audit_words, manage_frame, view_strip
from controltower.web.manage_frame import guarded
from controltower.web.security import SignedIn

SIZE = 50


@require_safe
@guarded
def audit(request: SignedIn) -> HttpResponse:
    """The chain, newest first, by person, verb, object, time and outcome."""
    form, now = audit_search.Search(request.GET, auto_id="audit-%s"), timezone.now()
    said = form.cleaned_data if form.is_valid() else {}
    rows = audit_search.found(said)
    before = request.GET.get("before", "")
    if before.isdecimal():
        rows = rows.filter(pk__lt=int(before[:18]))
    shown = list(rows.order_by("-id")[: SIZE + 1])
    query = request.GET.copy()
    older = ""
    if len(shown) > SIZE:
        query["before"] = str(shown[SIZE - 1].pk)
        older = f"?{query.urlencode()}"
    who, called = audit_names.people(shown), audit_names.objects(shown)
    context = {
        "form": form,
        "filters": sum(1 for value in said.values() if value),
        "clear_url": reverse("manage_audit"),
        "entries": [
            (
                one,
                who[one.actor],
                called.get(one.subject),
                audit_words.lines(one, now),
                audit_words.sealed(one),
            )
            for one in shown[:SIZE]
        ],
        "older_url": older,
        "check_url": reverse("manage_audit_checks"),
        **view_strip.shown(request, "manage_audit"),
    }
    return manage_frame.page(request, "manage/audit.html", "manage_audit", context)


@require_POST
@guarded
def check(request: SignedIn) -> HttpResponse:
    """Follow the whole chain, and compare it with the heads that were noted outside."""
    walk, missing = chain.walk(), chain.missing_heads()
    whole = walk.broken is None and not missing
    chain.record(
        actor=request.user, verb="verify audit chain", subject="audit chain", allowed=True,
        now=timezone.now(), detail={"entries": walk.entries, "whole": whole},
    )  # fmt: skip
    if whole:
        words = _("The chain is whole: %(n)s entries, each sealing the one before.")
        messages.success(request, words % {"n": walk.entries})
    elif walk.broken is not None:
        words = _("The chain is broken at entry %(pk)s. Tell the auditor; change nothing.")
        messages.error(request, words % {"pk": walk.broken})
    else:
        words = _("The chain was cut or written anew: %(what)s.")
        messages.error(request, words % {"what": "; ".join(missing[:3])})
    return HttpResponseRedirect(reverse("manage_audit"))
