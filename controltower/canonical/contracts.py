"""What a system's records look like by agreement, and how what came differs from that. Pure.

A contract is a JSON Schema (2020-12). A field is named by its path: steps joined by dots, "[]" for
the elements of a list. `Terms` are what people have agreed on beyond what a connector reads by
itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

DIALECT = "https://json-schema.org/draft/2020-12/schema"
UNSHAPED = "The answer is not shaped as agreed: "
EACH, EMPTY = "[]", "null"
MISSING, TYPE = "is missing", "is of another type"
VALUE = "has a value that is not on the agreed list"
TEXT, NUMBER = "text", "a number"
"""The types that can be read as each other."""
_TOLD = re.compile(
    r"(?:“(?P<place>[^”]*)” )?(?P<what>.+?)(?:: (?P<expected>.+) was agreed, (?P<found>.+) came)?",
    re.DOTALL,
)
NOTHING_TAKEN = "Nothing was taken from it."
NOBODY_KNOWS = "Nobody can tell what was done."


class Remedy(StrEnum):
    """What can be agreed on about a difference."""

    MAP = "map"
    OPTIONAL = "optional"
    CONVERT = "convert"
    NONE = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which an answer is not as agreed; `place` is the field's path as it is read."""

    what: str
    place: str = ""
    expected: str = ""
    found: str = ""

    def __str__(self) -> str:
        where = f"“{self.place}” " if self.place else ""
        came = f": {self.expected} was agreed, {self.found} came" if self.expected else ""
        return f"{where}{self.what}{came}"

    @property
    def remedy(self) -> Remedy:
        """What can be agreed on here; a value can only be mapped when it could be quoted, and a
        list is no text."""
        can_be = {
            VALUE: (Remedy.MAP, self.found.startswith("“")),
            MISSING: (Remedy.OPTIONAL, True),
            TYPE: (Remedy.CONVERT, {self.expected, self.found} == {TEXT, NUMBER}),
        }
        remedy, is_safe = can_be.get(self.what, (Remedy.NONE, False))
        return remedy if is_safe else Remedy.NONE

    @property
    def value(self) -> str:
        """The new value itself, where one was quoted."""
        return self.found.strip("“”") if self.what == VALUE else ""


def told(text: str) -> Difference | None:
    """The difference that a verdict's text tells of; None when it tells of none."""
    if not text.startswith(UNSHAPED):
        return None
    said = text.removeprefix(UNSHAPED)
    for end in (NOTHING_TAKEN, NOBODY_KNOWS):
        said = said.removesuffix(f". {end}")
    parts = _TOLD.fullmatch(said)
    assert parts is not None
    return Difference(**{name: part or "" for name, part in parts.groupdict().items()})


def quoted(text: str) -> list[str]:
    """The agreed values that a difference names."""
    difference = told(text)
    return re.findall(r"“([^”]*)”", difference.expected) if difference else []


@dataclass(frozen=True, slots=True)
class Terms:
    """What was agreed beyond the code: fields that may be missing (read as empty), new values and
    which known value each stands for, and fields whose text may come as a number or the reverse."""

    optional: frozenset[str] = frozenset()
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    types: frozenset[str] = frozenset()

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Terms:
        """From JSON, as `as_json` wrote it."""
        return cls(
            frozenset(document.get("optional", ())),
            document.get("values", {}),
            frozenset(document.get("types", ())),
        )

    def as_json(self) -> dict[str, Any]:
        """As a JSON value, always in one order."""
        return {
            "optional": sorted(self.optional),
            "values": {place: dict(known) for place, known in sorted(self.values.items())},
            "types": sorted(self.types),
        }

    def with_(self, difference: Difference, stands_for: str = "") -> Terms:
        """Also what is agreed about a difference. Raises ValueError when nothing can be."""
        place = difference.place
        match difference.remedy:
            case Remedy.MAP if stands_for:
                values = {name: dict(known) for name, known in self.values.items()}
                values.setdefault(place, {})[difference.value] = stands_for
                return Terms(self.optional, values, self.types)
            case Remedy.OPTIONAL:
                return Terms(self.optional | {place}, self.values, self.types)
            case Remedy.CONVERT:
                return Terms(self.optional, self.values, self.types | {place})
        raise ValueError("Nothing can be agreed about this difference: the source must mend it.")


def merged(all_: Iterable[Terms]) -> Terms:
    """All terms at once, for what does not say of which entity it is."""
    optional: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    values: dict[str, dict[str, str]] = {}
    for terms in all_:
        optional, types = optional | terms.optional, types | terms.types
        for place, known in terms.values.items():
            values.setdefault(place, {}).update(known)
    return Terms(optional, values, types)


Fields = Mapping[tuple[str, ...], Mapping[str, Any]]


def schema_of(fields: Fields) -> dict[str, Any]:
    """The JSON Schema of what is read, by the paths of its fields: all must be there, and an object
    within another may be empty."""
    root: dict[str, Any] = {"$schema": DIALECT, "type": "object"}
    for path in sorted(fields):
        node = root
        for step in path:
            if step == EACH:
                node["type"] = "array"
                node = node.setdefault("items", {"type": "object"})
            else:
                node.setdefault("type", ["object", EMPTY])
                required = node.setdefault("required", [])
                if step not in required:
                    required.append(step)
                node = node.setdefault("properties", {}).setdefault(step, {})
        node.update(fields[path])
    return root


def fields_of(schema: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Every field of a schema with what it must be, in words of JSON Schema."""
    required = schema.get("required", ())
    for name, said in schema.get("properties", {}).items():
        path = f"{before}{name}"
        yield path, _words(said, must=name in required)
        yield from fields_of(said, f"{path}.")
        yield from fields_of(said.get("items", {}), f"{path}.{EACH}.")


def _words(said: Mapping[str, Any], *, must: bool) -> str:
    kind = said.get("type", "any")
    kinds = kind if isinstance(kind, list) else [kind]
    words = " or ".join(one for one in kinds if one != EMPTY)
    if "const" in said:
        words = f"always {said['const']}"
    elif "enum" in said:
        words += f", one of {', '.join(str(one) for one in said['enum'])}"
    elif "format" in said:
        words += f", {said['format']}"
    if EMPTY in kinds and "enum" not in said:
        words += ", may be empty"
    return words if must else f"{words}, may be missing"


@dataclass(frozen=True, slots=True)
class Changed:
    """A field that differs between two versions; "" where it is not there."""

    path: str
    before: str
    after: str


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Changed]:
    """What differs between two contracts, by field."""
    old, new = dict(fields_of(before)), dict(fields_of(after))
    return [
        Changed(path, old.get(path, ""), new.get(path, ""))
        for path in sorted(old.keys() | new.keys())
        if old.get(path) != new.get(path)
    ]


def known_values(schema: Mapping[str, Any], place: str) -> list[str]:
    """The agreed values of the fields whose path ends in `place`, in their order."""
    found = []
    for path, said in _nodes(schema):
        if path == place or path.endswith(f".{place}"):
            found += [str(one) for one in said.get("enum", ()) if str(one) not in found]
    return found


def with_terms(schema: Mapping[str, Any], terms: Terms) -> dict[str, Any]:
    """The contract with what was agreed beyond it."""

    def grown(node: Mapping[str, Any], before: str) -> dict[str, Any]:
        made = dict(node)
        if "properties" in node:
            named = {name: f"{before}{name}" for name in node["properties"]}
            made["properties"] = {
                name: _agreed(grown(one, f"{named[name]}."), named[name], terms)
                for name, one in node["properties"].items()
            }
            made["required"] = [
                name
                for name in node.get("required", ())
                if not any(_is(named[name], place) for place in terms.optional)
            ]
        if "items" in node:
            made["items"] = grown(node["items"], f"{before}{EACH}.")
        return made

    return grown(schema, "")


def _agreed(node: dict[str, Any], path: str, terms: Terms) -> dict[str, Any]:
    for place, known in terms.values.items():
        if _is(path, place) and "enum" in node:
            node["enum"] = [*node["enum"], *(one for one in known if one not in node["enum"])]
    if any(_is(path, place) for place in terms.types):
        node["type"] = ["number", "string", EMPTY]
    return node


def _is(path: str, place: str) -> bool:
    """Whether a path is what is read at a place, which may begin anywhere within the record."""
    return path == place or path.endswith(f".{place}")


def _nodes(schema: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, said in schema.get("properties", {}).items():
        yield f"{before}{name}", said
        yield from _nodes(said, f"{before}{name}.")
        yield from _nodes(said.get("items", {}), f"{before}{name}.{EACH}.")


def joined(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Both contracts in one: not every record shows every field, and the later says more of it."""
    made = {**before, **after}
    named = before.get("properties", {}), after.get("properties", {})
    if any(named):
        made["properties"] = {
            name: joined(named[0].get(name, {}), named[1].get(name, {}))
            for name in sorted({*named[0], *named[1]})
        }
        made["required"] = sorted({*before.get("required", ()), *after.get("required", ())})
    if "items" in before or "items" in after:
        made["items"] = joined(before.get("items", {}), after.get("items", {}))
    return made
