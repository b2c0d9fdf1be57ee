"""Rules translate what they know and refuse what they do not."""

from __future__ import annotations

from typing import Any

from controltower.canonical.rules import apply

RULES: list[dict[str, Any]] = [
    {"label": "Name", "source": "who.name", "target": "name", "rule": "copy", "required": True},
    {"label": "Kind", "source": "", "target": "kind", "rule": "constant", "value": "A"},
    {"label": "Tax", "source": "tax", "target": "tax", "rule": "value_map", "values": {"d": "19"}},
    {
        "label": "Lines",
        "source": "lines",
        "target": "lines",
        "rule": "each",
        "rules": [{"label": "Text", "source": "t", "target": "text", "rule": "copy"}],
    },
]


def test_a_record_is_mapped_with_a_line_for_each_field() -> None:
    applied = apply(RULES, {"who": {"name": "Ada"}, "tax": "d", "lines": [{"t": "x"}]})
    assert applied.record == {"name": "Ada", "kind": "A", "tax": "19", "lines": [{"text": "x"}]}
    assert [line.label for line in applied.lines] == ["Name", "Kind", "Tax", "Lines"]
    assert applied.gaps == []


def test_an_unmapped_value_is_a_gap_never_a_guess() -> None:
    applied = apply(RULES, {"who": {"name": "Ada"}, "tax": "z"})
    assert [gap.field for gap in applied.gaps] == ["tax"]
    assert "“z”" in applied.gaps[0].text


def test_an_empty_required_field_is_a_gap() -> None:
    assert apply(RULES, {"tax": "d"}).gaps[0].field == "name"
