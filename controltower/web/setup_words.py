"""What a version says of a system that is connected by a connector, row by row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from controltower.firm.models import Person
from controltower.firm.rights import Right
from controltower.processes.parts import read_for
from controltower.systems import connected, described
from controltower.systems.connected import Descriptor
from controltower.systems.models import Description, System
from controltower.systems.said import NOW, START
from controltower.web import field_names, plain_names, policy_words
from controltower.web.actions import leave
from controltower.web.sayings import heard

LIMITS = {
    "calls_per_second": gettext_lazy("Calls a second, at most"),
    "concurrency": gettext_lazy("Calls at once, at most"),
    "deadline_seconds": gettext_lazy("Seconds that a call may take"),
}


def url_of(version: Description) -> str:
    """The page of a version."""
    return reverse("description", args=[version.slug, version.number])


def draft_url(version: Description) -> str:
    """Where its next version is written."""
    connector = version.document.get("connector")
    route = reverse("system_connect", args=[connector]) if connector else reverse("system_describe")
    return f"{route}?from={version.slug}"


def change_url(system: System, person: Person) -> str:
    """Where a system's connection is changed; "" for who may not, and for one that is described."""
    if system.connector == described.CONNECTOR or not leave(person, Right.ADMINISTER).allowed:
        return ""
    return f"{reverse('system_connect', args=[system.connector])}?from={system.slug}"


def purpose(descriptor: Descriptor, entity: str) -> str:
    """What a feed is read for."""
    needs = descriptor.needs
    found = read_for(needs.plays, entity, needs.feeds[entity].tells)
    titles = ", ".join(heard(one.title) for one in found)
    return titles or _("kept, and looked up by workflows that need it")


def rows(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Label and value of all that a document says."""
    descriptor = next(one for one in connected.descriptors() if one.name == document["connector"])
    return list(_rows(document, descriptor))


def _rows(document: Mapping[str, Any], descriptor: Descriptor) -> Iterator[tuple[str, str]]:
    yield _("Connector"), f"{descriptor.title}, {heard(str(descriptor.verification))}"
    yield _("Part it plays"), policy_words.part(descriptor.needs.plays)
    yield _("Address"), document["base_url"]
    for name, value in document["secrets"].items():
        yield field_names.given(name), value
    for name, value in connected.options_of(document, descriptor.needs).items():
        yield field_names.given(name), _value(value)
    for name, value in document.get("limits", {}).items():
        yield str(LIMITS[name]), str(value)
    if document.get("region"):
        yield _("Region of its data"), document["region"]
    for entity, said in document.get("feeds", {}).items():
        label = _("Reads %(entity)s") % {"entity": plain_names.record(entity)}
        yield label, f"{_feed(said)}: {purpose(descriptor, entity)}"
    for one in document.get("takes", ()):
        records = plain_names.record(one["record"]) if one.get("record") else _("all records")
        words = _("%(records)s of %(company)s from %(day)s")
        company = one.get("company") or _("all companies")
        yield _("Takes"), words % {"records": records, "company": company, "day": one["from"]}


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, Mapping):
        return ", ".join(f"{name} = {said}" for name, said in value.items())
    return ", ".join(value) if isinstance(value, list) else str(value)


def _feed(said: Mapping[str, Any]) -> str:
    since = said.get("since", START)
    whence = {START: _("as far back as it tells"), NOW: _("what changes from now on")}
    words = _("every %(seconds)s s, %(whence)s")
    day = _("since %(day)s") % {"day": since}
    return words % {"seconds": said.get("every_seconds", "–"), "whence": whence.get(since, day)}
