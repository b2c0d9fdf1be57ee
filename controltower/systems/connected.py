"""Systems that a person connects by one of our connectors: what may be said of one, and its row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from controltower.firm.models import LegalEntity
from controltower.systems import described, setup_shape
from controltower.systems.credentials import reference
from controltower.systems.described import BadDescription, address_faults, is_own
from controltower.systems.models import Feed, System
from controltower.systems.said import START, Listed, Said, Taken
from integrations import catalogue
from integrations.connector import Descriptor
from integrations.needed import Needs, Option, Shape

__all__ = [
    "Descriptor", "Needs", "Option", "Shape", "descriptors", "document_of", "is_setup",
    "options_of", "read", "unset",
]  # fmt: skip


def descriptors() -> list[Descriptor]:
    """What can be connected, in the order of the catalogue; what is described is not among it."""
    names = (name for name in catalogue.CONNECTORS if name != described.CONNECTOR)
    return [catalogue.descriptor(name) for name in names]


def is_setup(document: Any) -> bool:
    """Whether a document connects by a connector, rather than describing a system."""
    return isinstance(document, dict) and "connector" in document


def read(document: Mapping[str, Any]) -> Said:
    """What a document connects, and how. Raises BadDescription with all that is wrong with its
    shape, else with what it takes for granted of this tower and should not."""
    connector = document["connector"]
    known = [one.name for one in descriptors()]
    if connector not in known:
        raise BadDescription([f"connector: it must be one of {', '.join(known)}."])
    if wrong := setup_shape.complaints(document, connector):
        raise BadDescription(wrong)
    descriptor = catalogue.descriptor(connector)
    if wrong := [*_faults(document, descriptor)]:
        raise BadDescription(wrong)
    return Said(
        system=_row(document, descriptor),
        feeds=tuple(_listed(document, descriptor)),
        takes=tuple(_taken(document)),
        is_retired=bool(document.get("retired")),
    )


def document_of(system: System) -> dict[str, Any]:
    """What would have to be said for a system to be as it is."""
    limits = ("calls_per_second", "concurrency", "deadline_seconds")
    return {
        "connector": system.connector,
        "slug": system.slug,
        "title": system.title,
        "base_url": system.base_url,
        "region": system.region,
        "secrets": system.secrets,
        "options": system.options,
        "limits": {name: getattr(system, name) for name in limits},
        "feeds": {one.entity: _as_read(one) for one in system.feeds.all()},
    }


def _as_read(feed: Feed) -> dict[str, Any]:
    since = feed.since.date().isoformat() if feed.since else START
    return {"every_seconds": feed.every_seconds, "since": since}


def options_of(document: Mapping[str, Any], needs: Needs) -> dict[str, Any]:
    """The options that a document gives, by their declared names."""
    given, found = document.get("options", {}), {}
    for one in needs.options:
        group, _dot, name = one.name.rpartition(".")
        held = given.get(group, {}) if group else given
        if name in held:
            found[one.name] = held[name]
    return found


def unset(document: Mapping[str, Any]) -> list[str]:
    """Variables that a document refers to and this machine does not have."""
    named = {value for _place, value in _references(document) if not reference(value)}
    return sorted(value.removeprefix("env:") for value in named)


def _faults(document: Mapping[str, Any], descriptor: Descriptor) -> Iterator[str]:
    slug = document["slug"]
    known = System.objects.filter(slug=slug).exclude(connector=descriptor.name).first()
    if known is not None:
        yield f"slug: “{slug}” is {known.title} already."
    if wrong := _misnamed(document):
        yield wrong
    for place, address in _addresses(document, descriptor):
        yield from (f"{place}: {fault}" for fault in address_faults(address))
    shared = _shared(document)
    for place, value in _references(document):
        if not is_own(value, slug) and value not in shared:
            own = slug.upper().replace("-", "_")
            yield f"{place}: the variable's name must begin with SYSTEM_{own}_."
    yield from _fed(document)
    yield from _taking(document, descriptor)


def _misnamed(document: Mapping[str, Any]) -> str:
    """A sign-in that is named as another one: facts are kept under that name."""
    name, alike = document.get("connection", document["slug"]), _alike(document)
    others = System.objects.filter(connection=name).exclude(slug=document["slug"])
    taken = others.exclude(connection=alike.connection if alike else "").first()
    place = "connection" if "connection" in document else "slug"
    return f"{place}: “{name}” is how {taken.title} signs in." if taken else ""


def _addresses(document: Mapping[str, Any], descriptor: Descriptor) -> Iterator[tuple[str, str]]:
    """Every address that would be called, with its place."""
    yield "base_url", document["base_url"]
    for name, value in options_of(document, descriptor.needs).items():
        option = descriptor.needs.option(name)
        if option is not None and option.shape is Shape.ADDRESS:
            yield f"options.{name}", value


def _references(document: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Every text that is taken from a variable, with its place: a form must send nowhere what else
    the environment holds."""
    if isinstance(document, Mapping):
        for name, value in document.items():
            yield from _references(value, f"{place}.{name}" if place else str(name))
    elif isinstance(document, list):
        for value in document:
            yield from _references(value, place)
    elif isinstance(document, str) and document.startswith("env:"):
        yield place, document


def _shared(document: Mapping[str, Any]) -> set[str]:
    """What a system of the same address is called by already: one org may play two parts."""
    there = System.objects.filter(base_url=document["base_url"], active=True)
    return {
        value
        for one in there
        for _place, value in _references([one.base_url, one.secrets, one.options])
    }


def _fed(document: Mapping[str, Any]) -> Iterator[str]:
    for entity, said in document.get("feeds", {}).items():
        since = said.get("since", START)
        if since[0].isdigit() and _day(since) is None:
            yield f"feeds.{entity}.since: there is no day {since}."


def _taking(document: Mapping[str, Any], descriptor: Descriptor) -> Iterator[str]:
    kept = {*descriptor.feeds, *(one.entity for one in descriptor.operations)}
    for number, one in enumerate(document.get("takes", ())):
        company, record = one.get("company", ""), one.get("record", "")
        if company and not LegalEntity.objects.filter(code=company).exists():
            yield f"takes.{number}.company: there is no legal entity “{company}”."
        if record and record not in kept:
            yield f"takes.{number}.record: {descriptor.title} keeps no “{record}”."
        if _day(one["from"]) is None:
            yield f"takes.{number}.from: there is no day {one['from']}."


def _row(document: Mapping[str, Any], descriptor: Descriptor) -> System:
    """The system as it would be called; not saved."""
    limits, needs = document.get("limits", {}), descriptor.needs
    return System(
        slug=document["slug"],
        title=document["title"],
        domain=descriptor.domain,
        role=needs.plays,
        connector=descriptor.name,
        connection=_connection(document),
        base_url=document["base_url"].rstrip("/"),
        secrets=document["secrets"],
        options=document.get("options", {}),
        region=document.get("region", ""),
        deadline_seconds=limits.get("deadline_seconds", 20),
        concurrency=limits.get("concurrency", descriptor.concurrency),
        calls_per_second=limits.get("calls_per_second", needs.calls_per_second),
    )


def _connection(document: Mapping[str, Any]) -> str:
    """The name of its sign-in, quota and facts: for ever what it was at first; that of another
    system with the same address and credentials where it is new; else the one that is given."""
    own = System.objects.filter(slug=document["slug"]).first()
    known = own or _alike(document)
    return known.connection if known else str(document.get("connection", document["slug"]))


def _alike(document: Mapping[str, Any]) -> System | None:
    """Another system that is reached and signed in to in the same way."""
    alike = {"base_url": document["base_url"], "secrets": document["secrets"]}
    return System.objects.filter(active=True, **alike).exclude(slug=document["slug"]).first()


def _listed(document: Mapping[str, Any], descriptor: Descriptor) -> Iterator[Listed]:
    for entity, said in document.get("feeds", {}).items():
        every = said.get("every_seconds", descriptor.needs.feeds[entity].every)
        yield Listed(entity, every, said.get("since", START))


def _taken(document: Mapping[str, Any]) -> Iterator[Taken]:
    for one in document.get("takes", ()):
        day = date.fromisoformat(one["from"])
        yield Taken(one.get("company", ""), one.get("record", ""), day)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
