"""Which template a deal is set up by, and what no template may say."""

from __future__ import annotations

from typing import Any

import pytest

from controltower.processes import project_templates
from controltower.processes.definition import Refuse
from controltower.processes.project_templates import SHIPPED

METHOD = "Time and materials"
DEAL = {"entity": "LF-DE", "region": "Continental Europe", "billing_method": METHOD}
FIXED = SHIPPED["Implementation fixed fee"]


def template(**values: Any) -> dict[str, Any]:
    return {**SHIPPED["Advisory T&M"], **values}


AGREED = {
    "Usual": template(),
    "Berlin": template(companies=["LF-DE"]),
    "Berlin, North": template(companies=["LF-DE"], regions=["North"]),
    "London": template(companies=["LF-UK"]),
}


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({}, "Berlin"),
        ({"region": "North"}, "Berlin, North"),
        ({"entity": "LF-US"}, "Usual"),
        ({"entity": "LF-UK", "template": "Usual"}, "Usual"),
    ],
)
def test_the_deal_names_its_template_or_the_narrowest_that_fits_is_taken(
    values: dict[str, str], name: str
) -> None:
    assert project_templates.chosen({**DEAL, **values}, AGREED) == name


@pytest.mark.parametrize(
    ("values", "agreed", "said"),
    [
        ({"template": "Gone"}, AGREED, "“Gone”, which the firm has not agreed on"),
        ({"template": "London"}, AGREED, "“London”, which is not for"),
        ({"billing_method": "Barter"}, AGREED, "No project template of the firm is for Barter"),
        ({"billing_method": ""}, AGREED, "No project template of the firm is for no billing"),
        ({}, {"One": template(), "Two": template()}, "“One”, “Two”. Have the deal name one."),
    ],
)
def test_without_one_that_fits_somebody_must_see_to_it(
    values: dict[str, str], agreed: dict[str, Any], said: str
) -> None:
    found = project_templates.chosen({**DEAL, **values}, agreed)
    assert isinstance(found, Refuse)
    assert found.field == project_templates.FIELD
    assert said in found.text


@pytest.mark.parametrize("content", SHIPPED.values(), ids=SHIPPED)
def test_what_the_product_brings_may_be_agreed_on(content: dict[str, Any]) -> None:
    assert project_templates.mistake(content) == ""


def _shares(*shares: str) -> list[dict[str, Any]]:
    return [{"name": f"Part {n}", "share": one, "days": n} for n, one in enumerate(shares)]


def _role(**values: Any) -> list[dict[str, Any]]:
    return [{"name": "Lead", "skill": "", **values}]


@pytest.mark.parametrize(
    "values",
    [
        {"milestones": _shares("33.33", "33.33", "33.33")},
        {"milestones": _shares("33.333", "66.667")},
        {"milestones": _shares("150", "-50")},
        {"milestones": _shares("NaN", "50")},
        {"milestones": _shares("a half", "50")},
        {"milestones": []},
        {"milestones": [{"name": "All", "share": "100", "days": -1}]},
        {"milestones": [{"name": "All", "share": "100", "days": "soon"}]},
        {"milestones": [{"name": "", "share": "100", "days": 1}]},
        {"billing_method": METHOD},
        {"billing_method": " "},
        {"companies": [""]},
        {"roles": _role(hours="8", share="10")},
        {"roles": _role()},
        {"roles": _role(hours="0")},
        {"roles": _role(share="101")},
        {"roles": [*_role(hours="8"), *_role(hours="9")]},
        {"roles": None},
    ],
)
def test_what_no_template_may_say(values: dict[str, Any]) -> None:
    assert project_templates.mistake({**FIXED, **values}) != ""


@pytest.mark.parametrize("content", [None, [], "x", {}])
def test_what_is_no_template_at_all(content: object) -> None:
    assert project_templates.mistake(content) != ""
