"""The rail: where the product's pages are, and which of them one is on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy, pgettext_lazy

from controltower.firm.models import Person
from controltower.firm.rights import Right, may_everywhere


@dataclass(frozen=True, slots=True)
class Place:
    """A page of the rail, by the name of its route; `go` is its key after G. With a `right` it is
    there for those alone who have it for the whole firm. `beneath` are pages that belong to it
    and whose addresses do not begin with its own."""

    route: str
    label: str | Promise
    icon: str
    go: str = ""
    phone: bool = False
    right: Right | None = None
    beneath: tuple[str, ...] = ()


RAIL: tuple[tuple[str | Promise, tuple[Place, ...]], ...] = (
    (
        gettext_lazy("Watch"),
        (
            Place("tower", gettext_lazy("Tower"), "radar", "t", phone=True),
            Place("processes", gettext_lazy("Processes"), "workflow", "p"),
            Place("transactions", gettext_lazy("Transactions"), "arrow-left-right", "x", True),
        ),
    ),
    (
        gettext_lazy("Fix"),
        (
            Place("exceptions", gettext_lazy("Exceptions"), "octagon-alert", "e", phone=True),
            Place("incidents", gettext_lazy("Incidents"), "siren", "i", phone=True),
            Place("jobs", gettext_lazy("Jobs"), "layers", "j"),
        ),
    ),
    (
        gettext_lazy("Period end"),
        (
            Place(
                "month_end_close", pgettext_lazy("of a month", "Close"), "calendar-check", "c", True
            ),
            Place("measures", gettext_lazy("Measures"), "gauge", "m"),
        ),
    ),
    (
        gettext_lazy("Govern"),
        (
            Place(
                "mappings",
                gettext_lazy("Mappings"),
                "git-compare",
                "o",
                beneath=("library", "customers"),
            ),
            Place("runbooks", gettext_lazy("Runbooks"), "book-open", "b"),
            Place("interfaces", gettext_lazy("Interfaces"), "plug", "n"),
            Place("assurance", gettext_lazy("Assurance"), "shield-check", "a"),
        ),
    ),
    (
        gettext_lazy("Systems"),
        (
            Place("systems", gettext_lazy("Health"), "activity", "h"),
            Place("manage", gettext_lazy("Admin"), "settings", "d", right=Right.SEE_AUDIT),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class RailItem:
    """One line of the rail. `count` is None where nothing is counted."""

    label: str
    url: str
    icon: str
    current: bool
    count: int | None
    hot: bool
    phone: bool
    go: str


@dataclass(frozen=True, slots=True)
class RailGroup:
    """A titled part of the rail."""

    title: str
    items: tuple[RailItem, ...]


def of(person: Person, path: str, counts: Mapping[str, int]) -> tuple[RailGroup, ...]:
    """What the person has of it on the page at this address."""
    there = places(person)
    here = _here((place for _title, group in there for place in group), path)
    return tuple(
        RailGroup(str(title), tuple(_items(group, here, counts))) for title, group in there
    )


def places(person: Person) -> list[tuple[str | Promise, list[Place]]]:
    """The pages that are there for a person, in their groups."""
    return [(title, [place for place in group if _is_for(person, place)]) for title, group in RAIL]


def _is_for(person: Person, place: Place) -> bool:
    return place.right is None or may_everywhere(person, place.right)


def _here(there: Iterable[Place], path: str) -> str:
    """The route of the place that a page belongs to: that whose address says most of its own."""
    roots = {
        reverse(route): place.route for place in there for route in (place.route, *place.beneath)
    }
    under = (root for root in roots if path == root or (root != "/" and path.startswith(root)))
    return roots.get(max(under, key=len, default=""), "")


def _items(there: Iterable[Place], here: str, counts: Mapping[str, int]) -> Iterable[RailItem]:
    for place in there:
        count = counts.get(place.route)
        yield RailItem(
            label=str(place.label),
            url=reverse(place.route),
            icon=place.icon,
            current=place.route == here,
            count=count,
            hot=bool(count),
            phone=place.phone,
            go=place.go,
        )
