"""What narrows a list, as its address says it: words to look for, and choices of its own."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


def choice(label: Any, anything: Any, choices: Iterable[tuple[str, Any]]) -> forms.ChoiceField:
    """A filter of its own: `anything`, unless one of the choices is asked for."""
    return forms.ChoiceField(label=label, required=False, choices=[("", anything), *choices])


class ListFilters(forms.Form):
    """The query string of a list, and the form above it (`components/filters.html`). An unknown
    value is an error beside its field. Hidden fields are what a list keeps while it is narrowed."""

    q = forms.CharField(label=_("Search"), required=False, max_length=120)
    columns = forms.CharField(widget=forms.HiddenInput, required=False, max_length=200)
    hint: Any = ""
    """What can be looked for, in the empty field."""
    first_tab = "open"
    """The tab that a list with tabs shows to who asks for none."""

    def given(self, name: str) -> Any:
        """The valid value of a filter, or nothing."""
        return self.cleaned_data.get(name) or ""

    @property
    def number(self) -> int:
        """How many filters are set, sensible or not; the order is none."""
        fields = (field for field in self.visible_fields() if field.name != "sort")
        return sum(1 for field in fields if str(self.data.get(field.name, "")).strip())

    def tab_url(self, page: str, tab: str) -> str:
        """The address of a tab of the list, the first one's name being in none: with the columns
        that are chosen, but not what narrows another tab, for a tab's count is of all it has."""
        first = tab == self.first_tab
        kept = {"tab": "" if first else tab, "columns": str(self.data.get("columns", ""))}
        query = urlencode({name: value for name, value in kept.items() if value})
        return f"{reverse(page)}?{query}" if query else reverse(page)

    def finds(self, *texts: object) -> bool:
        """Whether each of the words looked for is in one of the texts, in any case of letters."""
        whole = " ".join(map(str, texts)).casefold()
        return all(word in whole for word in str(self.given("q")).casefold().split())


def containing(words: str, *columns: str) -> Q:
    """That each of some words is in one of the columns, in any case of letters."""
    found = Q()
    for word in str(words).split():
        found &= reduce(or_, (Q(**{f"{column}__icontains": word}) for column in columns))
    return found
