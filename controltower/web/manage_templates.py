"""Admin: the templates by which sold projects are set up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from controltower.firm import policies
from controltower.firm.models import PolicyVersion
from controltower.firm.rights import Right
from controltower.processes.project_templates import LONGEST_NAME, Template
from controltower.transactions import agreed_templates
from controltower.web import manage_frame, policy_words
from controltower.web.actions import Action
from controltower.web.decisions import Reason
from controltower.web.manage import Line, change
from controltower.web.manage_frame import guarded
from controltower.web.security import SignedIn

SEPARATOR, SHARE = "|", "%"


class _Lines(forms.CharField):
    """A part of a template on each line, its values beside each other."""

    widget = forms.Textarea(attrs={"rows": 4})

    def __init__(self, **more: Any) -> None:
        super().__init__(required=False, max_length=4000, **more)

    def to_python(self, value: Any) -> Any:
        rows = (row.split(SEPARATOR) for row in (super().to_python(value) or "").splitlines())
        return [[part.strip() for part in row] for row in rows if any(map(str.strip, row))]


class Shaped(Reason):
    """What a template is for, and what it sets up."""

    about = forms.CharField(widget=forms.HiddenInput, max_length=LONGEST_NAME)
    billing_method = forms.CharField(
        label=gettext_lazy("Billing method"),
        max_length=LONGEST_NAME,
        help_text=gettext_lazy("As deals name it, such as Fixed fee."),
    )
    companies = forms.CharField(
        label=gettext_lazy("Companies"),
        max_length=400,
        required=False,
        help_text=gettext_lazy("Codes with commas between them; none: for all companies."),
    )
    regions = forms.CharField(
        label=gettext_lazy("Regions"),
        max_length=400,
        required=False,
        help_text=gettext_lazy("With commas between them; none: for all regions."),
    )
    milestones = _Lines(
        label=gettext_lazy("Milestones"),
        help_text=gettext_lazy("Name | share of the price in per cent | days after the start"),
    )
    roles = _Lines(
        label=gettext_lazy("Roles"),
        help_text=gettext_lazy("Name | hours, or 80 % of a full working time | skill, if any"),
    )
    field_order: tuple[str, ...] = (
        "billing_method",
        "companies",
        "regions",
        "milestones",
        "roles",
        "reason",
    )

    @property
    def content(self) -> dict[str, Any]:
        """What is written down; what is no template is refused there. Only when it is valid."""
        said = self.cleaned_data
        return {
            "billing_method": said["billing_method"],
            "companies": _words(said["companies"]),
            "regions": _words(said["regions"]),
            "milestones": [_milestone(row) for row in said["milestones"]],
            "roles": [_role(row) for row in said["roles"]],
        }


class NewTemplate(Shaped):
    """One that is not there yet."""

    about = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=LONGEST_NAME,
        help_text=gettext_lazy("As deals name it. It never changes."),
    )
    field_order = ("about", *Shaped.field_order)


class Ended(Reason):
    """One by which no further deal is set up."""

    about = forms.CharField(widget=forms.HiddenInput, max_length=LONGEST_NAME)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _milestone(row: list[str]) -> dict[str, Any]:
    name, share, days = (*row, "", "")[:3]
    return {"name": name, "share": share, "days": int(days) if days.isdecimal() else days}


def _role(row: list[str]) -> dict[str, str]:
    name, much, skill = (*row, "", "")[:3]
    if much.endswith(SHARE):
        return {"name": name, "share": much.removesuffix(SHARE).strip(), "skill": skill}
    return {"name": name, "hours": much, "skill": skill}


@require_http_methods(["GET", "HEAD", "POST"])
@guarded
def templates(request: SignedIn) -> HttpResponse:
    """Every template with its version; a new one or a change waits for a second person."""
    found, back = agreed_templates.agreed(), reverse("manage_templates")
    if request.method == "POST":
        form = (Shaped if request.POST.get("about") in found else NewTemplate)(request.POST)
        if not form.is_valid():
            return manage_frame.unclear(request, form, back)
        subject = f"{agreed_templates.KIND}:{form.cleaned_data['about']}"
        reason = form.cleaned_data["reason"]
        return manage_frame.propose(request, subject, form.content, reason, back)
    agreed = policies.of_kind(agreed_templates.KIND)
    coming = manage_frame.waiting(agreed_templates.KIND)
    context = {
        "new": _new(request),
        "lines": [
            _line(request, place, name, one, agreed.get(name), coming.get(name))
            for place, (name, one) in enumerate(sorted(found.items()))
        ],
        "waiting": [
            {"title": policy_words.title(one.kind, one.about),
             "said": policy_words.said(one.kind, one.content)}
            for name, one in coming.items() if name not in found
        ],
    }  # fmt: skip
    return manage_frame.page(request, "manage/templates.html", "manage_templates", context)


@require_POST
@guarded
def retire(request: SignedIn) -> HttpResponse:
    """Propose that no further deal is set up by a template; it waits for a second person."""
    form, back = Ended(request.POST), reverse("manage_templates")
    if not form.is_valid():
        return manage_frame.unclear(request, form, back)
    subject = f"{agreed_templates.KIND}:{form.cleaned_data['about']}"
    reason = form.cleaned_data["reason"]
    return manage_frame.propose(request, subject, agreed_templates.RETIRED, reason, back)


def _new(request: SignedIn) -> Action:
    leave = manage_frame.leave(request, Right.ADMINISTER)
    return Action(
        id="new-template", label=_("New template"), title=_("What is sold in a new way?"),
        url=reverse("manage_templates"), form=NewTemplate(auto_id="new-template-%s"),
        confirm=_("Propose the template"), primary=True,
        allowed=leave.allowed, why_not=leave.why_not,
    )  # fmt: skip


def _line(
    request: SignedIn, place: int, name: str, one: Template, version: PolicyVersion | None,
    coming: PolicyVersion | None,
) -> Line:  # fmt: skip
    shown = {
        "about": name,
        "billing_method": one["billing_method"],
        "companies": ", ".join(one["companies"]),
        "regions": ", ".join(one["regions"]),
        "milestones": _rows((m["name"], m["share"], m["days"]) for m in one["milestones"]),
        "roles": _rows((r["name"], _much(r), r["skill"]) for r in one["roles"]),
    }
    form = Shaped(initial=shown, auto_id=f"template-{place}-%s")
    title = policy_words.title(agreed_templates.KIND, name)
    return Line(
        name,
        policy_words.said(agreed_templates.KIND, one),
        version,
        policy_words.said(agreed_templates.KIND, coming.content) if coming else "",
        change(request, f"template-{place}", title, reverse("manage_templates"), form),
        _retirement(request, place, name) if version else None,
    )


def _retirement(request: SignedIn, place: int, name: str) -> Action:
    leave = manage_frame.leave(request, Right.ADMINISTER)
    return Action(
        id=f"retire-template-{place}", label=_("Retire"), confirm=_("Propose its end"),
        title=_("Set up no further deal by “%(name)s”?") % {"name": name},
        url=reverse("manage_template_retirements"), icon="archive", small=True,
        form=Ended(initial={"about": name}, auto_id=f"retire-template-{place}-%s"),
        allowed=leave.allowed, why_not=leave.why_not,
    )  # fmt: skip


def _much(role: Mapping[str, Any]) -> str:
    return f"{role['share']} {SHARE}" if "share" in role else str(role["hours"])


def _rows(rows: Iterable[tuple[object, ...]]) -> str:
    parts = ([str(part) for part in row if part != ""] for row in rows)
    return "\n".join(f" {SEPARATOR} ".join(row) for row in parts)
