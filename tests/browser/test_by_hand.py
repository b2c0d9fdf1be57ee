"""Ticking, single keys and the theme: what a hand does with the pages."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Screens, Tower

pytestmark = [pytest.mark.browser, pytest.mark.slow]
WHO = "otto.brandt"


def test_a_range_is_ticked_and_planned_by_keyboard(screens: Screens, tower: Tower) -> None:
    page = screens.visitor(WHO).go(tower.pages["exception"])
    bar = page.locator("#selection-bar")
    expect(bar).to_be_hidden()
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(bar.locator("[data-count]")).to_have_text("1")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Shift+X")
    expect(bar.locator("[data-count]")).to_have_text("3")
    expect(page.locator("input[data-select-all]")).to_be_checked()
    page.keyboard.press("r")
    page.wait_for_url("**/jobs/*/")
    expect(page.locator("h1")).to_contain_text("Replay: ")
    expect(page.locator(".tx-amount")).to_contain_text("3 chosen")


def test_the_bar_adds_up_what_is_ticked(screens: Screens, tower: Tower) -> None:
    page = screens.visitor(WHO).go(tower.pages["exception"])
    page.locator("input[data-select-all]").check()
    boxes = page.locator("input[data-select]")
    minor = sum(int(boxes.nth(i).get_attribute("data-minor") or 0) for i in range(boxes.count()))
    written = page.locator("#selection-bar [data-value]").inner_text()
    assert int("".join(filter(str.isdigit, written))) == minor
    page.locator("input[data-select-all]").uncheck()
    expect(page.locator("#selection-bar")).to_be_hidden()


def test_single_keys_leave_a_field_alone(screens: Screens) -> None:
    page = screens.visitor(WHO).go("/tx/")
    page.keyboard.press("/")
    expect(page.locator("main input[name=q]")).to_be_focused()
    page.keyboard.type("gejx")
    expect(page.locator("main input[name=q]")).to_have_value("gejx")


def test_single_keys_can_be_switched_off(screens: Screens, tower: Tower) -> None:
    page = screens.visitor("priya.nair").go("/tx/")
    page.click("button.avatar")
    page.click("text=Single-key shortcuts")
    page.wait_for_load_state("networkidle")
    page.keyboard.press("g")
    page.keyboard.press("e")
    page.wait_for_timeout(300)
    assert page.url == f"{tower.base}/tx/"
    page.click("button.avatar")
    page.click("text=Single-key shortcuts")
    expect(page.locator("body")).not_to_have_attribute("data-single-keys", "off")


def test_the_theme_is_kept_with_the_person(screens: Screens, tower: Tower) -> None:
    page = screens.visitor("priya.nair").go("/tx/?stuck=1")
    page.click("button.avatar")
    page.click("text=Night")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.url == f"{tower.base}/tx/?stuck=1"


def test_forms_open_without_script(screens: Screens, tower: Tower) -> None:
    page = screens.visitor(WHO, script=False).go(tower.pages["exception"])
    page.click("text=Assign")
    expect(page.locator("#assign")).to_be_visible()
    expect(page.locator("#selection-bar")).to_be_visible()


def test_a_phone_shows_the_tab_that_is_open(screens: Screens) -> None:
    """However far along its row it stands."""
    visitor = screens.visitor("jonas.achterberg", width=375)
    for path in ("/manage/audit/", "/manage/promises/", "/exceptions/?tab=solved"):
        row = visitor.go(path).locator(".tabs")
        place, shown = row.bounding_box(), row.locator("[aria-current]").bounding_box()
        assert place is not None and shown is not None
        assert place["x"] <= shown["x"]
        assert shown["x"] + shown["width"] <= place["x"] + place["width"]


def test_the_trail_of_a_transaction_fills_a_phones_width(screens: Screens, tower: Tower) -> None:
    visitor = screens.visitor(WHO)
    page = visitor.go(f"{tower.pages['transaction refused']}?tab=audit")
    visitor.at("light", 375)
    said = page.locator(".timeline li > span:last-child").first
    box = said.bounding_box()
    assert box is not None and box["width"] > 250
