"""The form that connects a system: made of what its connector declares.

A field is named by its place in the document ("secrets.api_key"), so that a fault finds its field.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from controltower.firm.models import LegalEntity
from controltower.systems import connected, setup_shape
from controltower.systems.connected import Descriptor, Option, Shape
from controltower.systems.said import NOW, START
from controltower.web import field_names, plain_names
from controltower.web.sayings import heard
from controltower.web.setup_words import LIMITS

DAY, ALL = "day", "*"


class Reference(forms.TextInput):
    """Shows references alone: a secret that was typed here by mistake is not sent back."""

    def format_value(self, value: Any) -> str | None:
        """What the page shows."""
        return value if re.match(setup_shape.REFERENCE, str(value or "")) else ""


class Pairs(forms.CharField):
    """A table, a line for each: ``LF-DE = de``."""

    widget = forms.Textarea(attrs={"rows": 3})

    def prepare_value(self, value: Any) -> Any:
        """As lines."""
        if not isinstance(value, Mapping):
            return value
        return "\n".join(f"{name} = {said}" for name, said in value.items())

    def to_python(self, value: Any) -> Any:
        """From lines."""
        lines = [line for line in str(value or "").splitlines() if line.strip()]
        pairs = (line.partition("=") for line in lines)
        return {name.strip(): said.strip() for name, _equals, said in pairs}


class Names(forms.CharField):
    """Several words, parted by commas."""

    def prepare_value(self, value: Any) -> Any:
        """As one line."""
        return ", ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        """From one line."""
        return [word.strip() for word in str(value or "").split(",") if word.strip()]


FIELDS: Mapping[Shape, type[forms.Field]] = {
    Shape.TEXT: forms.CharField,
    Shape.ADDRESS: forms.CharField,
    Shape.WHOLE: forms.IntegerField,
    Shape.NUMBER: forms.FloatField,
    Shape.YES_NO: forms.BooleanField,
    Shape.NAMES: Names,
    Shape.TABLE: Pairs,
}


class Setup(forms.Form):
    """How one system is connected. `routes` says whether another system plays its part already."""

    title = forms.CharField(label=gettext_lazy("Title"), max_length=80)
    slug = forms.CharField(
        label=gettext_lazy("Short name"),
        max_length=40,
        help_text=gettext_lazy("Stays for ever: facts and messages come in under it."),
    )
    base_url = forms.CharField(label=gettext_lazy("Address"), max_length=300)
    region = forms.CharField(
        label=gettext_lazy("Region of its data"),
        max_length=16,
        required=False,
        help_text=gettext_lazy("Such as EU: records tied to a region are sent nowhere else."),
    )

    def __init__(
        self, *args: Any, descriptor: Descriptor, is_new: bool, routes: bool, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.descriptor = descriptor
        needs = descriptor.needs
        self.fields["base_url"].help_text = _("Such as %(example)s, or a variable.") % {
            "example": needs.address
        }
        self.fields["slug"].widget.attrs["readonly"] = not is_new
        self._add_secrets()
        for one in needs.options:
            self.fields[f"options.{one.name}"] = _option_field(one)
        for name, label in LIMITS.items():
            self.fields[f"limits.{name}"] = forms.IntegerField(label=label, min_value=1)
        self._add_feeds()
        if routes:
            self._add_routes()

    def _add_secrets(self) -> None:
        for one in self.descriptor.needs.secrets:
            self.fields[f"secrets.{one.name}"] = forms.CharField(
                label=field_names.given(one.name),
                required=one.required,
                max_length=120,
                help_text=f"{heard(one.what)} {heard(one.where)}",
                widget=Reference(attrs={"autocomplete": "off", "spellcheck": "false"}),
            )

    def _add_feeds(self) -> None:
        for name in self.descriptor.needs.feeds:
            place = f"feeds.{name}"
            self.fields[place] = forms.BooleanField(label=plain_names.record(name), required=False)
            self.fields[f"{place}.every_seconds"] = forms.IntegerField(
                label=_("Every so many seconds"), min_value=1, max_value=86_400
            )
            if self.descriptor.feeds[name] in setup_shape.ACKNOWLEDGED:
                continue
            whence = [
                (START, _("as far back as it tells")), (NOW, _("what changes from now on")),
                (DAY, _("what has changed since a day")),
            ]  # fmt: skip
            self.fields[f"{place}.since"] = forms.ChoiceField(label=_("Read"), choices=whence)
            self.fields[f"{place}.day"] = forms.DateField(
                label=_("Day"), required=False, widget=forms.DateInput({"type": "date"}, "%Y-%m-%d")
            )

    def _add_routes(self) -> None:
        companies = LegalEntity.objects.order_by("code").values_list("code", "name")
        nobody = ("", _("Nobody's yet: Admin, Routes says later whose"))
        self.fields["takes.company"] = forms.ChoiceField(
            label=_("Whose records it takes"),
            choices=[nobody, (ALL, _("All companies")), *companies],
            required=False,
        )
        self.fields["takes.from"] = forms.DateField(
            label=_("From"), required=False,
            widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"),
        )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """A day where one is needed."""
        said = super().clean() or {}
        for name in self.descriptor.needs.feeds:
            if said.get(f"feeds.{name}.since") == DAY and not said.get(f"feeds.{name}.day"):
                self.add_error(f"feeds.{name}.day", _("Say since which day."))
        if said.get("takes.company") and not said.get("takes.from"):
            self.add_error("takes.from", _("Say from which day."))
        return said

    @property
    def document(self) -> dict[str, Any]:
        """What is proposed. Only when the form is valid."""
        said = self.cleaned_data
        found = {
            "connector": self.descriptor.name,
            "slug": said["slug"],
            "title": said["title"],
            "base_url": said["base_url"],
            "region": said["region"],
            "secrets": {name: value for name, value in self._within("secrets") if value},
            "options": _nested(dict(self._given())),
            "limits": dict(self._within("limits")),
            "feeds": dict(self._feeds()),
        }
        if company := said.get("takes.company"):
            day = said["takes.from"].isoformat()
            found["takes"] = [{"company": "" if company == ALL else company, "from": day}]
        return found

    def _within(self, group: str) -> Iterator[tuple[str, Any]]:
        for name, value in self.cleaned_data.items():
            first, _dot, rest = name.partition(".")
            if first == group and rest:
                yield rest, value

    def _given(self) -> Iterator[tuple[str, Any]]:
        """Options that say something else than what holds anyway."""
        for name, value in self._within("options"):
            option = self.descriptor.needs.option(name)
            assert option is not None
            if value not in (None, "", [], {}, option.default) and value is not False:
                yield name, int(value) if isinstance(value, float) and value.is_integer() else value

    def _feeds(self) -> Iterator[tuple[str, dict[str, Any]]]:
        said = self.cleaned_data
        for name in self.descriptor.needs.feeds:
            if said[f"feeds.{name}"]:
                since = said.get(f"feeds.{name}.since", START)
                day = said.get(f"feeds.{name}.day")
                every = said[f"feeds.{name}.every_seconds"]
                yield name, {"every_seconds": every, "since": str(day) if since == DAY else since}

    def blame(self, faults: list[str] | tuple[str, ...]) -> None:
        """Put each fault at its field, in the reader's language."""
        for fault in faults:
            place, _colon, text = str(heard(fault)).partition(": ")
            if place in self.fields:
                self.add_error(place, text[:1].upper() + text[1:])
            else:
                self.add_error(None, heard(fault))


def _option_field(one: Option) -> forms.Field:
    kind = FIELDS[one.shape]
    label = field_names.given(one.name)
    field = kind(label=label, required=one.required, help_text=heard(one.what))
    shown = one.usual or one.default
    if shown not in (None, "") and one.shape is not Shape.YES_NO:
        field.widget.attrs["placeholder"] = str(shown)
    return field


def _nested(options: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in options.items():
        group, _dot, rest = name.rpartition(".")
        (found.setdefault(group, {}) if group else found)[rest] = value
    return found


def beginning(descriptor: Descriptor, document: Mapping[str, Any] | None) -> dict[str, Any]:
    """What stands in the form at first: what the last version says, else what is usual."""
    needs, said = descriptor.needs, document or {}
    fresh = document is None
    limits = {"concurrency": descriptor.concurrency, "deadline_seconds": 20,
              "calls_per_second": needs.calls_per_second} | said.get("limits", {})  # fmt: skip
    own = descriptor.name.upper()
    found: dict[str, Any] = {
        "title": said.get("title", descriptor.title),
        "slug": said.get("slug", descriptor.name),
        "base_url": said.get("base_url", "" if "<" in needs.address else needs.address),
        "region": said.get("region", ""),
    }
    found |= {f"limits.{name}": value for name, value in limits.items()}
    for secret in needs.secrets:
        usual = f"env:SYSTEM_{own}_{secret.name.upper()}" if secret.required and fresh else ""
        found[f"secrets.{secret.name}"] = said.get("secrets", {}).get(secret.name, usual)
    options = {one.name: one.usual for one in needs.options if fresh and "<" not in one.usual}
    options |= connected.options_of(said, needs)
    found |= {f"options.{name}": value for name, value in options.items()}
    for name, reading in needs.feeds.items():
        feed = said.get("feeds", {}).get(name)
        since = (feed or {}).get("since", NOW if fresh else START)
        is_day = since not in (START, NOW)
        found[f"feeds.{name}"] = fresh or feed is not None
        found[f"feeds.{name}.every_seconds"] = (feed or {}).get("every_seconds", reading.every)
        found[f"feeds.{name}.since"] = DAY if is_day else since
        found[f"feeds.{name}.day"] = since if is_day else None
    return found
