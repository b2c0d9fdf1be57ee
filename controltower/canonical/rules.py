"""Turn a canonical record into a target's record by a version's rules. Pure.

A rule is `{"label", "source", "target", "rule", …}`, where `rule` is one of
  copy      the value as it is
  constant  always `value`
  value_map `values[source value]`; a missing entry is a refusal, never a guess
  each      `rules` applied to every element of a list
`source` is a dotted path into the record; `required` refuses an empty value; `personal` masks it
on pages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Rule = Mapping[str, Any]
RULES = ("copy", "constant", "value_map", "each")


@dataclass(frozen=True, slots=True)
class FieldLine:
    """One mapped field, for people: where it came from and what was sent."""

    label: str
    source: str
    value: Any
    target: str
    sent: Any
    personal: bool = False


@dataclass(frozen=True, slots=True)
class Gap:
    """A value that the rules cannot translate."""

    field: str
    text: str


@dataclass(slots=True)
class Applied:
    """The target's record, its field lines, and what could not be mapped."""

    record: dict[str, Any] = field(default_factory=dict)
    lines: list[FieldLine] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)


class BadRules(Exception):
    """The rules would not apply; the text says which and why."""


def apply(rules: Sequence[Mapping[str, Any]], record: Mapping[str, Any]) -> Applied:
    """Map a record; with gaps, the result must not be sent."""
    applied = Applied()
    for rule in rules:
        source = str(rule.get("source", ""))
        value = _at(record, source) if source else None
        sent = _translate(rule, value, applied)
        if rule.get("required") and sent in (None, "", []):
            text = f"“{rule['label']}” is empty, and {rule['target']} needs it."
            applied.gaps.append(Gap(str(rule["target"]), text))
        applied.record[str(rule["target"])] = sent
        applied.lines.append(
            FieldLine(
                label=str(rule["label"]),
                source=source,
                value=value,
                target=str(rule["target"]),
                sent=sent,
                personal=bool(rule.get("personal")),
            )
        )
    return applied


def walk(
    rules: Sequence[Rule], path: str = "", within: str = ""
) -> Iterator[tuple[str, str, Rule]]:
    """(path of indices "10.5", prefix of its list "lines[].", rule), depth first."""
    for index, rule in enumerate(rules):
        here = f"{path}.{index}" if path else str(index)
        yield here, within, rule
        if rule.get("rule") == "each":
            yield from walk(rule.get("rules", ()), here, f"{within}{rule.get('target')}[].")


def check_rules(rules: Sequence[Mapping[str, Any]]) -> None:
    """Every rule must be complete and of a known kind, every target named once."""
    seen: set[str] = set()
    for rule in rules:
        target = str(rule.get("target", ""))
        if rule.get("rule") not in RULES or not target or not rule.get("label"):
            raise BadRules(f"The rule for “{target or rule}” is incomplete or of unknown kind.")
        if target in seen:
            raise BadRules(f"Two rules write “{target}”.")
        if rule["rule"] == "value_map" and not isinstance(rule.get("values"), dict):
            raise BadRules(f"The rule for “{target}” has no table of values.")
        if rule["rule"] == "each":
            check_rules(rule.get("rules", ()))
        seen.add(target)


def _translate(rule: Mapping[str, Any], value: Any, applied: Applied) -> Any:
    kind = rule["rule"]
    if kind == "constant":
        return rule["value"]
    if kind == "value_map":
        values = rule["values"]
        if str(value) in values:
            return values[str(value)]
        text = f"No value for “{rule['label']}” is mapped from “{value}”."
        applied.gaps.append(Gap(str(rule["target"]), text))
        return None
    if kind == "each":
        parts = [apply(rule["rules"], element) for element in value or ()]
        for part in parts:
            applied.gaps.extend(gap for gap in part.gaps if gap not in applied.gaps)
        return [part.record for part in parts]
    return value


def _at(record: Mapping[str, Any], path: str) -> Any:
    value: Any = record
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
