"""For everybody: no fault that axe can find, keyboard alone, 320 pixels, dark, and errors that say what to do."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.explorer.conftest import GONE
from tests.explorer.looks import DIALOGS, VIEWS, count, pages, settled, violations

Visit = Callable[..., Page]


@pytest.mark.parametrize(("dark", "language"), [(False, "en"), (True, "en"), (False, "es")])
def test_axe_finds_nothing_on_any_page(visit: Visit, seeded_site: str, dark: bool, language: str) -> None:
    page = visit(seeded_site, f"/?lang={language}", dark=dark)
    settled(page).get_by_role("combobox").first.select_option(language)
    found = {}
    for path in pages(seeded_site):
        page.goto(f"{seeded_site}{path}")
        found[path] = violations(settled(page))
        assert page.evaluate("document.documentElement.lang") == language
    assert not {path: wrong for path, wrong in found.items() if wrong}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_in_what_opens(visit: Visit, seeded_site: str, dark: bool) -> None:
    page = settled(visit(seeded_site, dark=dark))
    found = {}
    for name in DIALOGS:
        page.get_by_role("button", name=name).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        found[name] = violations(settled(page))
        page.keyboard.press("Escape")
    page.locator(".dot").first.click()
    found["what is at a spot"] = violations(settled(page))
    page.get_by_role("combobox", name="Search words, places, actors").fill("mexic")
    expect(page.get_by_role("option", name=re.compile("^Mexican Army"))).to_be_visible()
    found["suggestions"] = violations(settled(page))
    for path in (
        "/?type=hijacking&view=table",
        "/?type=release&view=facets",
        "/?from=2024-03&to=2024-03&view=timeline",
        "/codebook",
    ):
        page.goto(f"{seeded_site}{path}")
        for closed in settled(page).locator("main details:not([open]) > summary").all()[:3]:
            closed.click()
        found[path] = violations(settled(page))
    assert not {what: wrong for what, wrong in found.items() if wrong}


def test_nothing_is_wider_than_a_small_phone(visit: Visit, seeded_site: str) -> None:
    page = visit(seeded_site, width=320, height=640)
    wide = {}
    for path in pages(seeded_site):
        page.goto(f"{seeded_site}{path}")
        wide[path] = settled(page).evaluate("document.documentElement.scrollWidth")
    assert not {path: width for path, width in wide.items() if width > 320}
    assert violations(page) == []


def test_everything_can_be_reached_by_keyboard(visit: Visit, seeded_site: str) -> None:
    page = settled(visit(seeded_site))
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    met = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        met.add(page.evaluate("(e => (e.getAttribute('aria-label') ?? e.textContent).trim())(document.activeElement)"))
    for name in ("Search words, places, actors", "Timeline", "Copy link", "Zoom in", "2 incidents here: list them"):
        assert name in met, met


def tab_to(page: Page, words: str) -> None:
    """Press Tab until what begins with these words has the focus."""
    said = "(e => e.getAttribute('aria-label') ?? e.textContent.trim())(document.activeElement)"
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate(said).startswith(words):
            return
    raise AssertionError(f"no Tab leads to {words}")


def test_the_timeline_is_chosen_from_by_keyboard_alone(visit: Visit, seeded_site: str) -> None:
    page = settled(visit(seeded_site, "/?view=timeline"))
    tab_to(page, "Skip the facets")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("slider", name="Begin of the chosen time")).to_be_focused()
    for _ in range(30):
        page.keyboard.press("PageUp")
    expect(page).to_have_url(re.compile("from=2023-"))
    assert count(page) == 7
    expect(page.get_by_role("slider", name="Begin of the chosen time")).to_be_focused()
    page.keyboard.press("Home")
    expect(page).not_to_have_url(re.compile("from="))
    tab_to(page, "58 of the hostages")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("58 of the hostages freed")


def test_from_a_filter_to_a_record_by_keyboard_alone(visit: Visit, seeded_site: str) -> None:
    page = settled(visit(seeded_site))
    tab_to(page, "Sinaloa")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("count")).to_have_text("5")
    settled(page)
    tab_to(page, "2 incidents here")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="At this spot: 2")).to_be_focused()
    settled(page)
    tab_to(page, "58 of the hostages")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("58 of the hostages freed")
    expect(page.locator("main")).to_be_focused()


@pytest.mark.parametrize("view", VIEWS)
def test_a_query_that_is_refused_says_why(chromium_page: Page, seeded_site: str, view: str) -> None:
    page = chromium_page
    page.goto(f"{seeded_site}{view}{'&' if '?' in view else '?'}tpye=release")
    expect(page.get_by_role("alert")).to_contain_text("did you mean type?")
    assert violations(settled(page)) == []
    page.get_by_role("link", name="Clear all").first.click()
    expect(page.get_by_test_id("count")).to_have_text("12")


def test_a_service_that_does_not_answer_is_said(chromium_page: Page, seeded_site: str) -> None:
    page = chromium_page
    page.route("**/v1/**", lambda route: route.abort())
    page.goto(f"{seeded_site}/?view=table")
    expect(page.get_by_role("alert").first).to_contain_text("The service does not answer.")
    page.unroute("**/v1/**")
    page.get_by_role("button", name="Try again").first.click()
    expect(page.get_by_test_id("count")).to_have_text("12")


def test_a_record_that_is_not_there_is_said(chromium_page: Page, changed_site: str) -> None:
    page = chromium_page
    page.goto(f"{changed_site}/incidents/00000000-0000-8000-8000-000000000000")
    expect(page.get_by_role("heading", level=1)).to_have_text("There is no such record")
    page.goto(f"{changed_site}{GONE['ended']}")
    expect(page.get_by_role("heading", level=1)).to_have_text("This record was ended")
    expect(page.get_by_role("alert")).to_contain_text("Test data · It was a try.")
    expect(page.locator(".envelope li").first).to_contain_text("Version 2 End")
    expect(page.locator(".envelope")).not_to_contain_text("[object")
    assert violations(settled(page)) == []
    page.goto(f"{changed_site}{GONE['merged']}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Told once")
    expect(page.get_by_text("The record of this address was merged into this one.")).to_be_visible()
