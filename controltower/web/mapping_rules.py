"""Mapping rules for people: as table rows, as differences between versions, as form fields.

Pure. Rules inside an `each` are shown under their list ("lines[].tax_code").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from controltower.canonical.personal import rule_kind
from controltower.canonical.rules import Rule, walk
from controltower.web import wording

BLANK_ROWS = 2
"""Empty rows offered at the end of each table of values."""


@dataclass(frozen=True, slots=True)
class Row:
    """A rule as a table row. `values` are the pairs of its table of values."""

    path: str
    label: str
    source: str
    target: str
    words: str
    values: list[tuple[str, str]]
    required: bool
    personal: bool


def rows(rules: Sequence[Rule]) -> list[Row]:
    """Every rule, those of lists after their list."""
    return [
        Row(
            path=path,
            label=str(rule.get("label", "")),
            source=f"{within}{rule.get('source', '')}" if rule.get("source") else "",
            target=f"{within}{rule.get('target', '')}",
            words=wording.rule(rule),
            values=sorted((str(k), str(v)) for k, v in rule.get("values", {}).items()),
            required=bool(rule.get("required")),
            personal=rule_kind(rule) is not None,
        )
        for path, within, rule in walk(rules)
    ]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `kind` is "added", "removed" or "changed"."""

    kind: str
    label: str
    target: str
    before: str
    after: str


def changes(before: Sequence[Rule], after: Sequence[Rule]) -> list[Change]:
    """What differs, in the order of the newer rules; removed ones last."""
    old = {f"{within}{rule.get('target')}": rule for _path, within, rule in walk(before)}
    new = {f"{within}{rule.get('target')}": rule for _path, within, rule in walk(after)}
    found: list[Change] = []
    for target, rule in new.items():
        if target not in old:
            found.append(Change("added", _label(rule), target, "", _words(rule)))
        else:
            found.extend(_altered(target, old[target], rule))
    for target, rule in old.items():
        if target not in new:
            found.append(Change("removed", _label(rule), target, _words(rule), ""))
    return found


def _altered(target: str, old: Rule, new: Rule) -> Iterator[Change]:
    label = _label(new)
    if _words(old) != _words(new):
        yield Change("changed", label, target, _words(old), _words(new))
    elif new.get("rule") == "value_map":
        was, is_ = old.get("values", {}), new.get("values", {})
        for key in [*was, *(key for key in is_ if key not in was)]:
            if was.get(key) != is_.get(key):
                kind = "added" if key not in was else "removed" if key not in is_ else "changed"
                yield Change(kind, label, target, _pair(key, was), _pair(key, is_))
    for name, word in (("required", _("required")), ("personal", _("personal"))):
        if bool(old.get(name)) != bool(new.get(name)):
            kind = "added" if new.get(name) else "removed"
            yield Change(
                kind, label, target, word if old.get(name) else "", word if new.get(name) else ""
            )


def _label(rule: Rule) -> str:
    return str(rule.get("label", ""))


def _words(rule: Rule) -> str:
    """Rule and source, without what is inside a list: that has lines of its own."""
    words = _("each line") if rule.get("rule") == "each" else wording.rule(rule)
    source = rule.get("source")
    return _("%(source)s, %(words)s") % {"source": source, "words": words} if source else words


def _pair(key: str, values: Mapping[str, Any]) -> str:
    return f"{key} → {values[key]}" if key in values else ""


@dataclass(slots=True)
class Line:
    """One editable line of a table of values."""

    name: str
    before: str
    after: str
    error: str = ""


@dataclass(slots=True)
class Field:
    """A rule as the form shows it: what can be changed, and what was wrong with it."""

    path: str
    row: Row
    kind: str
    constant: str = ""
    is_switch: bool = False
    lines: list[Line] = field(default_factory=list)
    error: str = ""


def form_of(rules: Sequence[Rule], more: Mapping[str, int] | None = None) -> list[Field]:
    """The form for some rules; `more` asks for further empty rows per path."""
    extra = more or {}
    fields = []
    for row, (path, _within, rule) in zip(rows(rules), walk(rules), strict=True):
        made = Field(path, row, str(rule.get("rule")))
        if made.kind == "constant":
            made.is_switch = isinstance(rule["value"], bool)
            made.constant = str(rule["value"])
        if made.kind == "value_map":
            pairs = [*row.values, *[("", "")] * (BLANK_ROWS + extra.get(path, 0))]
            made.lines = [Line(f"{path}-{i}", *pair) for i, pair in enumerate(pairs)]
        fields.append(made)
    return fields


def read_form(rules: Sequence[Rule], posted: Mapping[str, str]) -> tuple[list[Any], list[Field]]:
    """The rules as edited, and the form with what was wrong; without errors none is marked."""
    edited = deepcopy(list(rules))
    fields = form_of(rules)
    for shown, (path, _within, rule) in zip(fields, list(walk(edited)), strict=True):
        assert isinstance(rule, dict)
        if f"required-{path}" in posted:
            rule["required"] = True
        else:
            rule.pop("required", None)
        if shown.kind == "constant":
            shown.constant = posted.get(f"constant-{path}", "").strip()
            _read_constant(shown, rule)
        elif shown.kind == "value_map":
            shown.lines = _read_lines(path, posted)
            rule["values"] = {x.before: x.after for x in shown.lines if x.before and not x.error}
            if not rule["values"]:
                shown.error = _("The table is empty: every record would be refused.")
    return edited, fields


def _read_constant(shown: Field, rule: dict[str, Any]) -> None:
    value: Any = shown.constant
    if shown.is_switch:
        value = shown.constant == "True"
    elif isinstance(rule["value"], int):
        if not shown.constant.lstrip("-").isdecimal():
            shown.error = _("This needs a whole number.")
            return
        value = int(shown.constant)
    elif not value:
        shown.error = _("This needs a value.")
    rule["value"] = value


def _read_lines(path: str, posted: Mapping[str, str]) -> list[Line]:
    """The posted table, without the lines ticked for removal and the empty ones."""
    lines: list[Line] = []
    seen: set[str] = set()
    for index in range(500):
        name = f"{path}-{index}"
        if f"from-{name}" not in posted:
            break
        line = Line(name, posted[f"from-{name}"].strip(), posted.get(f"to-{name}", "").strip())
        if f"remove-{name}" in posted or not (line.before or line.after):
            continue
        if not line.before:
            line.error = _("Say which value this is for.")
        elif not line.after:
            line.error = _("Say what “%(value)s” becomes.") % {"value": line.before}
        elif line.before in seen:
            line.error = _("“%(value)s” stands in the table twice.") % {"value": line.before}
        seen.add(line.before)
        lines.append(line)
    return [Line(f"{path}-{i}", x.before, x.after, x.error) for i, x in enumerate(lines)]


def has_errors(fields: Sequence[Field]) -> bool:
    """Whether anything was wrong with what was posted."""
    return any(one.error or any(line.error for line in one.lines) for one in fields)


def with_blank_rows(fields: Sequence[Field], more: Mapping[str, int]) -> None:
    """Offer empty rows again at the end of each table."""
    for one in fields:
        if one.kind == "value_map":
            start = len(one.lines)
            for index in range(BLANK_ROWS + more.get(one.path, 0)):
                one.lines.append(Line(f"{one.path}-{start + index}", "", ""))
