"""Admin: which of several systems takes a company's records, such as an old and a new ERP during a
cut-over: side by side, with the routes that are agreed upon."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from controltower.firm.models import LegalEntity, Person
from controltower.firm.rights import Right, entities_of, may_everywhere
from controltower.measures import sides
from controltower.systems.models import Route, System
from controltower.transactions import agreed_routes
from controltower.transactions.agreed_routes import Place
from controltower.web import manage_frame, plain_names, policy_words
from controltower.web.decisions import Reason
from controltower.web.list_filters import ListFilters
from controltower.web.manage import change
from controltower.web.marks import Mark
from controltower.web.security import SignedIn


class Routed(Reason):
    """From a day on, a system takes a company's records of one part."""

    role = forms.CharField(max_length=20, widget=forms.HiddenInput)
    company = forms.ChoiceField(label=gettext_lazy("Company"), required=False)
    record = forms.ChoiceField(label=gettext_lazy("Record"), required=False)
    system = forms.ChoiceField(label=gettext_lazy("System"))
    starts_on = forms.DateField(
        label=gettext_lazy("From"),
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
        help_text=gettext_lazy("What began before that day ends where it began."),
    )
    field_order = ("company", "record", "system", "starts_on", "reason")

    def __init__(self, *args: Any, able: Sequence[System], **options: Any) -> None:
        super().__init__(*args, **options)
        companies = LegalEntity.objects.order_by("code").values_list("code", "name")
        records = sorted(set().union(*map(agreed_routes.records_of, able)))
        self._choose("company", [("", _("All companies")), *companies])
        named = [(name, plain_names.record(name)) for name in records]
        self._choose("record", [("", _("All records")), *named])
        self._choose("system", [(one.slug, one.title) for one in able])

    def _choose(self, name: str, choices: Sequence[tuple[str, Any]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    @property
    def subject(self) -> str:
        """What the policy is about. Only when the form is valid."""
        said = self.cleaned_data
        place = Place(said["role"], said["company"], said["record"])
        return f"{agreed_routes.KIND}:{place}"

    @property
    def content(self) -> dict[str, str]:
        """What is written down. Only when the form is valid."""
        said = self.cleaned_data
        return {"system": said["system"], "from": said["starts_on"].isoformat()}


class Filters(ListFilters):
    """What narrows the parts and their routes: words of the company, the system or the record."""

    hint = gettext_lazy("Company, system or record")

    def leave(self, parts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """The parts that have a route which is asked for, with those alone; all of a part that is
        itself asked for. None when a filter makes no sense."""
        if not self.is_valid():
            return []
        found = []
        for part in parts:
            if not self.finds(part["title"], *(one["system"].title for one in part["systems"])):
                part = part | {"routes": [one for one in part["routes"] if self._asks_for(one)]}
            if part["routes"] or not self.given("q"):
                found.append(part)
        return found

    def _asks_for(self, route: Mapping[str, Any]) -> bool:
        company = route["company"] or _("All companies")
        return self.finds(company, route["system"].title, *route["records"])


@require_http_methods(["GET", "HEAD", "POST"])
def routes(request: SignedIn) -> HttpResponse:
    """Every part that several systems could take, for all who work there: each sees what holds for
    their companies. A change is the administrators', and waits for a second person."""
    if request.method == "POST":
        back, role = reverse("manage_routes"), request.POST.get("role", "")
        form = Routed(request.POST, able=_parts().get(role, ()))
        if not form.is_valid():
            return manage_frame.unclear(request, form, back)
        reason = form.cleaned_data["reason"]
        return manage_frame.propose(request, form.subject, form.content, reason, back)
    coming = manage_frame.waiting(agreed_routes.KIND)
    filters = Filters(request.GET)
    context = {
        "form": filters,
        "filters": filters.number,
        "clear_url": reverse("manage_routes"),
        "parts": parts(request, filters),
        "waiting": [
            {"title": policy_words.place(about), "said": policy_words.route(one.content)}
            for about, one in coming.items()
            if concerns(request.user, Place.read(about).company)
        ],
        "may_decide": may_everywhere(request.user, Right.SEE_AUDIT),
    }
    return manage_frame.page(request, "manage/routes.html", "manage_routes", context)


def parts(request: SignedIn, filters: Filters) -> list[dict[str, Any]]:
    """The parts that several systems could take and the filters leave."""
    found = _parts()
    waiting = sides.under_way([system for able in found.values() for system in able])
    return filters.leave([_part(request, role, able, waiting) for role, able in found.items()])


def concerns(person: Person, company: str) -> bool:
    """Whether something of a company ("" of all of them) is this person's to know."""
    codes = entities_of(person)
    return not company or codes is None or company in codes


def _parts() -> dict[str, list[System]]:
    found = defaultdict(list)
    for system in System.objects.filter(active=True):
        found[system.role].append(system)
    return {role: able for role, able in sorted(found.items()) if len(able) > 1}


def is_seen(person: Person, company: str) -> bool:
    """Whether the person sees what is a company's own; what is nobody's is for firm-wide eyes."""
    codes = entities_of(person)
    return codes is None or company in codes


def _part(
    request: SignedIn,
    role: str,
    able: Sequence[System],
    waiting: Mapping[int, Mapping[str, int]],
) -> dict[str, Any]:
    today, person = timezone.now().date(), request.user
    title = policy_words.part(role)
    last_month = today.replace(day=1) - timedelta(days=1)
    known = [
        route
        for route in Route.objects.filter(role=role).select_related("company", "system")
        if concerns(person, route.company.code if route.company else "")
    ]
    form = Routed(able=able, initial={"role": role, "starts_on": today}, auto_id=f"route-{role}-%s")
    words = _("Change who takes the records of the part %(part)s") % {"part": title}
    return {
        "id": role,
        "title": title,
        "systems": [_side(system, waiting[system.pk], person) for system in able],
        "billed": [
            _billed(row, able)
            for row in sides.billed(able, last_month)
            if is_seen(person, row.company)
        ],
        "routes": _grouped([_route(route, known, today) for route in known]),
        "action": change(request, f"route-{role}", words, reverse("manage_routes"), form),
    }


def _side(system: System, waiting: Mapping[str, int], person: Person) -> dict[str, Any]:
    companies = sorted((code, count) for code, count in waiting.items() if is_seen(person, code))
    return {
        "system": system,
        "under_way": sum(count for _code, count in companies),
        "companies": companies,
        "last_ok": system.last_ok_at,
    }


def _billed(row: sides.Billed, able: Sequence[System]) -> dict[str, Any]:
    return {
        "of": row,
        "sides": [
            {
                "title": one.title,
                "amount": row.amounts.get(one.pk),
                "papers": row.papers.get(one.pk),
            }
            for one in able
        ],
    }


def _grouped(routes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Routes that differ in their record alone as one row, with all of their records."""
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for one in routes:
        alike = (one["company"], one["system"].pk, one["from"], one["until"], not one["record"])
        row = rows.setdefault(alike, one | {"records": []})
        row["records"] += [one["record"]] if one["record"] else []
    return list(rows.values())


def _route(route: Route, known: Sequence[Route], today: date) -> dict[str, Any]:
    later = [one for one in known if _same_place(one, route) and one.starts_on > route.starts_on]
    until = min((one.starts_on for one in later), default=route.ends_on)
    if route.starts_on > today:
        mark = Mark("wt", _("Coming"))
    elif until is not None and until <= today:
        mark = Mark("nt", _("Past"))
    else:
        mark = Mark("ok", _("In force"))
    return {
        "company": route.company,
        "record": route.record and plain_names.record(route.record),
        "system": route.system,
        "from": route.starts_on,
        "until": until,
        "mark": mark,
    }


def _same_place(one: Route, other: Route) -> bool:
    return (one.company_id, one.record) == (other.company_id, other.record)
