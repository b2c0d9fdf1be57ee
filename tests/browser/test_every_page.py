"""Every page × day and night × phone and desk: accessible, within the policy, within the screen,
and with targets that a finger hits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Screens, Tower, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow]
AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
    "preload": False,
}
"""`preload` reads every style sheet and all media once more, for two rules: one is not asked for,
and no page has sound."""
NAMES = (
    "tower", "measures", "measure", "processes", "process", "process without",
    "transactions at a stage", "transactions", "transactions stuck", "transactions no match",
    "transaction verified", "transaction refused", "transaction period closed",
    "transaction in doubt", "transaction paused", "exceptions", "set aside", "exception", "jobs",
    "job", "mappings",
    "customers", "mapping", "mapping in review", "mapping draft", "assurance", "systems", "system",
    "system new", "system connect", "system describe", "system described", "system circuit open",
    "interfaces", "interfaces drifted", "interfaces no match", "interface", "interface proposed",
    "drift", "incidents", "incident", "run", "runbooks", "runbook", "runbook draft",
    "settings", "messages", "transactions by a view",
    "admin", "people", "person", "limits", "promises", "calendars", "routes", "notices",
    "masks", "retention", "audit", "companies", "rates", "library",
    "month-end close", "quote to cash",
)  # fmt: skip
SCREENS = [(theme, width) for theme in ("light", "dark") for width in (1440, 375)]
SPOKEN = {
    "en-gb": [("light", 1440), ("dark", 375)],
    "de": [("dark", 1440), ("light", 375)],
}
"""Each language is looked at on one desk and one phone: its words are as long by day and night."""
REFLOWED = 320
"""What is left of 1280 px at four hundred per cent (WCAG 1.4.10)."""
TOO_SMALL = """[...document.querySelectorAll("a, button, summary, input:not([type=hidden])")]
    .filter((one) => !one.closest("p, dd, q, .skip, .unseen, .tick, .choice"))
    .filter((one) => !one.closest("[popover]:not(:popover-open)"))
    .map((one) => [one.outerHTML.slice(0, 120), one.getBoundingClientRect()])
    .filter(([, box]) => box.width > 0 && (box.width < 24 || box.height < 24))
    .map(([html, box]) => `${html} ${Math.round(box.width)}x${Math.round(box.height)}`)"""
"""WCAG 2.5.8: 24 px each way, but for links within a sentence."""


DESKS = (1440, 1366, 1280)
TOO_WIDE = """[...document.querySelectorAll("section table")]
    .filter((one) => !one.closest(".table-wrap, .unseen, details:not([open])"))
    .map((one) => [one, one.closest("section").getBoundingClientRect()])
    .filter(([one, box]) => one.getBoundingClientRect().right > box.right + 0.5)
    .map(([one, box]) => [one.caption?.innerText, one.getBoundingClientRect().right - box.right])"""
"""Tables that stick out of their region and cannot be scrolled in it."""


def test_no_page_is_forgotten(tower: Tower) -> None:
    assert set(NAMES) == set(tower.pages)


@pytest.mark.parametrize("name", NAMES)
def test_page(screens: Screens, tower: Tower, name: str) -> None:
    """Loaded once in each language and shown on several screens: theme and width are the browser's
    own, and the page follows them without another load."""
    path = tower.pages[name]
    visitor = screens.visitor("amara.osei" if path.startswith("/manage/") else "otto.brandt")
    for language, seen in SPOKEN.items():
        page = visitor.speaking(language).go(path)
        assert page.locator("html").get_attribute("lang") == language
        assert _violations_by_screen(visitor, seen) == {}
        for width in (1440, 375, REFLOWED):
            visitor.at("light", width)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
    visitor.at("light", 375)
    assert page.evaluate(TOO_SMALL) == []
    assert visitor.complaints == []


@pytest.mark.parametrize("language", SPOKEN)
@pytest.mark.parametrize("name", ["tower", "process", "system", "exception"])
def test_no_table_runs_under_its_neighbour(
    screens: Screens, tower: Tower, name: str, language: str
) -> None:
    """Regions beside each other hide what is too wide for one; the document does not grow by it."""
    visitor = screens.visitor("otto.brandt").speaking(language)
    page = visitor.go(tower.pages[name])
    for width in DESKS:
        visitor.at("light", width)
        assert page.evaluate(TOO_WIDE) == [], width


@pytest.mark.parametrize("path", ["/sign-in/", "/nowhere/"])
def test_page_outside(screens: Screens, path: str) -> None:
    visitor = screens.visitor("" if path == "/sign-in/" else "otto.brandt")
    visitor.go(path)
    assert _violations_by_screen(visitor) == {}
    assert [x for x in visitor.complaints if "404" not in x] == []


def _violations_by_screen(
    visitor: Visitor, screens: Sequence[tuple[str, int]] = SCREENS
) -> dict[tuple[str, int], list[str]]:
    """What axe finds on the page that is open, by theme and width."""
    found = {screen: _violations(visitor.at(*screen)) for screen in screens}
    return {screen: violations for screen, violations in found.items() if violations}


def _violations(page: Page) -> list[str]:
    """What axe finds, one line each. It is evaluated, not loaded: the policy stays in force."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    found = page.evaluate("rules => axe.run(document, rules)", RULES)
    return [
        f"{one['id']} ({one['impact']}): {node['html'][:200]} {node['failureSummary'][:200]}"
        for one in found["violations"]
        for node in one["nodes"][:3]
    ]


@pytest.mark.parametrize("username", ["anna.lindqvist", "jonas.achterberg"])
def test_what_a_person_may_not_do_is_accessible_too(
    screens: Screens, tower: Tower, username: str
) -> None:
    visitor = screens.visitor(username)
    for name in ("transaction refused", "exception", "mapping in review", "mapping", "system"):
        page = visitor.go(tower.pages[name])
        assert visitor.complaints == []
        assert _violations(page) == [], name


def test_the_first_load_is_light(screens: Screens, tower: Tower) -> None:
    """Less than 150 KB over the wire without fonts."""
    signed_in = screens.visitor("otto.brandt").context.storage_state()
    context = screens.chromium.new_context(storage_state=signed_in)
    page = context.new_page()
    sizes: list[int] = []
    page.on(
        "requestfinished",
        lambda request: (
            None
            if request.resource_type == "font"
            else sizes.append(request.sizes()["responseBodySize"])
        ),
    )
    page.goto(tower.base + "/")
    page.wait_for_load_state("networkidle")
    context.close()
    assert 0 < sum(sizes) < 150_000
