"""Mapping rules as rows, as differences and as a form, without a database."""

from __future__ import annotations

from typing import Any

from controltower.web import mapping_rules

RULES: list[dict[str, Any]] = [
    {"label": "Name", "source": "name", "target": "Name", "rule": "copy", "required": True},
    {"label": "Released", "source": "", "target": "Released", "rule": "constant", "value": True},
    {"label": "Term", "source": "", "target": "term", "rule": "constant", "value": "NET30"},
    {
        "label": "Lines",
        "source": "lines",
        "target": "lines",
        "rule": "each",
        "rules": [
            {
                "label": "Tax code",
                "source": "tax",
                "target": "tax_code",
                "rule": "value_map",
                "values": {"domestic": "DE-19", "export": "EX-0"},
            }
        ],
    },
]


def posted() -> dict[str, str]:
    """What the untouched form posts."""
    return {
        "required-0": "on",
        "constant-1": "True",
        "constant-2": "NET30",
        "from-3.0-0": "domestic",
        "to-3.0-0": "DE-19",
        "from-3.0-1": "export",
        "to-3.0-1": "EX-0",
        "from-3.0-2": "",
        "to-3.0-2": "",
    }


def test_rows_show_rules_inside_a_list_under_it() -> None:
    rows = mapping_rules.rows(RULES)
    assert [row.target for row in rows] == ["Name", "Released", "term", "lines", "lines[].tax_code"]
    assert rows[-1].values == [("domestic", "DE-19"), ("export", "EX-0")]


def test_an_untouched_form_gives_the_same_rules() -> None:
    edited, fields = mapping_rules.read_form(RULES, posted())
    assert edited == RULES
    assert not mapping_rules.has_errors(fields)


def test_values_are_added_changed_and_removed_and_nothing_else_moves() -> None:
    answers = posted() | {
        "to-3.0-0": "DE-16",
        "remove-3.0-1": "on",
        "from-3.0-2": "reverse_charge",
        "to-3.0-2": "EU-RC",
    }
    edited, fields = mapping_rules.read_form(RULES, answers)
    assert not mapping_rules.has_errors(fields)
    assert edited[3]["rules"][0]["values"] == {"domestic": "DE-16", "reverse_charge": "EU-RC"}
    assert RULES[3]["rules"][0]["values"] == {"domestic": "DE-19", "export": "EX-0"}
    found = {(x.kind, x.before, x.after) for x in mapping_rules.changes(RULES, edited)}
    assert found == {
        ("changed", "domestic → DE-19", "domestic → DE-16"),
        ("removed", "export → EX-0", ""),
        ("added", "", "reverse_charge → EU-RC"),
    }


def test_constants_keep_their_type() -> None:
    edited, _fields = mapping_rules.read_form(RULES, posted() | {"constant-1": "False"})
    assert edited[1]["value"] is False


def test_a_half_filled_row_a_double_and_an_empty_constant_are_told_apart() -> None:
    answers = posted() | {
        "constant-2": " ",
        "to-3.0-1": "",
        "from-3.0-2": "domestic",
        "to-3.0-2": "X",
    }
    _edited, fields = mapping_rules.read_form(RULES, answers)
    errors = [line.error for line in fields[-1].lines] + [fields[2].error]
    assert errors == [
        "",
        "Say what “export” becomes.",
        "“domestic” stands in the table twice.",
        "This needs a value.",
    ]


def test_an_emptied_table_is_refused() -> None:
    answers = posted() | {"remove-3.0-0": "on", "remove-3.0-1": "on"}
    _edited, fields = mapping_rules.read_form(RULES, answers)
    assert fields[-1].error == "The table is empty: every record would be refused."


def test_changes_tell_of_rules_added_removed_and_no_longer_required() -> None:
    newer = [{**RULES[0], "required": False}, {**RULES[2], "value": "NET14"}, RULES[3]]
    found = [(x.kind, x.target, x.before, x.after) for x in mapping_rules.changes(RULES, newer)]
    assert found == [
        ("removed", "Name", "required", ""),
        ("changed", "term", "always “NET30”", "always “NET14”"),
        ("removed", "Released", "always “True”", ""),
    ]
