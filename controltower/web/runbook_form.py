"""The editor of a runbook's draft: what it fits, and one row of fields per step."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from controltower.canonical.verdicts import Kind
from controltower.incidents import steps
from controltower.systems.models import System
from controltower.web import runbook_words

KINDS = [(one.value, runbook_words.FAILURES[one]) for one in Kind]
WHATS = [
    ("", "–"),
    (gettext_lazy("Checks and waits"), list(runbook_words.CHECKS.items())),
    (gettext_lazy("Acts"), list(runbook_words.ACTS.items())),
]
CHOICE = re.compile(r"(?P<label>.*?)(?:\s*(?:→|->)\s*(?P<to>end|next|\d{1,2}))?\s*\Z")


class About(forms.Form):
    """What the runbook is called, what it fits and why there is a new version."""

    title = forms.CharField(label=gettext_lazy("Title"), max_length=120)
    kinds = forms.MultipleChoiceField(
        label=gettext_lazy("Kinds of failure"), choices=KINDS, required=False
    )
    systems = forms.MultipleChoiceField(label=gettext_lazy("Systems"), required=False)
    words = forms.CharField(
        label=gettext_lazy("Words in the group's title"),
        max_length=300,
        required=False,
        help_text=gettext_lazy("One of them must stand there; a semicolon between them."),
    )
    steps = forms.CharField(
        label=gettext_lazy("Steps of the process"),
        max_length=200,
        required=False,
        help_text=gettext_lazy("Their names, such as post; a semicolon between them."),
    )
    down = forms.BooleanField(label=gettext_lazy("A system does not answer"), required=False)
    note = forms.CharField(label=gettext_lazy("Why this version?"), max_length=400, required=False)

    def __init__(self, *args: Any, named: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["systems"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = list(System.objects.values_list("slug", "title"))
        if named:
            del self.fields["title"]

    def fits(self) -> dict[str, Any]:
        """What it fits, as `matching` wants it."""
        given = self.cleaned_data
        found = {
            "kinds": given["kinds"],
            "systems": given["systems"],
            "words": _listed(given["words"]),
            "steps": _listed(given["steps"]),
            "down": given["down"],
        }
        return {name: value for name, value in found.items() if value}


def _listed(text: str) -> list[str]:
    return [one.strip() for one in text.split(";") if one.strip()]


class StepFields(forms.Form):
    """One step; left without a title it is none."""

    kind = forms.ChoiceField(
        label=gettext_lazy("Kind"), choices=list(runbook_words.KINDS.items()), required=False
    )
    title = forms.CharField(label=gettext_lazy("Title"), max_length=120, required=False)
    what = forms.ChoiceField(label=gettext_lazy("What"), choices=WHATS, required=False)
    words = forms.CharField(
        label=gettext_lazy("In words"), max_length=600, required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )  # fmt: skip
    choices = forms.CharField(
        label=gettext_lazy("Choices"), max_length=600, required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("One per line. “No → 5” leads to step 5, “No → end” to the end."),
    )  # fmt: skip
    minutes = forms.IntegerField(
        label=gettext_lazy("Minutes"), required=False, min_value=1, max_value=steps.LONGEST_WAIT
    )

    to = forms.CharField(
        label=gettext_lazy("Goes on at"), max_length=4, required=False,
        widget=forms.TextInput(attrs={"placeholder": gettext_lazy("the next")}),
    )  # fmt: skip

    def rule(self) -> dict[str, Any]:
        """The step as `steps` wants it; what does not belong to its kind is left out."""
        given = self.cleaned_data
        kind = given["kind"]
        found = {"kind": kind, "title": given["title"].strip(), "words": given["words"].strip()}
        if given["to"].strip():
            found["to"] = _place(given["to"].strip())
        if kind == steps.DECIDE:
            return found | {
                "choices": [_choice(one) for one in given["choices"].splitlines() if one]
            }
        if given["what"]:
            found["what"] = given["what"]
        return found | ({"minutes": given["minutes"]} if kind == steps.WAIT else {})


def _choice(line: str) -> dict[str, Any]:
    found = CHOICE.fullmatch(line.strip())
    assert found is not None
    return {"label": found["label"].strip(), "to": _place(found["to"] or steps.NEXT)}


def _place(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


class _Rows(forms.BaseFormSet):  # type: ignore[type-arg]  # no generic at run time
    def rules(self) -> list[dict[str, Any]]:
        """The steps in the order that was given."""
        rows = [form for form in self.ordered_forms if form.cleaned_data.get("title", "").strip()]
        return [form.rule() for form in rows]


def rows(data: Mapping[str, Any] | None, given: Sequence[Mapping[str, Any]], extra: int) -> _Rows:
    """The rows of the editor, some empty ones at the end."""
    made: Any = forms.formset_factory(
        StepFields, formset=_Rows, extra=extra, can_order=True, can_delete=True,
        max_num=steps.MOST_STEPS, absolute_max=steps.MOST_STEPS + extra,
    )  # fmt: skip
    found: _Rows = made(data=data, initial=[_fields(one) for one in given], prefix="steps")
    for form in found.forms:
        form.fields["ORDER"].label = _("Place")
        form.fields["DELETE"].label = _("Remove")
    return found


def with_more(data: QueryDict, extra: int) -> QueryDict:
    """What was entered so far, with so many empty rows more."""
    found, count = data.copy(), data.get("steps-TOTAL_FORMS", "")[:4]
    if count.isdecimal():
        found["steps-TOTAL_FORMS"] = str(min(int(count) + extra, steps.MOST_STEPS))
    return found


def _fields(rule: Mapping[str, Any]) -> dict[str, Any]:
    lines = [
        one["label"] + ("" if one.get("to") in {None, steps.NEXT} else f" → {one['to']}")
        for one in rule.get("choices", ())
    ]
    return {**rule, "choices": "\n".join(lines)}


def about(fits: Mapping[str, Any]) -> dict[str, Any]:
    """The first values of `About`."""
    listed = {name: "; ".join(fits.get(name, ())) for name in ("words", "steps")}
    return {**fits, **listed}
