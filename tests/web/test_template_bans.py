"""What the content security policy and the coming htmx forbid is not written in any template."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template import Engine
from django.template.loader import get_template

ROOT = Path(settings.BASE_DIR)
PAGES = [p for p in (ROOT / "templates").rglob("*.html") if "emails" not in p.parts]
BANS = {
    r"\sstyle=": "inline style",
    r"\son[a-z]+=": "inline handler",
    r"\shx-on\b|\shx-on:": "hx-on evaluates",
    r"hx-vals=['\"]?js:": "hx-vals js: evaluates",
    r"\shx-vars=": "hx-vars evaluates",
    r"hx-trigger=\"[^\"]*\[[^\"]*\]": "a trigger filter evaluates",
    r"hx-swap=\"morph:\{": "a morph configuration evaluates",
    r"<script(?![^>]*\ssrc=)": "inline script",
    r"<style\b": "inline style sheet",
    r"\|\s*safe\b": "unescaped text",
    r"{%\s*autoescape off": "unescaped text",
    r"mark_safe": "unescaped text",
    r"href=\"javascript:": "script address",
}


def named(path: Path) -> str:
    return str(path.relative_to(ROOT / "templates"))


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_nothing_banned(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = [why for pattern, why in BANS.items() if re.search(pattern, text)]
    assert not found


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_every_request_says_where_its_answer_goes(path: Path) -> None:
    """htmx 4 drops implicit inheritance: each element carries its own target and swap."""
    text = re.sub(r"{%.*?%}|{{.*?}}", "", path.read_text())
    for element in re.findall(r"<[a-z][^<>]*\shx-(?:get|post)=[^<>]*>", text):
        assert "hx-target=" in element, element
        assert "hx-swap=" in element, element


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_every_posting_form_carries_its_token(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for form in re.findall(r"<form\b.*?</form>", text, re.S):
        if 'method="post"' in form:
            assert "{% csrf_token %}" in form


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_it_compiles(path: Path) -> None:
    assert isinstance(Engine.get_default(), Engine)
    get_template(named(path))


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_a_comment_of_many_lines_is_not_printed(path: Path) -> None:
    for comment in re.findall(r"\{#.*?#\}", path.read_text(), re.S):
        assert "\n" not in comment
