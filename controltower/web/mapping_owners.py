"""The board of owners: which system holds the truth of each field, who answers for it, and how two
people agree on that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from controltower.firm.models import Person, PolicyVersion
from controltower.firm.rights import Right
from controltower.mappings import owning
from controltower.mappings.models import FieldOwner
from controltower.systems.models import System
from controltower.web import field_names, manage_frame, policy_words
from controltower.web.actions import Action
from controltower.web.decisions import Reason
from controltower.web.security import SignedIn


class Owned(Reason):
    """Fields of a record, with who owns them."""

    record = forms.CharField(max_length=40, widget=forms.HiddenInput)
    names = forms.MultipleChoiceField(
        label=gettext_lazy("Fields"), widget=forms.SelectMultiple({"size": 6})
    )
    system = forms.ChoiceField(
        label=gettext_lazy("System of record"),
        help_text=gettext_lazy("Whose value survives where two systems differ."),
    )
    owner = forms.ChoiceField(
        label=gettext_lazy("Owner"), help_text=gettext_lazy("Who answers for what it says.")
    )
    steward = forms.ChoiceField(label=gettext_lazy("Steward"), required=False)
    field_order = ("names", "system", "owner", "steward", "reason")

    def __init__(self, *args: Any, of: Sequence[FieldOwner], **options: Any) -> None:
        super().__init__(*args, **options)
        active = Person.objects.filter(is_active=True, duties__isnull=False).distinct()
        people = [(one.username, str(one)) for one in active.order_by("last_name", "username")]
        systems = System.objects.filter(active=True).order_by("title")
        self._choose("names", [(one.field, field_names.field(one.field)) for one in of])
        self._choose("system", [("", "–"), *systems.values_list("slug", "title")])
        self._choose("owner", [("", "–"), *people])
        self._choose("steward", [("", _("nobody")), *people])

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    @property
    def content(self) -> dict[str, Any]:
        """What is written down. Only when the form is valid."""
        said = self.cleaned_data
        chosen = {name: said[name] for name in ("system", "owner", "steward")}
        return {"fields": said["names"], **chosen}


@require_POST
def owners(request: SignedIn) -> HttpResponse:
    """Propose who owns fields of a record; it waits for a second person."""
    back, record = reverse("mappings"), request.POST.get("record", "")
    form = Owned(request.POST, of=_of(record, owning.fields()))
    if not form.is_valid():
        return manage_frame.unclear(request, form, back)
    subject = f"{owning.KIND}:{record}"
    return manage_frame.propose(request, subject, form.content, form.cleaned_data["reason"], back)


def board(
    request: SignedIn, shown: Iterable[FieldOwner], known: Iterable[FieldOwner]
) -> list[dict[str, Any]]:
    """Who owns which field of those shown, by record; records and fields without an owner come
    first. Each record says what waits for a second person, and how to change its known fields."""
    titles = dict(System.objects.values_list("slug", "title"))
    coming = manage_frame.waiting(owning.KIND)
    ordered = sorted(shown, key=lambda one: (one.record, one.owner is not None, one.field))
    groups = [
        {
            "record": record,
            "unowned": sum(1 for one in members if one.owner is None),
            "rows": [_row(one, titles) for one in members],
            "waits": policy_words.owners(coming[record].content) if record in coming else "",
            "withdraw": _withdrawal(request, coming.get(record)),
            "action": _change(request, record, _of(record, known)),
        }
        for record, members in ((k, list(v)) for k, v in groupby(ordered, lambda one: one.record))
    ]
    return sorted(groups, key=lambda group: (not group["unowned"], str(group["record"])))


def _withdrawal(request: SignedIn, version: PolicyVersion | None) -> Action | None:
    own = version is not None and version.author_id == request.user.pk
    return manage_frame.withdrawal(version) if version is not None and own else None


def _row(one: FieldOwner, titles: dict[str, str]) -> dict[str, Any]:
    return {
        "field": one.field,
        "called": field_names.field(one.field),
        "system_of_record": titles.get(one.system_of_record, one.system_of_record),
        "owner": str(one.owner) if one.owner else "",
        "steward": str(one.steward) if one.steward else "",
        "is_money": one.is_money,
        "is_personal": one.is_personal,
    }


def _change(request: SignedIn, record: str, of: Sequence[FieldOwner]) -> Action:
    leave, id_ = manage_frame.leave(request, Right.NAME_OWNERS), record.replace(" ", "-")
    unowned = [one for one in of if one.owner is None]
    usual = {one.system_of_record for one in unowned}
    form = Owned(
        of=of,
        initial={
            "record": record,
            "names": [one.field for one in unowned] if len(usual) == 1 else [],
            "system": usual.pop() if len(usual) == 1 else "",
        },
        auto_id=f"owners-{id_}-%s",
    )
    return Action(
        id=f"owners-{id_}", label=_("Name an owner"), title=policy_words.title(owning.KIND, record),
        url=reverse("mapping_owners"), confirm=_("Propose the change"), form=form, small=True,
        icon="user-plus", allowed=leave.allowed, why_not=leave.why_not,
    )  # fmt: skip


def _of(record: str, known: Iterable[FieldOwner]) -> list[FieldOwner]:
    return [one for one in known if one.record == record]
