"""What a person does at the screen: by keyboard alone, while it is live, and without script."""

from __future__ import annotations

import json
import re

import pytest
import redis
from playwright.sync_api import Page, expect

from tests.browser.conftest import Screens, Tower
from tests.browser.world import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def tab_to(page: Page, name: str, most: int = 60) -> None:
    """Press Tab until the focus is on what is called so."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if name in (page.evaluate("document.activeElement.textContent") or ""):
            return
    raise AssertionError(f"the keyboard does not reach “{name}”")


def ring(tower: Tower, *topics: str) -> None:
    """Say that something has changed, as the engine's bell does."""
    redis.Redis.from_url(tower.environment["REDIS_URL"]).publish(
        "controltower:live", json.dumps(topics)
    )


def test_signing_in_and_finding_what_is_stuck_by_keyboard_alone(
    screens: Screens, tower: Tower
) -> None:
    page = screens.chromium.new_context().new_page()
    page.goto(tower.base + "/")
    expect(page.locator("[name=username]")).to_be_focused()
    page.keyboard.type("otto.brandt")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(tower.base + "/exceptions/")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("g")
    page.keyboard.press("e")
    page.wait_for_url(tower.base + "/exceptions/")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/exceptions/*/")
    page.keyboard.press("u")
    page.wait_for_url(tower.base + "/exceptions/")
    page.keyboard.press("?")
    expect(page.locator("#keys-help")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#keys-help")).to_be_hidden()
    page.context.close()


def key(page: Page, *keys: str) -> None:
    """Press keys, one after the other."""
    for one in keys:
        page.keyboard.press(one)


def test_triage_by_keyboard_alone(screens: Screens, tower: Tower) -> None:
    """From the list of causes to a planned replay and back, each act by its key; nothing is left
    changed."""
    page = screens.visitor("otto.brandt").go("/")
    key(page, "g", "e")
    page.wait_for_url("**/exceptions/")
    key(page, "j", "j", "k", "Enter")
    page.wait_for_url("**/exceptions/*/")
    screens.visitor("otto.brandt").go(tower.pages["exception"])
    bar = page.locator("#selection-bar")
    expect(bar).to_be_hidden()
    key(page, "j", "x")
    expect(bar.locator("[data-count]")).to_have_text("1")
    key(page, "j", "j", "Shift+X")
    expect(bar.locator("[data-count]")).to_have_text("3")
    for letter, dialog in (("a", "assign"), ("s", "snooze")):
        key(page, letter)
        opened = page.locator(f"[popover][id^={dialog}]:popover-open")
        expect(opened).to_be_visible()
        expect(opened.locator("form :focus")).to_have_count(1)
        key(page, "Escape")
        expect(opened).to_have_count(0)
    key(page, "?")
    expect(page.locator("#keys-help")).to_be_visible()
    key(page, "Escape", "/")
    expect(page.locator("#finder")).to_be_visible()
    key(page, "Escape", "r")
    page.wait_for_url("**/jobs/*/")
    screens.visitor("otto.brandt").go(tower.pages["job"])
    key(page, "r")
    expect(page.locator(".sheet-dialog:popover-open")).to_be_visible()
    key(page, "Escape", "u")
    page.wait_for_url(tower.base + "/jobs/")
    for letter, place in (("p", "processes"), ("m", "measures"), ("x", "tx"), ("i", "incidents")):
        key(page, "g", letter)
        page.wait_for_url(f"{tower.base}/{place}/")


def test_a_form_that_is_being_filled_in_outlives_a_refresh_without_it(
    screens: Screens, tower: Tower
) -> None:
    """A colleague was quicker: the page is fetched anew, and offers the act no more."""
    page = screens.visitor("otto.brandt").go(tower.pages["exception"])
    key(page, "s")
    form = page.locator(".sheet-dialog:popover-open")
    form.locator("textarea").first.fill("Waits for Tax")
    page.evaluate(
        """() => {
          const actions = document.querySelector(".sheet-dialog:popover-open").parentElement;
          for (const box of [actions, actions.parentElement])
            Idiomorph.morph(box, "<p>Snoozed by a colleague</p>", { morphStyle: "innerHTML" });
        }"""
    )
    expect(page.get_by_text("Snoozed by a colleague").last).to_be_attached()
    expect(form.locator("textarea").first).to_have_value("Waits for Tax")
    form.locator("button[type=submit]").last.click()
    expect(page.locator("main .notice").first).to_be_visible()


@pytest.mark.parametrize("script", [True, False])
def test_a_form_that_is_refused_opens_again_with_what_was_typed(
    screens: Screens, tower: Tower, script: bool
) -> None:
    page = screens.visitor("otto.brandt", script=script).go(tower.pages["exception"])
    page.locator("[popovertarget=snooze]").first.click()
    form = page.locator("#snooze")
    form.locator("[name=value]").fill("lots")
    form.locator("textarea").fill("Waits for Tax")
    form.locator("button[type=submit]").click()
    expect(page.locator("main .notice")).to_be_attached()
    expect(form.locator(".errors")).to_be_visible()
    expect(form.locator("[name=value]")).to_have_value("lots")
    expect(form.locator("textarea")).to_have_value("Waits for Tax")
    if script:
        expect(form.locator("[name=value]")).to_be_focused()
        ring(tower, "exceptions", "transactions", "causes")
        page.wait_for_timeout(2500)
        expect(form.locator(".errors")).to_be_visible()


def test_an_owner_is_given_and_taken_back_by_keyboard(screens: Screens, tower: Tower) -> None:
    page = screens.visitor("otto.brandt").go(tower.pages["exception"])
    key(page, "a")
    page.locator("[popover][id^=assign]:popover-open form button[type=submit]").press("Enter")
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_visible()
    undo.press("Enter")
    expect(page.locator("main .notice")).to_be_visible()
    expect(undo).to_have_count(0)


def test_single_keys_can_be_switched_off_and_every_key_has_a_button(
    screens: Screens, tower: Tower
) -> None:
    page = screens.visitor("priya.nair").go("/settings/")
    box = page.get_by_label("Single-key shortcuts")
    box.press("Space")
    expect(box).not_to_be_checked()
    page.locator("form[action='/settings/looks/'] button").press("Enter")
    expect(page.locator("body")).to_have_attribute("data-single-keys", "off")
    key(page, "g", "e", "?")
    expect(page.locator("#keys-help")).to_be_hidden()
    key(page, "Control+k")
    expect(page.locator("#finder")).to_be_visible()
    page = screens.visitor("priya.nair").go("/exceptions/")
    for one in page.locator("[data-go], [data-key='?']").all():
        expect(one).to_be_visible()
    screens.visitor("priya.nair").go("/settings/")
    page.get_by_label("Single-key shortcuts").press("Space")
    page.locator("form[action='/settings/looks/'] button").press("Enter")
    expect(page.locator("body")).not_to_have_attribute("data-single-keys", "off")


def test_the_finder_takes_any_name_by_keyboard(screens: Screens, tower: Tower) -> None:
    page = screens.visitor("otto.brandt").go("/")
    page.keyboard.press("Control+k")
    page.keyboard.type("Mappings")
    expect(page.locator("#found [aria-selected=true]")).to_contain_text("Mappings")
    page.keyboard.press("Enter")
    page.wait_for_url(tower.base + "/mappings/")


def test_pausing_and_resuming_a_system_by_keyboard(screens: Screens, tower: Tower) -> None:
    page = screens.visitor("otto.brandt").go("/systems/salesforce/")
    tab_to(page, "Pause Salesforce")
    page.keyboard.press("Enter")
    dialog = page.locator("#pause")
    expect(dialog).to_be_visible()
    page.focus("#pause textarea")
    page.keyboard.type("Upgrade at noon")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("Paused by Otto Brandt: Upgrade at noon")
    tab_to(page, "Resume Salesforce")
    page.keyboard.press("Enter")
    page.locator("#resume form button").press("Enter")
    expect(page.locator("main")).to_contain_text("Salesforce is called again.")


def test_a_signal_makes_exactly_the_regions_concerned_fetch_themselves(
    screens: Screens, tower: Tower
) -> None:
    """The systems, and whether they are held back for a recovery; nothing else."""
    page = screens.visitor("otto.brandt").go("/")
    expect(page.locator("[data-live-mark]")).to_have_attribute("data-state", "live")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(tower.base)))
    with page.expect_response("**/tower/systems/"), page.expect_response("**/recovery/"):
        ring(tower, "systems")
    assert set(asked) == {"/tower/systems/", "/recovery/"}


def test_a_refresh_leaves_what_is_being_typed_and_what_is_open(
    screens: Screens, tower: Tower
) -> None:
    page = screens.visitor("otto.brandt").go("/systems/tryton/")
    expect(page.locator("[data-live-mark]")).to_have_attribute("data-state", "live")
    page.click("text=Pause Tryton ERP")
    page.fill("#pause textarea", "Half a sent")
    with page.expect_response("**/systems/tryton/"):
        ring(tower, "systems")
    page.wait_for_timeout(300)
    expect(page.locator("#pause")).to_be_visible()
    expect(page.locator("#pause textarea")).to_have_value("Half a sent")
    expect(page.locator("#pause textarea")).to_be_focused()


def test_a_refresh_moves_the_clock_and_keeps_its_zones_name(screens: Screens, tower: Tower) -> None:
    """German browsers call New York's zone GMT-5 where the page says EST."""
    page = screens.visitor("otto.brandt").speaking("de").go("/")
    expect(page.locator("[data-live-mark]")).to_have_attribute("data-state", "live")
    clock = page.locator("[data-live-mark] time")
    clock.evaluate("time => { time.dataset.zone = 'America/New_York'; "
                   "time.textContent = '99:99 EST'; }")  # fmt: skip
    ring(tower, "systems")
    expect(clock).to_have_text(re.compile(r"^[0-2]\d:[0-5]\d EST$"))


def test_the_feed_can_be_paused(screens: Screens, tower: Tower) -> None:
    page = screens.visitor("otto.brandt").go("/")
    button = page.locator("[data-live-pause]")
    button.click()
    expect(page.locator("[data-live-mark]")).to_have_attribute("data-state", "paused")
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    expect(page.locator("[data-live-mark]")).to_have_attribute("data-state", "live")


def test_a_draft_is_written_and_reviewed_without_script(screens: Screens, tower: Tower) -> None:
    lena = screens.visitor("lena.weil", script=False)
    page = lena.go("/mappings/project-to-psa/drafts/")
    page.fill("input[value='Fixed Price']", "Fixed Fee")
    page.fill("[name=note]", "Their new name for it.")
    page.click("text=Save draft")
    expect(page.locator("main")).to_contain_text("v2 is a draft.")
    expect(page.locator("ins")).to_have_text(["Fixed fee → Fixed Fee"])


def test_the_tower_reads_without_script(screens: Screens) -> None:
    page = screens.visitor("anna.lindqvist", script=False).go("/")
    expect(page.locator("h1")).to_contain_text("stuck")
    expect(page.locator("#triage .causes li").first).to_be_visible()


def test_the_sentence_leads_to_a_list_of_as_many(screens: Screens) -> None:
    page = screens.visitor("anna.lindqvist").go("/")
    stuck = int(page.locator(".facts dd").first.inner_text().split()[0])
    page.click("h1 a.is-stuck")
    page.wait_for_load_state("networkidle")
    expect(page.locator("#rows tbody tr")).to_have_count(stuck)


def test_enter_narrows_a_list_once(screens: Screens) -> None:
    """One step back in the browser undoes one search."""
    page = screens.visitor("otto.brandt").go("/interfaces/")
    sought = page.locator("form.filters input[name=q]")
    for words in ("client", "project"):
        sought.fill(words)
        sought.press("Enter")
        page.wait_for_url(f"**/interfaces/?q={words}*")
        expect(page.locator("#registry tbody tr[data-row]").first).to_contain_text(words.title())
    page.go_back()
    page.wait_for_url("**/interfaces/?q=client*")


def test_a_list_prints_as_a_table_on_a4(screens: Screens, tower: Tower) -> None:
    """The width of the paper, 186 mm, is no phone's: heads stay and repeat, buttons go."""
    page = screens.visitor("otto.brandt").go(tower.pages["exception"])
    heads = page.locator(".ledger thead").first
    page.set_viewport_size({"width": 703, "height": 1000})
    expect(heads).to_have_css("position", "absolute")
    page.emulate_media(media="print")
    expect(heads).to_have_css("display", "table-header-group")
    expect(page.locator("main .actions").first).to_be_hidden()
